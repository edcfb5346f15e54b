// Writing text: appends to a buffer the caller owns and reuses, so that a steady state allocates nothing.

extension Array where Element == UInt8 {
  /// The bytes of a literal.
  public init(_ literal: StaticString) {
    self.init()
    self.write(literal)
  }
  public mutating func write(_ s: StaticString) {
    s.withUTF8Buffer { append(contentsOf: $0) }
  }
  public mutating func write(_ s: Bytes) { append(contentsOf: s) }
  public mutating func write(_ n: UInt64) {
    var divisor: UInt64 = 1
    while n / divisor >= 10 { divisor &*= 10 }
    while divisor > 0 {
      append(48 &+ UInt8(truncatingIfNeeded: n / divisor % 10))
      divisor /= 10
    }
  }
  public mutating func write(_ n: Int64) {
    if n < 0 { append(UInt8(ascii: "-")) }
    write(n.magnitude)
  }
  public mutating func write(_ n: Int32) { write(Int64(n)) }
  public mutating func write(_ n: Int) { write(Int64(n)) }
}

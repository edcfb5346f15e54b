// Words for people with figures in them: string interpolation into bytes, with a unit for each type.
public import Samples

/// `"pid \(pid) holds \(bytes) for \(duration)"`: sizes, durations and hostile names are written as people read them.
public struct Sentence: ExpressibleByStringInterpolation {
  public var bytes: Bytes
  public init(bytes: Bytes) { self.bytes = bytes }
  public init(stringLiteral value: StaticString) { bytes = Bytes(value) }
  public init(stringInterpolation: Interpolation) { bytes = stringInterpolation.bytes }

  public struct Interpolation: StringInterpolationProtocol {
    var bytes = Bytes()
    public init(literalCapacity: Int, interpolationCount: Int) {
      bytes.reserveCapacity(literalCapacity + interpolationCount * 8)
    }
    public mutating func appendLiteral(_ literal: StaticString) { bytes.write(literal) }
    public mutating func appendInterpolation(_ n: Int32) { bytes.write(n) }
    public mutating func appendInterpolation(_ n: UInt64) { bytes.write(n) }
    public mutating func appendInterpolation(_ n: Int) { bytes.write(n) }
    public mutating func appendInterpolation(_ words: StaticString) { bytes.write(words) }
    public mutating func appendInterpolation(_ name: Bytes) { bytes.writeSafely(name) }
    public mutating func appendInterpolation(_ size: ByteCount) { bytes.writeSize(size) }
    public mutating func appendInterpolation(_ duration: Milliseconds) { bytes.writeDuration(duration) }
    @_disfavoredOverload
    public mutating func appendInterpolation(_ sentence: Sentence) { bytes.append(contentsOf: sentence.bytes) }
    /// `1 worker`, `3 workers`.
    public mutating func appendInterpolation(_ n: Int, _ noun: StaticString) {
      bytes.write(n)
      bytes.write(" ")
      bytes.write(noun)
      if n != 1 { bytes.write("s") }
    }
  }
}

extension Array where Element == UInt8 {
  public mutating func say(_ sentence: Sentence) { append(contentsOf: sentence.bytes) }
}

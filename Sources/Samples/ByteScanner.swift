// Reading kernel text: a cursor over bytes. Never traps on hostile input, never allocates.

/// A cursor over the bytes of one file. Every call either advances past what it found or says nil.
public struct ByteScanner: ~Escapable {
  public let text: Span<UInt8>
  public private(set) var position = 0

  @_lifetime(copy text)
  public init(_ text: Span<UInt8>) { self.text = text }

  public var isAtEnd: Bool { position >= text.count }
  /// The byte under the cursor, not consumed.
  public var next: UInt8? { position < text.count ? text[position] : nil }

  @_lifetime(self: copy self)
  public mutating func move(to offset: Int) { position = min(max(offset, 0), text.count) }
  @_lifetime(self: copy self)
  public mutating func skipBlanks() {
    while position < text.count, text[position] == 0x20 || text[position] == 0x09 { position &+= 1 }
  }
  /// Puts the cursor behind the next newline, or at the end.
  @_lifetime(self: copy self)
  public mutating func skipLine() {
    while position < text.count, text[position] != 0x0A { position &+= 1 }
    if position < text.count { position &+= 1 }
  }
  /// Skips one run of non-blank bytes and the blanks before it.
  @_lifetime(self: copy self)
  public mutating func skipField() {
    skipBlanks()
    while position < text.count, text[position] > 0x20 { position &+= 1 }
  }
  /// Consumes `word` if it stands here.
  @_lifetime(self: copy self)
  public mutating func accept(_ word: StaticString) -> Bool {
    let n = word.utf8CodeUnitCount
    guard text.count - position >= n else { return false }
    for i in 0..<n where text[position &+ i] != word.utf8Start[i] { return false }
    position &+= n
    return true
  }
  /// Blanks, then digits. Nil without a digit; a number above 2^64-1 saturates.
  @_lifetime(self: copy self)
  public mutating func number() -> UInt64? {
    skipBlanks()
    return digits(radix: 10)
  }
  /// Like `number`, base 8: the `flags:` line of fdinfo.
  @_lifetime(self: copy self)
  public mutating func octal() -> UInt64? {
    skipBlanks()
    return digits(radix: 8)
  }
  /// Like `number`, base 16, as the capability masks of /proc/PID/status are written.
  @_lifetime(self: copy self)
  public mutating func hexadecimal() -> UInt64? {
    skipBlanks()
    var value: UInt64 = 0
    let start = position
    while let c = next, let digit = hexValue(c) {
      value = value << 4 | UInt64(digit)
      position &+= 1
    }
    return position > start ? value : nil
  }
  /// Blanks, an optional minus, digits.
  @_lifetime(self: copy self)
  public mutating func signed() -> Int64? {
    skipBlanks()
    let negative = accept("-")
    guard let magnitude = digits(radix: 10) else { return nil }
    if negative { return magnitude > UInt64(Int64.max) ? Int64.min : -Int64(magnitude) }
    return Int64(clamping: magnitude)
  }

  @_lifetime(self: copy self)
  private mutating func digits(radix: UInt64) -> UInt64? {
    var value: UInt64 = 0
    var seen = false
    while position < text.count {
      let digit = UInt64(text[position] &- 48)
      guard text[position] >= 48, digit < radix else { break }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      value = overflow || carry ? .max : sum
      seen = true
      position &+= 1
    }
    return seen ? value : nil
  }
}

private func hexValue(_ c: UInt8) -> UInt8? {
  switch c {
  case 48...57: c - 48
  case 97...102: c - 87
  case 65...70: c - 55
  default: nil
  }
}

/// `true` when the bytes are those of the literal: no Unicode, no allocation.
public func equal(_ a: Span<UInt8>, _ b: StaticString) -> Bool {
  guard a.count == b.utf8CodeUnitCount else { return false }
  for i in 0..<a.count where a[i] != b.utf8Start[i] { return false }
  return true
}
public func equal(_ a: Bytes, _ b: StaticString) -> Bool { equal(a.span, b) }

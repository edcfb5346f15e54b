// JSON (RFC 8259) into a buffer: the commas, the escapes, nothing else. Names and paths of other processes are hostile
// text: control bytes are escaped, bytes that are not UTF-8 become U+FFFD.
public import Samples

public struct JSONWriter {
  public var text = Bytes()
  private var needsComma = false
  public init() {}

  public mutating func object(_ body: (inout JSONWriter) -> Void) {
    open("{")
    body(&self)
    close("}")
  }
  public mutating func array(_ body: (inout JSONWriter) -> Void) {
    open("[")
    body(&self)
    close("]")
  }
  public mutating func object(_ key: StaticString, _ body: (inout JSONWriter) -> Void) {
    self.key(key)
    object(body)
  }
  public mutating func array(_ key: StaticString, _ body: (inout JSONWriter) -> Void) {
    self.key(key)
    array(body)
  }

  public mutating func field(_ key: StaticString, _ value: Bytes) {
    self.key(key)
    string(value)
  }
  public mutating func field(_ key: StaticString, _ value: StaticString) {
    self.key(key)
    string(Bytes(value))
  }
  public mutating func field(_ key: StaticString, _ value: UInt64) {
    self.key(key)
    number(value)
  }
  public mutating func field(_ key: StaticString, _ value: Int64) {
    self.key(key)
    separate()
    text.write(value)
  }
  public mutating func field(_ key: StaticString, _ value: Int) { field(key, Int64(value)) }
  public mutating func field(_ key: StaticString, _ value: Int32) { field(key, Int64(value)) }
  public mutating func field(_ key: StaticString, _ value: Bool) {
    literal(key, value ? "true" : "false")
  }
  public mutating func field(_ key: StaticString, _ value: ByteCount) { field(key, value.rawValue) }
  public mutating func null(_ key: StaticString) {
    literal(key, "null")
  }
  @inline(never)
  private mutating func literal(_ key: StaticString, _ word: StaticString) {
    self.key(key)
    separate()
    text.write(word)
  }
  /// The number, or null.
  public mutating func field(_ key: StaticString, _ value: ByteCount?) {
    if let value { field(key, value) } else { null(key) }
  }

  public mutating func field(_ key: StaticString, _ value: UInt64?) {
    if let value { field(key, value) } else { null(key) }
  }
  public mutating func field(_ key: StaticString, _ value: Int?) {
    if let value { field(key, value) } else { null(key) }
  }
  public mutating func field(_ key: StaticString, _ value: Milliseconds?) {
    if let value { field(key, value.rawValue) } else { null(key) }
  }

  @inline(never)
  public mutating func key(_ key: StaticString) {
    separate()
    text.write("\"")
    text.write(key)
    text.write("\":")
    needsComma = false
  }
  public mutating func number(_ n: UInt64) {
    separate()
    text.write(n)
  }
  public mutating func string(_ s: Bytes) {
    separate()
    text.writeJSONString(s)
  }

  // Not inlined: every answer is made of these.
  @inline(never)
  private mutating func separate() {
    if needsComma { text.append(UInt8(ascii: ",")) }
    needsComma = true
  }
  @inline(never)
  private mutating func open(_ bracket: StaticString) {
    separate()
    text.write(bracket)
    needsComma = false
  }
  @inline(never)
  private mutating func close(_ bracket: StaticString) {
    text.write(bracket)
    needsComma = true
  }
}

extension Array where Element == UInt8 {
  public mutating func writeJSONString(_ s: Bytes) {
    append(UInt8(ascii: "\""))
    var i = 0
    while i < s.count {
      let byte = s[i]
      switch byte {
      case 0x22, 0x5C:
        append(0x5C)
        append(byte)
      case 0x0A: write("\\n")
      case 0x09: write("\\t")
      case 0x0D: write("\\r")
      case ..<0x20, 0x7F:
        write("\\u00")
        append(hexDigit(byte >> 4))
        append(hexDigit(byte & 15))
      case ..<0x80: append(byte)
      default:
        let length = utf8Length(s, at: i)
        if length == 0 {
          write("\\ufffd")
        } else {
          for k in 0..<length { append(s[i + k]) }
          i += length - 1
        }
      }
      i += 1
    }
    append(UInt8(ascii: "\""))
  }
  /// For people: printable bytes and UTF-8 as they are, everything else as `\xNN`, so that no name can move a cursor.
  public mutating func writeSafely(_ s: Bytes) {
    var i = 0
    while i < s.count {
      let length = s[i] < 0x80 ? (s[i] >= 0x20 && s[i] != 0x7F ? 1 : 0) : utf8Length(s, at: i)
      // C1 control characters are U+0080 to U+009F: C2 80 to C2 9F.
      if length == 0 || (s[i] == 0xC2 && s[i + 1] < 0xA0) {
        write("\\x")
        append(hexDigit(s[i] >> 4))
        append(hexDigit(s[i] & 15))
        i += 1
      } else {
        for k in 0..<length { append(s[i + k]) }
        i += length
      }
    }
  }
}

func hexDigit(_ n: UInt8) -> UInt8 { n < 10 ? 48 + n : 87 + n }

/// The length of the well-formed UTF-8 sequence of two to four bytes that starts here, or 0 (RFC 3629: no overlong
/// forms, no surrogates, nothing above U+10FFFF).
private func utf8Length(_ s: Bytes, at i: Int) -> Int {
  let lead = s[i]
  let length: Int
  var low: UInt8 = 0x80, high: UInt8 = 0xBF
  switch lead {
  case 0xC2...0xDF: length = 2
  case 0xE0...0xEF:
    length = 3
    if lead == 0xE0 { low = 0xA0 }
    if lead == 0xED { high = 0x9F }
  case 0xF0...0xF4:
    length = 4
    if lead == 0xF0 { low = 0x90 }
    if lead == 0xF4 { high = 0x8F }
  default: return 0
  }
  guard i + length <= s.count, s[i + 1] >= low, s[i + 1] <= high else { return 0 }
  for k in 2..<max(length, 2) where s[i + k] & 0xC0 != 0x80 { return 0 }
  return length
}

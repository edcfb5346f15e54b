// What a growing log is made of: how long its lines are, and how many of them say the same again. Judges samples of what
// was written; reads nothing.
public import Samples

/// Numbers and times do not make a line another one: a run of letters and digits that has a digit in it is left out, so
/// that `1970-01-01T00:19:02 client 17 gone` and the same a second later, of client 18, are alike. 600 bytes.
public struct LineTally: Sendable {
  /// Hashes of lines seen lately, each where its lowest bits say.
  private var recent = [UInt32](repeating: 0, count: places)
  private var lines: UInt64 = 0, repeated: UInt64 = 0, bytes: UInt64 = 0
  private static let places = 128
  /// Beyond so many lines the older ones count half.
  private static let horizon: UInt64 = 1024

  public init() {}

  /// Whole lines, each with its newline. What follows the last newline is not looked at: the number of bytes that were.
  public mutating func take(_ text: Span<UInt8>) -> Int {
    var hash = Self.seed, start = 0
    var word = Self.seed, wordHasDigit = false, inWord = false
    var i = 0
    while i < text.count {
      let byte = text[i]
      i &+= 1
      let isDigit = byte >= 48 && byte <= 57
      if isDigit || (byte | 0x20 >= 97 && byte | 0x20 <= 122) || byte >= 0x80 {
        if !inWord { (word, wordHasDigit, inWord) = (hash, false, true) }
        wordHasDigit = wordHasDigit || isDigit
        hash = Self.mix(hash, byte)
        continue
      }
      if inWord {
        if wordHasDigit { hash = word }
        inWord = false
      }
      if byte == 0x0A {
        count(hash, length: i &- start)
        (hash, start) = (Self.seed, i)
      } else {
        hash = Self.mix(hash, byte)
      }
    }
    return start
  }

  /// nil before the first line.
  public var averageLength: UInt64? { lines > 0 ? max(bytes / lines, 1) : nil }
  /// Of the last thousand lines or so; nil before the first.
  public var repeatedShare: Permyriad? { lines > 0 ? Permyriad(UInt32(repeated * 10_000 / lines)) : nil }
  /// Lines in so many bytes of this log.
  public func lines(in amount: ByteCount) -> UInt64? { lines > 0 ? scaled(amount) : nil }

  private func scaled(_ amount: ByteCount) -> UInt64 {
    let (high, low) = amount.rawValue.multipliedFullWidth(by: lines)
    return high >= bytes ? .max : bytes.dividingFullWidth((high, low)).quotient
  }

  private mutating func count(_ hash: UInt32, length: Int) {
    if lines >= Self.horizon { (lines, repeated, bytes) = (lines / 2, repeated / 2, bytes / 2) }
    lines += 1
    bytes += UInt64(length)
    let place = Int(hash % UInt32(Self.places))
    if recent[place] == hash { repeated += 1 }
    recent[place] = hash
  }

  // FNV-1a.
  private static let seed: UInt32 = 2_166_136_261
  private static func mix(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 16_777_619 }
}

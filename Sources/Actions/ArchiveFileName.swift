// Names in an archive folder: what is whole, what is being written, and what is about to be cut out of its log. A name is
// all the state there is: it changes by one rename, which a power cut leaves done or not done.
//
//   messages.00000012.gz                        an archive
//   messages.00000012.gz.part-5f0c1e22a9b3d471  being written since this boot (the first half of its boot id)
//   messages.00000012.gz.cut-9f000-1c291ca3     whole and on storage; the log holds the same up to offset 0x9f000, with
//                                               that CRC, unless the cut was done already
public import Samples

public struct ArchiveFileName: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    case whole
    case part(boot: UInt64)
    case cut(end: UInt64, crc: UInt32)
  }
  /// Counts up for as long as there is one file of the log in the folder.
  public var sequence: UInt64
  public var gzip: Bool
  public var state: State
  public init(sequence: UInt64, gzip: Bool, state: State) {
    self.sequence = sequence
    self.gzip = gzip
    self.state = state
  }

  /// So that counting on never overflows, whatever stands in the folder.
  static let sequenceMaximum: UInt64 = 1 << 53

  /// nil: a file of somebody else's.
  public init?(_ name: Bytes, stem: Bytes) {
    guard name.count > stem.count + 1, name.count < 256, Bytes(name[..<stem.count]) == stem else { return nil }
    var scanner = ByteScanner(name.span)
    scanner.move(to: stem.count)
    guard scanner.accept("."), let sequence = scanner.number(),
      sequence <= Self.sequenceMaximum
    else { return nil }
    var parsed = ArchiveFileName(sequence: sequence, gzip: scanner.accept(".gz"), state: .whole)
    if scanner.accept(".part-"), let boot = scanner.hexadecimal() {
      parsed.state = .part(boot: boot)
    } else if scanner.accept(".cut-"), let end = scanner.hexadecimal(), scanner.accept("-"),
      let crc = scanner.hexadecimal(), crc <= UInt64(UInt32.max)
    {
      parsed.state = .cut(end: end, crc: UInt32(crc))
    }
    // What is written differently is not ours: `messages.1`, `messages.12.gz.old`.
    guard parsed.bytes(stem: stem) == name else { return nil }
    self = parsed
  }

  public func bytes(stem: Bytes) -> Bytes {
    var out = stem
    out.write(".")
    var limit: UInt64 = 10
    for _ in 0..<7 {
      if sequence < limit { out.write("0") }
      limit *= 10
    }
    out.write(sequence)
    if gzip { out.write(".gz") }
    switch state {
    case .whole: break
    case .part(let boot):
      out.write(".part-")
      out.write(hexadecimal: boot)
    case .cut(let end, let crc):
      out.write(".cut-")
      out.write(hexadecimal: end)
      out.write("-")
      out.write(hexadecimal: UInt64(crc))
    }
    return out
  }
}

extension Array where Element == UInt8 {
  /// Without leading zeros.
  fileprivate mutating func write(hexadecimal n: UInt64) {
    var shift = 60
    while shift > 0, n >> UInt64(shift) == 0 { shift -= 4 }
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: n >> UInt64(shift) & 15)
      append(digit < 10 ? 48 + digit : 87 + digit)
      shift -= 4
    }
  }
}

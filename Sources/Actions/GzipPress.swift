// A piece of text as one gzip member, which says its own length in front (as BGZF does): members stand one behind the
// other in a file that every gzip can read, and after a power cut the whole ones can be told from the torn one.
import CLinux
import CZlib
import Samples

/// zlib's tables, about 38 KiB, and what is compressed with them. One for all logs: nothing is kept between two pieces.
public final class GzipPress {
  private var tables: UnsafeMutableRawPointer?
  public init() {}
  deinit { czlib_close(tables) }

  /// RFC 1952: magic, deflate, FEXTRA, no time, unknown system, then 14 bytes of extra fields: BC, the member's length
  /// less 1; MW, the CRC-32 of its compressed bytes.
  private static let start: [UInt8] = [0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 255, 14, 0, 0x42, 0x43, 2, 0]
  private static let middle: [UInt8] = [0x4D, 0x57, 4, 0]
  static let headerLength = 26, trailerLength = 8
  /// Of a member, at most: BC has two bytes.
  static let maximum = 65536

  /// The member's length; nil without memory. 24 KiB fit into 32 KiB, however they look.
  func compress(_ from: UnsafeRawBufferPointer, into: UnsafeMutableRawBufferPointer) -> Int? {
    if tables == nil { tables = czlib_open() }
    guard let tables, let text = from.baseAddress, let out = into.baseAddress else { return nil }
    let n = Int(
      czlib_deflate(
        tables, text, from.count, out + Self.headerLength, into.count - Self.headerLength - Self.trailerLength))
    guard n >= 0 else { return nil }
    let length = Self.headerLength + n + Self.trailerLength
    guard length <= Self.maximum else { return nil }
    for i in 0..<16 { into[i] = Self.start[i] }
    put(UInt32(length - 1), 2, at: 16, in: into)
    for i in 0..<4 { into[18 + i] = Self.middle[i] }
    put(czlib_crc(0, out + Self.headerLength, n), 4, at: 22, in: into)
    put(czlib_crc(0, text, from.count), 4, at: Self.headerLength + n, in: into)
    put(UInt32(from.count), 4, at: Self.headerLength + n + 4, in: into)
    return length
  }

  /// The length of the member that the bytes begin with; nil when it is torn or none of ours.
  static func member(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count > headerLength + trailerLength, let base = bytes.baseAddress else { return nil }
    for i in 0..<16 where bytes[i] != start[i] { return nil }
    for i in 0..<4 where bytes[18 + i] != middle[i] { return nil }
    let length = Int(bytes[16]) + Int(bytes[17]) << 8 + 1
    let n = length - headerLength - trailerLength
    guard n > 0, length <= bytes.count else { return nil }
    var crc: UInt32 = 0
    for i in (22..<26).reversed() { crc = crc << 8 | UInt32(bytes[i]) }
    return czlib_crc(0, base + headerLength, n) == crc ? length : nil
  }

  /// Little-endian.
  private func put(_ n: UInt32, _ count: Int, at offset: Int, in out: UnsafeMutableRawBufferPointer) {
    for i in 0..<count { out[offset + i] = UInt8(truncatingIfNeeded: n >> UInt32(8 * i)) }
  }
}

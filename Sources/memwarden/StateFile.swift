// A small file that must outlive memwarden: text with a checksum, of one boot, replaced as a whole. What is in it is
// RedirectState's and WorkerState's. Processes are named by pid and start time, so it is of use within one boot only.
import CLinux
import Kernel
import Report
import Samples

struct StateFile {
  enum Found {
    case nothing
    /// The file or its folder belongs to others or may be written by them.
    case foreign
    /// nil: longer than it may be, or not readable.
    case text(Bytes?)
  }
  let path: Bytes
  static let sizeMaximum = 256 * 1024

  var folder: Bytes { Bytes(path[..<max(1, path.lastIndex(of: UInt8(ascii: "/")) ?? 1)]) }

  func read(_ reader: KernelReader) -> Found {
    guard let status = try? reader.fileStatus(path) else { return .nothing }
    guard status.isRegular, status.uid == geteuid(), status.mode & 0o022 == 0,
      folder.withCString({ redirect_make_folder($0) }) == 0
    else { return .foreign }
    return .text(readWhole(path, maximum: StateFile.sizeMaximum))
  }

  /// In the place of what was there, at once; its folder is made where it is missing. 0 or -errno.
  func replace(by text: Bytes, _ board: Board) -> Int32 {
    let made = folder.withCString { redirect_make_folder($0) }
    if made < 0 { return made }
    let temporary = path + Bytes(".new")
    let result = text.withUnsafeBytes { text in
      path.withCString { path in
        temporary.withCString { redirect_replace_file(path, $0, text.baseAddress, text.count) }
      }
    }
    if result == 0 { board.own.bytesWritten += UInt64(text.count) }
    return result
  }

  func remove() { _ = path.withCString { unlink($0) } }

  // MARK: What is whole

  /// The first line: what it is, and of which boot.
  static func begin(_ head: StaticString, bootID: Bytes) -> Bytes {
    var out = Bytes(head)
    out.write(bootID)
    out.append(0x0A)
    return out
  }

  /// The last line: the sum of all before it.
  static func seal(_ out: inout Bytes) {
    let sum = checksum(out[...])
    out.write("sum ")
    out.write(sum)
    out.append(0x0A)
  }

  /// Where the lines between the first and the last are. nil: not a whole file of this kind. Empty: of another boot.
  static func open(_ text: Bytes, _ head: StaticString, bootID: Bytes) -> Range<Int>? {
    guard text.last == 0x0A, let last = text.dropLast().lastIndex(of: 0x0A) else { return nil }
    var end = ByteScanner(text.span.extracting((last + 1)...))
    guard end.accept("sum "), end.number() == checksum(text[...last]), end.accept("\n"), end.isAtEnd else { return nil }
    var s = ByteScanner(text.span.extracting(...last))
    guard s.accept(head) else { return nil }
    guard !bootID.isEmpty, Bytes(text[s.position...].prefix(bootID.count)) == bootID else { return 0..<0 }
    s.skipLine()
    return s.position..<(last + 1)
  }

  /// FNV-1a, 64 bits: against a half-written file, not against root.
  private static func checksum(_ text: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}

extension Array where Element == UInt8 {
  mutating func writeHex(_ text: Bytes) {
    for byte in text {
      for digit in [byte >> 4, byte & 15] { append(digit < 10 ? 48 + digit : 87 + digit) }
    }
  }
}

extension ByteScanner {
  /// Blanks, then pairs of hexadecimal digits.
  @_lifetime(self: copy self)
  mutating func hexText() -> Bytes? {
    skipBlanks()
    var out = Bytes(), high: UInt8?
    while let c = next, c > 0x20 {
      guard let digit = (c >= 48 && c <= 57) ? c - 48 : (c >= 97 && c <= 102) ? c - 87 : nil else { return nil }
      if let first = high {
        out.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
      move(to: position + 1)
    }
    return out.isEmpty || high != nil ? nil : out
  }
}

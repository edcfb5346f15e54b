// The state file: which logs are redirected, so that the next memwarden goes on or undoes. Text with a checksum; what is
// not whole is nothing. Only of use within one boot: processes are named by pid and start time.
import Actions
import CLinux
import Policy
import Report
import Samples

struct SavedRedirect: Equatable {
  var path = Bytes(), target = RedirectTarget.null, place = Bytes()
  var device = Device(major: 0, minor: 0), inode: UInt64 = 0
  var isComplete = false
  var writers = [LogWriter]()
}

enum RedirectState {
  private static let head: StaticString = "memwarden state 1 "
  static let sizeMaximum = 256 * 1024

  static func text(_ redirects: [SavedRedirect], bootID: Bytes) -> Bytes {
    var out = Bytes(head)
    out.write(bootID)
    out.append(0x0A)
    for saved in redirects {
      out.write(saved.isComplete ? "redirect " : "begun ")
      for text in [saved.path, saved.target.words.bytes, saved.place] {
        out.writeHex(text)
        out.append(0x20)
      }
      for number in [UInt64(saved.device.major), UInt64(saved.device.minor), saved.inode] {
        out.write(number)
        out.append(0x20)
      }
      out.append(0x0A)
      for writer in saved.writers {
        for descriptor in writer.descriptors {
          out.write("writer ")
          for number in [
            UInt64(writer.identity.pid), writer.identity.startTicks, UInt64(descriptor.number), descriptor.flags,
          ] {
            out.write(number)
            out.append(0x20)
          }
          out.append(0x0A)
        }
      }
    }
    let sum = checksum(out[...])
    out.write("sum ")
    out.write(sum)
    out.append(0x0A)
    return out
  }

  /// nil: not a whole state file. Empty: of another boot.
  static func parse(_ text: Bytes, bootID: Bytes) -> [SavedRedirect]? {
    guard text.last == 0x0A, let last = text.dropLast().lastIndex(of: 0x0A) else { return nil }
    var end = ByteScanner(text.span.extracting((last + 1)...))
    guard end.accept("sum "), end.number() == checksum(text[...last]), end.accept("\n"), end.isAtEnd else { return nil }
    var s = ByteScanner(text.span.extracting(...last))
    guard s.accept(head) else { return nil }
    guard Bytes(text[s.position...].prefix(bootID.count)) == bootID else { return [] }
    s.skipLine()
    var found = [SavedRedirect]()
    while !s.isAtEnd {
      if s.accept("writer ") {
        guard !found.isEmpty, let writer = writer(&s) else { return nil }
        let i = found.count - 1
        if let known = found[i].writers.firstIndex(where: { $0.identity == writer.identity }) {
          found[i].writers[known].descriptors += writer.descriptors
        } else {
          found[i].writers.append(writer)
        }
      } else {
        let isComplete = s.accept("redirect ")
        guard isComplete || s.accept("begun "), var saved = redirect(&s) else { return nil }
        saved.isComplete = isComplete
        found.append(saved)
      }
      s.skipLine()
    }
    return found
  }

  private static func redirect(_ s: inout ByteScanner) -> SavedRedirect? {
    guard let path = s.hexText(), let word = s.hexText(), let target = RedirectTarget(word), let place = s.hexText(),
      path.first == UInt8(ascii: "/"), place.first == UInt8(ascii: "/"),
      let major = s.number(), let minor = s.number(), let inode = s.number()
    else { return nil }
    let device = Device(major: UInt32(clamping: major), minor: UInt32(clamping: minor))
    return SavedRedirect(path: path, target: target, place: place, device: device, inode: inode)
  }

  private static func writer(_ s: inout ByteScanner) -> LogWriter? {
    guard let pid = s.number(), pid > 1, pid <= UInt64(Int32.max), let start = s.number(), let number = s.number(),
      number <= UInt64(Int32.max), let flags = s.number()
    else { return nil }
    return LogWriter(
      identity: Identity(pid: Int32(pid), startTicks: start),
      descriptors: [LogWriter.Descriptor(number: Int32(number), flags: flags)])
  }

  /// FNV-1a, 64 bits: against a half-written file, not against root.
  private static func checksum(_ text: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}

extension Array where Element == UInt8 {
  fileprivate mutating func writeHex(_ text: Bytes) {
    for byte in text {
      for digit in [byte >> 4, byte & 15] { append(digit < 10 ? 48 + digit : 87 + digit) }
    }
  }
}

extension ByteScanner {
  /// Blanks, then pairs of hexadecimal digits.
  @_lifetime(self: copy self)
  fileprivate mutating func hexText() -> Bytes? {
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

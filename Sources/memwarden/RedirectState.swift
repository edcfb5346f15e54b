// What the state file says of redirected logs, so that the next memwarden goes on or undoes. What is not whole is nothing.
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

  static func text(_ redirects: [SavedRedirect], bootID: Bytes) -> Bytes {
    var out = StateFile.begin(head, bootID: bootID)
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
    StateFile.seal(&out)
    return out
  }

  /// nil: not a whole state file. Empty: of another boot.
  static func parse(_ text: Bytes, bootID: Bytes) -> [SavedRedirect]? {
    guard let body = StateFile.open(text, head, bootID: bootID) else { return nil }
    var s = ByteScanner(text.span.extracting(body))
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
}

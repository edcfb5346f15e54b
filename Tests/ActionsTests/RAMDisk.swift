// A RAM filesystem of its own for one test, and the numbered lines that writers leave in it.
import Foundation
import Samples

/// Mounting needs root and CAP_SYS_ADMIN; without them the tests on real RAM filesystems are skipped.
let mayMount: Bool = {
  guard let disk = RAMDisk("tmpfs") else { return false }
  return disk.isMounted
}()

final class RAMDisk {
  let folder: String
  let isMounted: Bool
  init?(_ kind: String, options: String = "") {
    var template = Array("/tmp/memwarden-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { return nil }
    folder = String(cString: made)
    isMounted = mount(kind, folder, kind, 0, options) == 0
    if !isMounted {
      rmdir(folder)
      return nil
    }
  }
  deinit {
    umount2(folder, 2)  // MNT_DETACH
    rmdir(folder)
  }
  func path(_ name: String) -> String { folder + "/" + name }
}

func bytes(_ text: String) -> Bytes { Bytes(text.utf8) }

func contents(_ path: String) -> Bytes { FileManager.default.contents(atPath: path).map { Bytes($0) } ?? [] }

/// Line n: ten digits, a blank, 58 dots, a newline: 70 bytes, the length of the line in Hiawatha's system.log.
func line(_ number: Int) -> Bytes {
  var out = Bytes(repeating: UInt8(ascii: "."), count: 70)
  var rest = number
  for i in (0..<10).reversed() {
    out[i] = UInt8(48 + rest % 10)
    rest /= 10
  }
  out[10] = 0x20
  out[69] = 0x0A
  return out
}

func lines(_ range: Range<Int>) -> Bytes { range.flatMap { line($0) } }

/// What is left in a log that was cut: the numbers of its lines, NULs (holes) apart.
struct LinesFound {
  var numbers: [Int] = []
  var torn = 0
  var missing: Int {
    zip(numbers.dropFirst(), numbers).reduce(0) { $0 + ($1.0 - $1.1 - 1) }
  }
  init(_ text: Bytes) {
    for piece in text.split(whereSeparator: { $0 == 0 }) {
      for part in piece.split(separator: 0x0A) {
        let number = Int(String(decoding: part.prefix(10), as: UTF8.self)) ?? -1
        if Bytes(part) + [0x0A] == line(number) { numbers.append(number) } else { torn += 1 }
      }
    }
  }
}

/// A writer in a thread of its own: one write(2) per line, as fast as it can.
final class LineWriter: @unchecked Sendable {
  private let descriptor: Int32
  private let done = DispatchSemaphore(value: 0)
  init(_ path: String, append: Bool, count: Int) {
    descriptor = open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : 0), 0o644)
    let thread = Thread { [self] in
      var text = line(0)
      for n in 0..<count {
        var rest = n
        for i in (0..<10).reversed() {
          text[i] = UInt8(48 + rest % 10)
          rest /= 10
        }
        if write(descriptor, text, text.count) != text.count { break }
      }
      done.signal()
    }
    thread.start()
  }
  deinit { close(descriptor) }
  var isDone: Bool {
    guard done.wait(timeout: .now()) == .success else { return false }
    done.signal()
    return true
  }
}

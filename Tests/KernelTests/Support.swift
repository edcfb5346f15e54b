// What the tests of this floor share: recorded trees, temporary folders, children, real mounts.
import Foundation
import Samples

@testable import Kernel

/// A reader of a tree recorded under Fixtures.
func recorded(_ tree: String) -> KernelReader {
  KernelReader(roots: Roots(prefix: Array("\(Bundle.module.resourcePath!)/Fixtures/\(tree)".utf8)))
}
let live = KernelReaderBox()
/// One reader per test: a reader serves one thread.
struct KernelReaderBox: Sendable {
  var reader: KernelReader { KernelReader(roots: Roots()) }
}

/// The reason a reading fails with; nil when it succeeds.
func absence<T>(_ body: () throws(Absence) -> T) -> Absence? {
  do throws(Absence) { _ = try body() } catch { return error }
  return nil
}

/// A folder of its own, removed with its owner.
final class TemporaryFolder {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "kernel-tests-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func write(_ name: String, _ text: String) {
    let file = "\(path)/\(name)"
    try? FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: file, contents: Data(text.utf8))
  }
  func link(_ name: String, to target: String) {
    try? FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
  }
  var bytes: Bytes { Array(path.utf8) }
  func bytes(_ name: String) -> Bytes { Array("\(path)/\(name)".utf8) }
}

/// A child that is killed and reaped with its owner, not before.
final class Child {
  let pid: pid_t
  private var isReaped = false
  convenience init(_ arguments: String...) { self.init(words: arguments) }
  init(words arguments: [String]) {
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var pid: pid_t = 0
    precondition(posix_spawn(&pid, arguments[0], nil, nil, &argv, environ) == 0)
    for a in argv { free(a) }
    self.pid = pid
  }
  func kill() { Foundation.kill(pid, SIGKILL) }
  func reap() {
    guard !isReaped else { return }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    isReaped = true
  }
  deinit {
    kill()
    reap()
  }
}

/// Waits until the condition holds, at most 5 s.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = Date(timeIntervalSinceNow: 5)
  while Date() < deadline {
    if condition() { return true }
    usleep(2000)
  }
  return condition()
}

/// A real RAM filesystem of its own, unmounted with its owner. Nil where we may not mount.
final class RamMount {
  let folder = TemporaryFolder()
  init?(_ type: String, options: String = "") {
    if mount("none", folder.path, type, 0, options) != 0 { return nil }
  }
  deinit { umount2(folder.path, Int32(MNT_DETACH)) }
  var entry: Mount { (try? live.reader.mounts().last { $0.point == folder.bytes })! }
}
/// Mounting needs root (CAP_SYS_ADMIN), which an ordinary build machine may not give.
let mayMount = geteuid() == 0 && RamMount("ramfs") != nil

/// setfsuid(2), which no module of Swift's imports: the file rights of this thread only. Returns the former one.
func setfsuid(_ uid: uid_t) -> Int32 {
  typealias Call = @convention(c) (uid_t) -> Int32
  return unsafeBitCast(dlsym(nil, "setfsuid")!, to: Call.self)(uid)
}

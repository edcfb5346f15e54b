// A file that no path leads to any more, reached through the process that still holds it: /proc/PID/fd/N. Bounded like a
// log, in place, with its writer running on. It is told which file; it never chooses one.
//
// Between look and act the process may have closed the descriptor, put another file behind its number, or ended, and its
// pid may be another's: the link is opened by O_PATH, which no device or FIFO notices, judged by what it leads to, and
// only then opened for writing.
import CLinux
public import Policy
public import Samples

/// Open for one act: it pins the file. Let go of it at once, or its memory outlives its last writer.
public final class DeletedFile {
  public let kind: Mount.Kind
  /// Open for reading and writing; owned here.
  let descriptor: Int32

  /// `expected`: the device and inode that were seen behind that descriptor. `.swapped` when another file is there now,
  /// `.hardLinked` when it has a name again.
  public init(pid: Int32, descriptor number: Int32, expected: FileStatus) throws(LogRefusal) {
    let path = cut_open_held(pid, number)
    guard path >= 0 else { throw .from(-path, at: .open) }
    defer { close(path) }
    let status = try LogPath.status(path)
    guard status.device == expected.device, status.inode == expected.inode else { throw .swapped }
    guard status.isRegular else { throw .notRegular }
    guard status.links == 0 else { throw .hardLinked(count: status.links) }
    let raw = cut_filesystem(path)
    guard raw >= 0 else { throw .from(-raw, at: .status) }
    guard let kind = Mount.Kind(rawValue: UInt8(truncatingIfNeeded: raw)), kind != .other else { throw .notOnRAM }
    self.kind = kind
    descriptor = cut_reopen(path)
    guard descriptor >= 0 else { throw .from(-descriptor, at: .open) }
  }
  deinit { close(descriptor) }

  /// Leaves at most `keep` bytes, the newest, beginning with a whole line. Consumes no second copy in RAM.
  public func cut(
    by method: CutMethod, keep: ByteCount, writersAppend: Bool, buffer: CutBuffer, calls: FileCalls = .live
  ) throws(LogRefusal) -> CutReport {
    try cutOpened(descriptor, by: method, keep: keep, writersAppend: writersAppend, buffer: buffer, calls: calls)
  }
}

// Every descriptor of every process, in slices: what a file that no path leads to is held by. Reads only.
import CLinux
public import Samples

/// A walk over /proc/PID/fd of all processes. 1 µs and more per descriptor; a single process may have a hundred thousand,
/// so a slice may end in the middle of one. Walks after the first allocate nothing.
public final class OpenFileWalk {
  private let reader: KernelReader
  private var pids = [Int32]()
  private var next = 0
  private var pid: Int32 = 0
  private var folder: Descriptor?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 8)
  private var filled = 0, offset = 0
  public private(set) var isFinished = true
  /// Processes that could not be looked into: there may be more holders than were met.
  public private(set) var unreadable = 0

  public init(reader: KernelReader) { self.reader = reader }
  deinit { buffer.deallocate() }

  /// Begins with the processes of now, or with these.
  public func restart(_ some: [Int32]? = nil) {
    if let some { pids = some } else { reader.listProcesses(into: &pids) }
    next = 0
    // One is there at least: this one.
    unreadable = pids.isEmpty ? 1 : 0
    folder = nil
    (filled, offset) = (0, 0)
    isFinished = false
  }

  /// Looks at no more than `limit` descriptors. `visit`: pid, descriptor, the file behind it. True at the end.
  public func step(_ limit: Int, _ visit: (Int32, Int32, FileStatus) -> Void) -> Bool {
    var left = limit
    while left > 0, !isFinished {
      left -= 1
      if offset < filled {
        let entry = reading_entry_at(buffer.baseAddress, offset)
        offset = entry.next
        guard let name = entry.name, let number = folder?.number, let descriptor = decimal(name) else { continue }
        var found = reading_status()
        // O_PATH descriptors and sockets answer as well; one that was closed meanwhile does not.
        switch reading_stat(number, name, 1, &found) {
        case 0: visit(pid, descriptor, FileStatus(found))
        // Without CAP_SYS_PTRACE they can be listed, and not looked at. Some filesystems refuse even root.
        case -EACCES, -EPERM: if (try? reader.linkText(pid, descriptor: descriptor)) == nil { skipUnreadable() }
        default: break
        }
      } else if !fill() {
        openNext()
      }
    }
    return isFinished
  }

  private func fill() -> Bool {
    guard let number = folder?.number else { return false }
    let n = Int(reading_entries(number, buffer.baseAddress, buffer.count))
    (filled, offset) = (max(0, n), 0)
    if n < 0, n != -Int(ENOENT), n != -Int(ESRCH) { unreadable += 1 }
    return filled > 0
  }

  /// There may be more to it than was seen. The init of a container refuses everybody inside, and keeps no logs.
  private func skipUnreadable() {
    if pid > 1 { unreadable += 1 }
    folder = nil
    (filled, offset) = (0, 0)
  }

  private func openNext() {
    folder = nil
    guard next < pids.count else {
      isFinished = true
      return
    }
    pid = pids[next]
    next += 1
    do throws(Absence) { folder = try reader.descriptorFolder(pid) } catch {
      if error != .gone { unreadable += 1 }
    }
  }
}

extension KernelReader {
  func descriptorFolder(_ pid: Int32) throws(Absence) -> Descriptor {
    setPath(pid, "/fd")
    return try openPath()
  }

  /// The file behind one descriptor of a process, named or deleted.
  public func fileStatus(_ pid: Int32, descriptor: Int32) throws(Absence) -> FileStatus {
    setPath(pid, "/fd/", number: descriptor)
    return try statusAtPath(follow: true)
  }

  /// stat(2) of a folder, whatever links lead there.
  public func folderStatus(_ folder: Bytes) throws(Absence) -> FileStatus {
    setPath(folder)
    return try statusAtPath(follow: true)
  }

  /// Its flags and position; `identity` is the process that has the number now.
  public func holder(_ pid: Int32, descriptor: Int32) throws(Absence) -> FileHolder {
    let identity = Identity(pid: pid, startTicks: try stat(pid).startTicks)
    setPath(pid, "/fdinfo/", number: descriptor)
    let info = try parsed(try load(), parseDescriptor)
    var holder = FileHolder(
      identity: identity, descriptor: descriptor, writes: info.flags & 0o3 != 0, appends: info.flags & 0o2000 != 0,
      position: info.position)
    holder.flags = info.flags
    return holder
  }

  /// readlink(2) of /proc/PID/fd/N, e.g. `/var/log/x (deleted)` or `/memfd:name (deleted)`. Hostile text.
  public func linkText(_ pid: Int32, descriptor: Int32) throws(Absence) -> Bytes {
    setPath(pid, "/fd/", number: descriptor)
    // A path in /proc is a page at most.
    let n = path.withUnsafeBufferPointer {
      $0.baseAddress.map { Int(reading_link($0, buffer.baseAddress, min(buffer.count, 4096))) } ?? -Int(EINVAL)
    }
    if n < 0 { throw Absence(errno: Int32(-n)) }
    return Bytes(buffer[..<n])
  }
}

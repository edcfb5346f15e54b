// Files and who holds them open: lstat, /proc/PID/fd and /proc/PID/fdinfo.
import CLinux
public import Samples

/// Who has a file open, system-wide.
public struct HolderScan: Equatable, Sendable {
  public var holders: [FileHolder] = []
  /// Processes whose descriptors could not be read: there may be more holders than are listed.
  public var unreadable = 0
  public init(unreadable: Int = 0) { self.unreadable = unreadable }
}

extension KernelReader {
  /// lstat(2): a link is reported as itself, never followed.
  public func fileStatus(_ file: Bytes) throws(Absence) -> FileStatus {
    setPath(file)
    return try statusAtPath(follow: false)
  }

  /// Appends one entry for each descriptor of the process that refers to that device and inode, named or deleted.
  /// Readers are listed too. Nothing is allocated when there is none.
  public func holders(of file: FileStatus, in pid: Int32, append holders: inout [FileHolder]) throws(Absence) {
    setPath(pid, "/fd")
    let folder = try openPath()
    let number = folder.number
    var found: [Int32] = []
    try forEachEntry(of: folder) { name in
      var status = reading_status()
      guard reading_stat(number, name, 1, &status) == 0, file.isSame(as: status) else { return }
      if let descriptor = decimal(name) { found.append(descriptor) }
    }
    if found.isEmpty { return }
    let identity = Identity(pid: pid, startTicks: try stat(pid).startTicks)
    for descriptor in found {
      // Whoever has the pid now must have the file now: the first look may have been at a predecessor.
      setPath(pid, "/fd/", number: descriptor)
      guard let status = try? statusAtPath(follow: true), file.isSame(as: status) else { continue }
      setPath(pid, "/fdinfo/", number: descriptor)
      let info: (position: UInt64, flags: UInt64)
      do throws(Absence) { info = try parsed(try load(), parseDescriptor) } catch {
        if error == .gone { continue }
        throw error
      }
      var holder = FileHolder(
        identity: identity, descriptor: descriptor, writes: info.flags & 0o3 != 0, appends: info.flags & 0o2000 != 0,
        position: info.position)
      holder.flags = info.flags
      holders.append(holder)
    }
  }

  /// The same for every process in /proc. Costs about 1 µs per open descriptor of the system.
  public func holders(of file: FileStatus) throws(Absence) -> HolderScan {
    var scan = HolderScan()
    try forEachProcess { pid in
      do throws(Absence) { try holders(of: file, in: pid, append: &scan.holders) } catch {
        if error != .gone { scan.unreadable += 1 }
      }
    }
    return scan
  }

  /// How many descriptors the process has open.
  public func descriptorCount(_ pid: Int32) throws(Absence) -> Int {
    var count = 0
    setPath(pid, "/fd")
    try forEachNumber { _ in count += 1 }
    return count
  }

  func setPath(_ pid: Int32, _ folder: StaticString, number: Int32) {
    setPath(pid, folder)
    path.removeLast()
    path.write(number)
    path.append(0)
  }

  func statusAtPath(follow: Bool) throws(Absence) -> FileStatus {
    var status = reading_status()
    let result = path.withUnsafeBufferPointer {
      $0.baseAddress.map { reading_stat(-1, $0, follow ? 1 : 0, &status) } ?? -EINVAL
    }
    guard result == 0 else { throw Absence(errno: -result) }
    return FileStatus(status)
  }
}

extension FileStatus {
  init(_ s: reading_status) {
    self.init(
      device: Device(major: s.major, minor: s.minor), inode: s.inode, links: s.links, mode: s.mode, uid: s.uid,
      size: ByteCount(s.size), allocated: ByteCount(saturating: s.blocks, times: 512))
  }
  func isSame(as s: reading_status) -> Bool {
    inode == s.inode && device.major == s.major && device.minor == s.minor
  }
  public func isSame(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
}

// Files: lstat, and how many a process has open.
import CLinux
public import Samples

extension KernelReader {
  /// lstat(2): a link is reported as itself, never followed.
  public func fileStatus(_ file: Bytes) throws(Absence) -> FileStatus {
    setPath(file)
    return try statusAtPath(follow: false)
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
  public func isSame(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
}

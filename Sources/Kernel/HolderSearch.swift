// Who holds a file open: a walk over every descriptor of every process, in slices, for all of it may take 10 ms and more,
// and a flood does not wait.
import CLinux
public import Samples

/// Who has a file open, system-wide.
public struct HolderScan: Equatable, Sendable {
  public var holders: [FileHolder] = []
  /// Processes whose descriptors could not be read: there may be more holders than are listed.
  public var unreadable = 0
}

/// One entry for each descriptor that refers to that device and inode, named or deleted; readers are listed too. Of the
/// processes that there were at the start: what comes later is found by the next search.
public final class HolderSearch {
  private let file: FileStatus
  private let reader: KernelReader
  private let walk: OpenFileWalk
  public private(set) var scan = HolderScan()
  private static let descriptorsPerLookAtTheClock = 16

  public init(_ file: FileStatus, _ reader: KernelReader) {
    self.file = file
    self.reader = reader
    walk = OpenFileWalk(reader: reader)
    walk.restart()
  }

  /// Goes on for so long, a few descriptors at least. True when all were looked at: then `scan` is whole.
  public func step(for time: Milliseconds) -> Bool {
    let end = cl_boottime_us() + time.rawValue * 1000
    var isOver = false
    repeat {
      isOver = walk.step(Self.descriptorsPerLookAtTheClock) { pid, descriptor, status in
        if status.isSame(as: file) { add(pid, descriptor) }
      }
    } while !isOver && cl_boottime_us() < end
    if isOver { scan.unreadable += walk.unreadable }
    return isOver
  }

  private func add(_ pid: Int32, _ descriptor: Int32) {
    do throws(Absence) {
      let holder = try reader.holder(pid, descriptor: descriptor)
      // Whoever has the pid now must have the file now: the first look may have been at a predecessor.
      if try reader.fileStatus(pid, descriptor: descriptor).isSame(as: file) { scan.holders.append(holder) }
    } catch {
      if error != .gone { scan.unreadable += 1 }
    }
  }
}

extension KernelReader {
  /// The whole search at once: 1 µs and more per open descriptor of the system.
  public func holders(of file: FileStatus) -> HolderScan {
    let search = HolderSearch(file, self)
    while !search.step(for: .seconds(1)) {}
    return search.scan
  }
}

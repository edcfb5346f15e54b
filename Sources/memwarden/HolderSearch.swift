// Who holds a log open: a walk over every descriptor of every process, in slices, for all of it may take 10 ms and more,
// and a flood does not wait.
import CLinux
import Kernel
import Samples

final class HolderSearch {
  private let file: FileStatus
  private var pids = [Int32]()
  private var next = 0
  private(set) var holders = [FileHolder]()
  /// Processes that could not be looked into.
  private(set) var unreadable = 0

  /// The processes of now: what comes later is found by the next search.
  init(_ file: FileStatus, _ reader: KernelReader) {
    self.file = file
    reader.listProcesses(into: &pids)
  }

  /// Goes on for so long, one process at least. True when all were looked into.
  func step(_ reader: KernelReader, for time: Milliseconds) -> Bool {
    let end = cl_boottime_us() + time.rawValue * 1000
    while next < pids.count {
      do throws(Absence) { try reader.holders(of: file, in: pids[next], append: &holders) } catch {
        if error != .gone { unreadable += 1 }
      }
      next += 1
      if cl_boottime_us() >= end { break }
    }
    return next == pids.count
  }
}

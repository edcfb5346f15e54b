// The never-list: processes that no act may touch, whatever a selector says.
import CLinux
public import Samples

/// Covers pid 1, kernel threads, memwarden itself and its ancestors, processes the kernel's OOM killer spares too
/// (oom_score_adj −1000), and the operator's protect list.
public struct Protected {
  private let reader: KernelReader
  private let names: [Bytes]
  /// This process, its parent, and so on up to pid 1.
  private var own: [Int32] = []

  /// `names` are comms. Ancestors are looked up now: make it anew after a change of parent.
  public init(reader: KernelReader, names: [Bytes]) { self.init(reader: reader, names: names, own: getpid()) }

  init(reader: KernelReader, names: [Bytes], own pid: Int32) {
    self.reader = reader
    self.names = names
    var next = pid
    while next > 1, own.count < 64 {
      own.append(next)
      next = (try? reader.stat(next).parent) ?? 0
    }
  }

  /// `stat` is the process's own, just read. In doubt, when oom_score_adj cannot be read, it is covered.
  public func covers(_ pid: Int32, _ stat: Stat) -> Bool {
    if pid <= 1 || stat.isKernelThread { return true }
    for ancestor in own where ancestor == pid { return true }
    for name in names where stat.comm.equals(name) { return true }
    reader.setPath(pid, "/oom_score_adj")
    guard let length = try? reader.load(), let adj = try? reader.parsed(length, parseNumber) else { return true }
    return adj <= -1000
  }
}

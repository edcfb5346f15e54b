// Which files of /proc/PID answer which question, and what it means when they do not.
import CLinux
public import Samples

extension KernelReader {
  /// /proc/PID/stat.
  public func stat(_ pid: Int32) throws(Absence) -> Stat {
    setPath(pid, "/stat")
    return try parsed(try load(), parseStat)
  }

  /// /proc/PID/statm. A process without memory of its own is not 0 bytes: it is absent as zombie or kernel thread.
  public func statm(_ pid: Int32) throws(Absence) -> Statm {
    let found = try statm(pid, thread: nil)
    if found.size != .zero { return found }
    return try statm(pid, thread: try memoryOwner(pid, try stat(pid)))
  }

  /// /proc/PID/status. A zombie and a kernel thread have one, without the memory lines.
  public func status(_ pid: Int32) throws(Absence) -> Status {
    setPath(pid, "/status")
    return try parsed(try load(), parseStatus)
  }

  /// /proc/PID/smaps_rollup (Linux 4.14), else the sum over /proc/PID/smaps. Costs 20 µs per MB and holds the process's
  /// mmap lock meanwhile. `unsupported` where the kernel has neither file.
  public func rollup(_ pid: Int32) throws(Absence) -> SmapsRollup {
    do throws(Absence) { return try rollup(pid, thread: nil) } catch {
      guard error == .gone || error == .malformed else { throw error }
      let thread = try memoryOwner(pid, try stat(pid))
      guard let thread else { throw error == .gone ? .unsupported : error }
      return try rollup(pid, thread: thread)
    }
  }

  /// Everything known of one process's memory, by the dearest file that can be read: rollup, exact; where that is denied
  /// or unsupported, statm and status as estimates (uss and anon: resident less shared) and pss absent with the reason.
  /// uss is without LazyFree; anon and swap are Anonymous and SwapPss. A leader that has exited is read through a thread
  /// that lives. Throws `gone` when the pid is no longer, or not before and after the reading, that identity.
  public func footprint(of id: Identity) throws(Absence) -> Footprint {
    let before = try stat(id.pid)
    guard before.startTicks == id.startTicks else { throw .gone }
    let thread = try memoryOwner(id.pid, before)
    var footprint = Footprint()
    do throws(Absence) {
      let sums = try rollup(id.pid, thread: thread)
      footprint.rss = .exact(sums.rss)
      footprint.pss = .exact(sums.pss)
      footprint.uss = .exact(sums.uss)
      footprint.anon = .exact(sums.anonymous)
      footprint.swap = .exact(sums.swapPss)
    } catch {
      footprint = try estimate(id.pid, thread: thread, because: error)
    }
    guard try stat(id.pid).startTicks == id.startTicks else { throw .gone }
    return footprint
  }

  /// /proc/PID/cmdline, its NULs turned into blanks and those at the end dropped; at most 4096 bytes. Hostile text.
  /// Empty for zombies and kernel threads. `into` is emptied first and keeps its capacity.
  public func commandLine(_ pid: Int32, into line: inout Bytes) throws(Absence) {
    line.removeAll(keepingCapacity: true)
    setPath(pid, "/cmdline")
    var n = try loadStart(4096)
    while n > 0, buffer[n &- 1] == 0 { n &-= 1 }
    for i in 0..<n { line.append(buffer[i] == 0 ? 0x20 : buffer[i]) }
  }

  /// The target of /proc/PID/exe, without the " (deleted)" of a replaced file. `into` is emptied first.
  public func executable(_ pid: Int32, into file: inout Bytes) throws(Absence) {
    file.removeAll(keepingCapacity: true)
    setPath(pid, "/exe")
    let n = path.withUnsafeBufferPointer { path in
      path.baseAddress.map { reading_link($0, buffer.baseAddress, 4096) } ?? -Int64(EINVAL)
    }
    if n < 0 {
      let error = Absence(errno: Int32(-n))
      // A kernel thread has no executable, an ended process none any more.
      if error == .gone { _ = try memoryOwner(pid, try stat(pid)) }
      throw error
    }
    for i in 0..<Int(n) { file.append(buffer[i]) }
    let mark: StaticString = " (deleted)"
    let start = file.count - mark.utf8CodeUnitCount
    if start > 0, equal(file.span.extracting(start..<file.count), mark) { file.removeLast(mark.utf8CodeUnitCount) }
  }

  /// The pids of now, in place of what was in `pids`, which keeps its capacity; none where /proc cannot be read.
  public func listProcesses(into pids: inout [Int32]) {
    pids.removeAll(keepingCapacity: true)
    try? forEachProcess { pids.append($0) }
  }

  /// Every process in /proc, in ascending order of pid. `body` may use this reader.
  public func forEachProcess(_ body: (Int32) -> Void) throws(Absence) {
    setPath(roots.proc)
    try forEachNumber(body)
  }

  // MARK: Threads

  /// The thread through which a process's memory can be read: nil is the leader itself. A leader that has exited while
  /// others live shows as a zombie, yet all of the memory is there (proc(5)).
  func memoryOwner(_ pid: Int32, _ stat: Stat) throws(Absence) -> Int32? {
    if stat.isKernelThread { throw .kernelThread }
    guard stat.isDead else { return nil }
    guard stat.threads > 1 else { throw .zombie }
    var live: Int32?
    setPath(pid, "/task")
    try forEachNumber { thread in if thread != pid { live = live ?? thread } }
    guard let live else { throw .zombie }
    return live
  }

  func statm(_ pid: Int32, thread: Int32?) throws(Absence) -> Statm {
    setPath(pid, "/statm", thread: thread)
    let pageSize = pageSize
    return try parsed(try load()) { parseStatm($0, pageSize: pageSize) }
  }

  private func rollup(_ pid: Int32, thread: Int32?) throws(Absence) -> SmapsRollup {
    setPath(pid, "/smaps_rollup", thread: thread)
    do throws(Absence) {
      return try parsed(try load()) {
        var sum = SmapsSum()
        return sum.take($0) == $0.count ? sum.result : nil
      }
    } catch {
      // ENOENT before Linux 4.14; ESRCH of a process without memory, of which smaps is empty; anything of a masked file.
      switch error {
      case .gone, .failed: break
      default: throw error
      }
    }
    setPath(pid, "/smaps", thread: thread)
    return try sumMappings()
  }

  /// The file at `path`, of any length, in pieces.
  private func sumMappings() throws(Absence) -> SmapsRollup {
    let file = try openPath()
    var sum = SmapsSum()
    var kept = 0
    while true {
      let n = reading_read(file.number, buffer.baseAddress.map { $0 + kept }, buffer.count - kept)
      if n < 0 { throw Absence(errno: Int32(-n)) }
      if n == 0 { break }
      let filled = kept + Int(n)
      let taken = try parsed(filled) { sum.take($0) }
      // A line longer than the buffer: a path has at most 4096 bytes, four times that when all are escaped.
      guard taken > 0 || filled < buffer.count else { throw .malformed }
      for i in taken..<filled { buffer[i &- taken] = buffer[i] }
      kept = filled - taken
    }
    guard kept == 0, let result = sum.result else { throw .malformed }
    return result
  }

  private func estimate(_ pid: Int32, thread: Int32?, because reason: Absence) throws(Absence) -> Footprint {
    let why: Absence
    switch reason {
    case .gone: why = .unsupported
    case .denied, .unsupported: why = reason
    default: throw reason
    }
    let statm = try statm(pid, thread: thread)
    guard statm.size != .zero else { throw .gone }
    setPath(pid, "/status", thread: thread)
    let status = try parsed(try load(), parseStatus)
    var footprint = Footprint()
    footprint.rss = .estimate(statm.resident)
    footprint.pss = .absent(why)
    footprint.uss = .estimate(statm.anonymous)
    footprint.anon = .estimate(status.rssAnon ?? statm.anonymous)
    if let swap = status.swap { footprint.swap = .estimate(swap) } else { footprint.swap = .absent(.unsupported) }
    return footprint
  }
}

// Finds the processes of all workers, when processes have come; reaps those that memwarden runs itself.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class ProcessFinder {
  private let reader: KernelReader
  private let teller: Teller
  let protected: Protected
  private let candidate: Candidate
  var workers = [WatchedWorker]()
  /// The turn of the loop in which the writers of a log were searched for: one search in a turn.
  var logSearchedAt: Instant?
  /// The newest pid at the last scan; -1 before the first.
  private(set) var newestPid: Int32 = -1
  /// Processes that came lately: one that was just forked may become another program, or write its pidfile, a moment
  /// later, and is looked at again.
  private var young = [(pid: Int32, since: Instant)]()
  private var youngScanAt = Instant(milliseconds: 0)
  private var fullScanAt = Instant(milliseconds: 0)

  /// All of /proc at least this often, for old processes that became other programs.
  private static let base = Milliseconds.seconds(60)
  private static let youth = Milliseconds.seconds(10), patience = Milliseconds.seconds(1)
  /// More new pids than this cost more to try one by one than a full scan (8 µs per process, 1.5 µs per empty pid).
  private static let rangeMaximum: Int32 = 512

  init(reader: KernelReader, teller: Teller, protect: [Bytes]) {
    self.reader = reader
    self.teller = teller
    protected = Protected(reader: reader, names: protect)
    candidate = Candidate(reader: reader)
    young.reserveCapacity(64)
  }

  /// Looks at the processes that came lately, at all of them at a slow base rate. A quiet board costs one small read.
  func scanIfNeeded(now: Instant) {
    guard let newest = try? reader.lastPid(), newestPid >= 0, now - fullScanAt < ProcessFinder.base else {
      return scanAll(now: now)
    }
    if !young.isEmpty, now - youngScanAt >= ProcessFinder.patience {
      youngScanAt = now
      candidate.beginScan()
      young.removeAll { !place($0.pid, now: now) || now - $0.since >= ProcessFinder.youth }
    }
    if newest != newestPid { scan(after: newestPid, now: now) }
    newestPid = newest
  }

  /// Looks at every process with a pid above `first`: those that came since that was the newest.
  func scan(after first: Int32, now: Instant) {
    guard let newest = try? reader.lastPid(), newest >= first, newest - first <= ProcessFinder.rangeMaximum else {
      return scanAll(now: now)
    }
    guard newest > first else { return }
    candidate.beginScan()
    for pid in (first + 1)...newest where place(pid, now: now) { note(pid, now: now) }
  }
  private func note(_ pid: Int32, now: Instant) {
    guard young.count < Int(ProcessFinder.rangeMaximum), !young.contains(where: { $0.pid == pid }) else { return }
    young.append((pid, now))
  }

  /// Every process goes to the first worker it matches, or to none.
  func scanAll(now: Instant) {
    fullScanAt = now
    let known = newestPid
    newestPid = (try? reader.lastPid()) ?? -1
    candidate.beginScan()
    try? reader.forEachProcess { pid in
      if place(pid, now: now), known >= 0, pid > known { note(pid, now: now) }
    }
  }

  /// Is this process still whose it was? Right before an act: an exec or a move to another cgroup changes no identity.
  func lookAgain(_ pid: Int32, now: Instant) {
    candidate.beginScan()
    place(pid, now: now)
  }

  /// False when there is no such process, or no longer.
  @discardableResult
  private func place(_ pid: Int32, now: Instant) -> Bool {
    guard candidate.consider(pid) else { return false }
    let stat = candidate.stat
    if stat.isDead && stat.threads <= 1 { return false }
    var isTaken = false
    for worker in workers {
      let member = worker.member(pid)
      if !isTaken, worker.matches(candidate), !protected.covers(pid, stat) {
        isTaken = true
        if member?.kept.identity.startTicks == stat.startTicks { continue }
        if member != nil { worker.drop(pid) }
        worker.attach(pid, stat, reader: reader, teller: teller, now: now)
      } else if member != nil {
        worker.drop(pid)
      }
    }
    return true
  }

  /// Whether no act may touch it; true also of what is not there.
  func isProtected(_ pid: Int32) -> Bool {
    guard let stat = try? reader.stat(pid) else { return true }
    return protected.covers(pid, stat)
  }

  /// All processes below these, by parent, whatever their session.
  func descendants(of roots: [Int32]) -> [Identity] {
    var all = [(identity: Identity, parent: Int32)]()
    try? reader.forEachProcess { pid in
      guard let stat = try? reader.stat(pid), !protected.covers(pid, stat) else { return }
      all.append((Identity(pid: pid, startTicks: stat.startTicks), stat.parent))
    }
    var found = [Identity]()
    var parents = roots
    while let parent = parents.popLast() {
      for process in all where process.parent == parent && !found.contains(process.identity) {
        found.append(process.identity)
        parents.append(process.identity.pid)
      }
    }
    return found
  }

  /// Reaps the worker's own child if it has ended: first what is left of its process group is killed, while the zombie
  /// still holds the group's number. How it ended.
  @discardableResult
  func reap(_ worker: WatchedWorker, _ around: Surroundings) -> ExitStatus? {
    guard worker.child > 0, let status = worker.process.end(around.calls) else { return nil }
    worker.process.killGroup(around)
    worker.process.reap(around.calls)
    worker.drop(worker.child)
    worker.process = ChildProcess()
    return status
  }
}

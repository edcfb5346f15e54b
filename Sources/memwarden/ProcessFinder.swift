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
  private let protected: Protected
  var workers = [WatchedWorker]()
  private var lastPid: Int32 = -1
  private var lastScan = Instant(milliseconds: 0)
  /// A process that was just forked may become another program a moment later: one more scan follows.
  private var isOwedScan = true

  /// At least this often, for programs that replace themselves without forking.
  private static let base = Milliseconds.seconds(60)

  init(reader: KernelReader, teller: Teller, protect: [Bytes]) {
    self.reader = reader
    self.teller = teller
    protected = Protected(reader: reader, names: protect)
  }

  /// Scans when the kernel has given out a new pid since the last time, once more after that, and at a slow base rate.
  func scanIfNeeded(now: Instant) {
    var newest = lastPid
    do throws(Absence) { newest = try reader.lastPid() } catch { isOwedScan = true }
    let hasChanged = newest != lastPid
    guard hasChanged || isOwedScan || now - lastScan >= ProcessFinder.base else { return }
    scan(now: now)
    lastPid = newest
    isOwedScan = hasChanged
  }

  /// Every process goes to the first worker it matches, or to none.
  func scan(now: Instant) {
    lastScan = now
    do throws(Absence) {
      try reader.forEachProcess { pid in
        do throws(Absence) { place(pid, try reader.stat(pid), now: now) } catch {}
      }
    } catch {}
  }

  private func place(_ pid: Int32, _ stat: Stat, now: Instant) {
    if stat.isDead || protected.covers(pid, stat) { return }
    var isTaken = false
    for worker in workers {
      let member = worker.member(pid)
      let isSame = member?.kept.identity.startTicks == stat.startTicks
      if !isTaken, worker.matches(pid, stat, reader) {
        isTaken = true
        if isSame { continue }
        if member != nil { worker.drop(pid) }
        worker.attach(pid, stat, reader: reader, teller: teller, now: now)
      } else if member != nil {
        worker.drop(pid)
      }
    }
  }

  /// All processes below these, by parent, whatever their session.
  func descendants(of roots: [Int32]) -> [Identity] {
    var all = [(identity: Identity, parent: Int32)]()
    do throws(Absence) {
      try reader.forEachProcess { pid in
        do throws(Absence) {
          let stat = try reader.stat(pid)
          if !protected.covers(pid, stat) { all.append((Identity(pid: pid, startTicks: stat.startTicks), stat.parent)) }
        } catch {}
      }
    } catch {}
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
    guard worker.child > 0, let status = around.calls.childEnded(worker.child) else { return nil }
    _ = around.calls.kill(-worker.child, SIGKILL)
    around.calls.reap(worker.child)
    worker.drop(worker.child)
    worker.child = 0
    return status
  }
}

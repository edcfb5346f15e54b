// The process that memwarden runs for a worker: started by this memwarden, whose child it is then, or by an earlier one,
// from which it was taken over by its identity.
import Actions
import CLinux
import Kernel
import Samples

struct ChildProcess {
  /// 0: there is none.
  var pid: Int32 = 0
  /// With the pid its identity; 0: it ended before that could be read.
  var startTicks: UInt64 = 0
  /// Started by an earlier memwarden: its end is not told to us, and how it ended is never known.
  var isAdopted = false
  /// Of an adopted one; nil: it was gone already.
  var target: Target?
  /// It gets SIGTERM when memwarden ends, for no state could be saved when it was started.
  var endsWithUs = false

  var identity: Identity { Identity(pid: pid, startTicks: startTicks) }

  /// How it ended, once it has. A child of ours stays a zombie, and its pid and group taken, until `reap`.
  func end(_ calls: ProcessCalls) -> ExitStatus? {
    if isAdopted { return target?.isAlive == true ? nil : .unknown }
    return calls.childEnded(pid)
  }

  func send(_ signal: Int32, _ calls: ProcessCalls) {
    if !isAdopted { _ = calls.kill(pid, signal) } else if let target { _ = target.send(signal) }
  }

  /// SIGKILL to its whole process group. That of one which is not our child may be gone, and its number another's: then
  /// to nobody.
  func killGroup(_ around: Surroundings) {
    if !isAdopted {
      _ = around.calls.kill(-pid, SIGKILL)
      return
    }
    if let leader = try? around.reader.stat(pid), leader.startTicks != startTicks { return }
    var all = [Identity]()
    try? around.reader.forEachProcess { other in
      guard let stat = try? around.reader.stat(other), stat.processGroup == pid, stat.startTicks >= startTicks else {
        return
      }
      all.append(Identity(pid: other, startTicks: stat.startTicks))
    }
    for one in all { if let target = around.target(one) { _ = target.send(SIGKILL) } }
  }

  func reap(_ calls: ProcessCalls) { if !isAdopted { calls.reap(pid) } }
}

extension ChildProcess {
  /// One that an earlier memwarden started; the loop hears of its end where there is a pidfd.
  init(adopting identity: Identity, _ around: Surroundings) {
    (pid, startTicks, isAdopted) = (identity.pid, identity.startTicks, true)
    target = around.target(identity)
    if let target, target.pidfd >= 0 { _ = child_watch(around.epoll, target.pidfd, Agent.childTag) }
  }
}

// The process that memwarden runs itself for a worker: started, started again after a crash with backoff and within the
// restart budget, ended with memwarden.
import Actions
import CLinux
import Policy
import Report
import Samples

extension WatchedWorker {
  /// Starts the child where it should run and does not. Does nothing while a recycle is under way.
  func tend(_ around: Surroundings, now: Instant) {
    guard isOwn, act == nil, case .child(let argv) = settings.plan.means else { return }
    let ended = child
    if let status = around.finder.reap(self, around) {
      record.crashes += 1
      let said = output?.lastWords() ?? []
      record.lastAct = around.teller.tell(
        .worker, record.name, .childEnded(pid: ended, code: status.code, signal: status.signal, said: said))
      startOver()
      backOff(now: now)
    }
    if child > 0 {
      // A life of a minute beyond the longest wait: the trouble is over.
      if record.conduct.failures > 0, now - childStartedAt > max(.seconds(60), record.rules.backoff) {
        record.conduct.ranStably()
      }
      return
    }
    let isFirst = childStartedAt == Instant(milliseconds: 0)
    if isFirst { return start(argv, around, now: now) }
    switch record.conduct.permit(.crashed, rules: record.rules, hasMeans: true, now: now) {
    case .recycle:
      record.conduct.restartedAfterCrash(now: now)
      start(argv, around, now: now)
    case .park(let why):
      record.conduct.park(why)
      let budget = record.rules.budget
      record.lastAct = around.teller.tell(
        .worker, record.name, .parked(why, used: record.conduct.used(budget, now: now), per: budget.per))
    case .unknown, .below, .holding, .wouldRecycle, .blocked: break
    }
  }

  private func start(_ argv: [Bytes], _ around: Surroundings, now: Instant) {
    childStartedAt = now
    let pid = spawn(argv, around, now: now)
    if pid < 0 {
      around.teller.tell(.worker, record.name, .childNotStarted(errno: -pid))
      backOff(now: now)
      return
    }
    child = pid
    around.teller.tell(.worker, record.name, .childStarted(pid: pid))
    around.finder.scan(after: pid - 1, now: now)
  }

  private func backOff(now: Instant) {
    if case .backingOff = record.conduct.phase { return }
    record.conduct.failed(rules: record.rules, now: now)
  }

  /// Sends the stop signal to the child and gives it up; the caller sees it out. Nil when there is none.
  func dismiss(_ around: Surroundings, now: Instant) -> Departure? {
    guard child > 0 else { return nil }
    defer { child = 0 }
    _ = around.calls.kill(child, settings.plan.stopSignal)
    return Departure(pid: child, killAt: now + settings.plan.grace, output: output)
  }
}

/// A child on its way out, because memwarden stops or its worker has gone from the configuration.
struct Departure {
  let pid: Int32
  private(set) var killAt: Instant
  /// Read on: a full pipe would keep it from ending.
  let output: WorkerOutput?
  init(pid: Int32, killAt: Instant, output: WorkerOutput?) {
    self.pid = pid
    self.killAt = killAt
    self.output = output
  }

  /// True once it is gone: what is left of its process group is killed while the zombie still holds the group's number.
  mutating func isOver(_ calls: ProcessCalls, now: Instant) -> Bool {
    output?.take()
    if calls.childEnded(pid) != nil {
      _ = calls.kill(-pid, SIGKILL)
      calls.reap(pid)
      return true
    }
    if now >= killAt {
      _ = calls.kill(-pid, SIGKILL)
      killAt = now + .seconds(1)
    }
    return false
  }
}

// A worker that memwarden runs itself: started, started again after a crash with backoff and within the restart budget,
// stopped when its worker is no more. It outlives memwarden; see docs/decisions/0051.
import Actions
import CLinux
import Kernel
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
      startOver()
      backOff(now: now)
      around.store.save(around)
      let end = ChildEnd(cause: cause(of: status, around), code: status.code, signal: status.signal)
      record.lastAct = around.teller.tell(.worker, record.name, .childEnded(pid: ended, end, said: said))
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
      around.store.save(around)
      let budget = record.rules.budget
      record.lastAct = around.teller.tell(
        .worker, record.name, .parked(why, used: record.conduct.used(budget, now: now), per: budget.per))
    case .unknown, .below, .holding, .wouldRecycle, .blocked: break
    }
  }

  private func start(_ argv: [Bytes], _ around: Surroundings, now: Instant) {
    let error = spawn(argv, around, now: now)
    if error < 0 {
      backOff(now: now)
      around.teller.tell(.worker, record.name, .childNotStarted(errno: -error))
      return
    }
    around.teller.tell(.worker, record.name, .childStarted(pid: child))
    around.finder.scan(after: child - 1, now: now)
  }

  /// Whose doing its end was. The kernel's OOM killer and people both use SIGKILL: whether it was at work in the last
  /// minute or two tells them apart.
  private func cause(of status: ExitStatus, _ around: Surroundings) -> ChildEnd.Cause {
    if status == .unknown { return .unknown }
    if status.signal == SIGKILL {
      guard let before = around.teller.board.oomKillsBefore, let now = (try? around.reader.vmStat())?.oomKills else {
        return .unknown
      }
      return now > before ? .outOfMemory : .operatorEnded
    }
    switch status.signal {
    case 0: return status.code == 0 ? .exited : .crashed
    case SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2: return .operatorEnded
    default: return .crashed
    }
  }

  private func backOff(now: Instant) {
    if case .backingOff = record.conduct.phase { return }
    record.conduct.failed(rules: record.rules, now: now)
  }

  /// Sends the stop signal to the child and gives it up; the caller sees it out. Nil when there is none.
  func dismiss(_ around: Surroundings, now: Instant) -> Departure? {
    guard child > 0 else { return nil }
    defer { (process, childStartedAt) = (ChildProcess(), Instant(milliseconds: 0)) }
    process.send(settings.plan.stopSignal, around.calls)
    return Departure(process, killAt: now + settings.plan.grace, output: output)
  }
}

/// A child on its way out, because memwarden stops or its worker has gone from the configuration.
struct Departure {
  let process: ChildProcess
  private(set) var killAt: Instant
  /// Read on: a full pipe would keep it from ending.
  let output: WorkerOutput?
  init(_ process: ChildProcess, killAt: Instant, output: WorkerOutput?) {
    self.process = process
    self.killAt = killAt
    self.output = output
  }

  /// True once it is gone: what is left of its process group is killed while the zombie still holds the group's number.
  mutating func isOver(_ around: Surroundings, now: Instant) -> Bool {
    output?.take()
    if process.end(around.calls) != nil {
      process.killGroup(around)
      process.reap(around.calls)
      return true
    }
    if now >= killAt {
      process.killGroup(around)
      killAt = now + .seconds(1)
    }
    return false
  }
}

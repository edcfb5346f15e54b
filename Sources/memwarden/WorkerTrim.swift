// A trim of a worker: its processes are asked one after the other, and what came of it is told and answered.
import Actions
import Kernel
import Policy
import Report
import Samples

final class WorkerTrim: LaterAnswer {
  private let worker: WatchedWorker
  private var pending: [Trim]
  private(set) var answer = TrimAnswer()
  /// When `step` wants to be called; nil: it is over.
  private(set) var nextStep: Instant?

  /// Nil when none of its processes lives.
  init?(_ worker: WatchedWorker, _ around: Surroundings, now: Instant) {
    self.worker = worker
    pending = []
    for member in worker.members {
      if let target = around.target(member.kept.identity) { pending.append(Trim(target, around.reader, now: now)) }
    }
    if pending.isEmpty { return nil }
    nextStep = now
  }

  var isOver: Bool { nextStep == nil }
  func isOf(_ other: WatchedWorker) -> Bool { worker.record === other.record }

  func step(_ teller: Teller, now: Instant) {
    while let trim = pending.first {
      if let nextStep, now < nextStep { return }
      let pid = trim.identity.pid
      switch trim.step(now: now) {
      case .wait(let until):
        nextStep = until
        return
      case .done(let trimmed):
        let outcome = TrimOutcome(
          pid: pid, before: trimmed.before, after: trimmed.after, inUse: trimmed.inUse,
          microseconds: trimmed.microseconds)
        answer.done.append(outcome)
        worker.record.freed += outcome.freed
        worker.record.lastAct = teller.tell(.worker, worker.record.name, .trimmed(outcome))
      case .refused(let refusal):
        answer.refused.append((pid, refusal.words))
        teller.tell(.worker, worker.record.name, .trimRefused(refusal.words, pid: pid))
      }
      pending.removeFirst()
      nextStep = now
    }
    nextStep = nil
  }

  func response(asText: Bool) -> Response? { isOver ? answer.response(worker.record.name, asText: asText) : nil }
}

extension Agent {
  /// Asks all processes of a worker; the answer comes when each has answered.
  func trim(_ worker: WatchedWorker, asText: Bool) -> Reply {
    let name = worker.record.name
    if worker.record.rules.observe {
      return .now(.error(409, "worker \(name) is not trimmed: it is only observed", asText: asText))
    }
    if worker.isActing {
      return .now(
        .error(
          409, "worker \(name) is not trimmed: it is being recycled, or steps before that are taken", asText: asText))
    }
    if let same = trims.first(where: { $0.isOf(worker) }) { return .later(same, asText: asText) }
    guard let new = WorkerTrim(worker, around, now: board.now) else {
      return .now(.error(409, "worker \(name) has no process that could be trimmed", asText: asText))
    }
    new.step(teller, now: board.now)
    if let response = new.response(asText: asText) { return .now(response) }
    trims.append(new)
    return .later(new, asText: asText)
  }

  /// True when one is over.
  func stepTrims() -> Bool {
    if trims.isEmpty { return false }
    for trim in trims { trim.step(teller, now: board.now) }
    let count = trims.count
    trims.removeAll { $0.isOver }
    return trims.count < count
  }
}

// From a verdict to an act: the steps of a worker first, then its recycle.
import Actions
import CLinux
import Policy
import Report
import Samples

extension Agent {
  func begin(_ worker: WatchedWorker, _ reason: Reason) {
    if worker.isActing { return }
    guard let steps = WorkerSteps(worker, reason, now: board.now) else { return recycle(worker, reason) }
    worker.steps = steps
    store.save(around)
    drive(worker, steps)
  }

  private func recycle(_ worker: WatchedWorker, _ reason: Reason, isDrained: Bool = false) {
    guard let act = WorkerAct(worker, reason, isDrained: isDrained, around, now: board.now) else {
      worker.record.conduct.abandoned()
      return
    }
    drive(worker, act)
  }

  func drive(_ worker: WatchedWorker, _ steps: WorkerSteps) {
    switch steps.drive(self, around, now: board.now) {
    case .underWay: return
    case .over: worker.steps = nil
    case .recycle:
      worker.steps = nil
      if let trigger = steps.trigger { worker.dueTrigger = trigger }
      recycle(worker, steps.reason, isDrained: steps.isDrained)
    }
    store.save(around)
  }

  /// A hard limit does not wait for steps.
  func overrideSteps(of worker: WatchedWorker) {
    guard worker.record.crossing == .hard, worker.hasMeans, !worker.record.conduct.paused else { return }
    let isDrained = worker.steps?.isDrained ?? false
    abandonSteps(of: worker)
    recycle(worker, .hardLimit, isDrained: isDrained)
  }

  func abandonSteps(of worker: WatchedWorker) {
    worker.steps?.leave(self, around)
    worker.steps = nil
  }
}

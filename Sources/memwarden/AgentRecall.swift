// At the start: takes up what an earlier memwarden left of its workers. Children live on and are taken over, a recycle
// under way is gone on with, parking, budgets and waits stand as they were.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

extension Agent {
  func recall() {
    isRunning = true
    guard let state = store.read(around) else { return }
    let now = board.now
    for saved in state.workers {
      let worker = workers.first { $0.record.name == saved.name }
      if let worker { worker.recall(saved) }
      // Begun and not told to have been made: the record says whether it was.
      let started = store.started(saved.starting)
      let isOfCommand = saved.act.map { $0.progress.stage == 3 } ?? false
      var child = saved.child
      if !isOfCommand, let started, around.startTime(started.pid) == started.startTicks { child = started }
      if child.pid == 0 {
        // Then it is started now, as it was about to be.
        if let worker, saved.starting != 0, !isOfCommand { worker.childStartedAt = Instant(milliseconds: 0) }
        continue
      }
      let process = ChildProcess(adopting: child, around)
      guard let worker, worker.isOwn else {
        process.send(saved.stopSignal, around.calls)
        see(process, off: now + saved.grace, pipe: saved.pipe, of: saved.name)
        continue
      }
      worker.process = process
      worker.record.growth = Growth(baseline: saved.baseline)
      worker.readOn(saved.pipe, around, now: now)
      if process.target != nil { teller.tell(.worker, saved.name, .childAdopted(pid: child.pid)) }
    }
    for saved in state.leaving {
      see(ChildProcess(adopting: saved.child, around), off: saved.killAt, pipe: saved.pipe, of: [])
    }
    around.finder.scanAll(now: now)
    for saved in state.workers {
      guard let worker = workers.first(where: { $0.record.name == saved.name }) else { continue }
      if let act = saved.act, worker.hasMeans,
        let resumed = WorkerAct(goingOn: act, worker, started: store.started(saved.starting), around, now: now)
      {
        let after = now - act.progress.began
        worker.record.lastAct = teller.tell(
          .worker, saved.name, .recycleResumed(resumed.reason, pid: resumed.pid, after: after))
      } else {
        worker.record.conduct.abandoned()
      }
      worker.starting = 0
    }
    store.save(around)
  }

  private func see(_ process: ChildProcess, off killAt: Instant, pipe: SavedPipe, of name: Bytes) {
    let output = WorkerOutput(adopting: pipe, OutputSettings(), of: name, around, now: board.now)
    store.departures.append(Departure(process, killAt: killAt, output: output))
  }
}

extension WatchedWorker {
  fileprivate func recall(_ saved: SavedWorker) {
    (childStartedAt, starting) = (saved.childStartedAt, saved.starting)
    timing = Timing(dueSince: saved.dueSince)
    record.conduct = saved.conduct
    (record.recycles, record.recycleFailures) = (saved.counts[0], saved.counts[1])
    (record.crashes, record.kills) = (saved.counts[2], saved.counts[3])
    record.freed = ByteCount(saved.counts[4])
  }
}

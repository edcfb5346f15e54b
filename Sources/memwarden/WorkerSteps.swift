// The steps before a recycle, under way: carries out what Stepping orders, and measures after each. It never waits: the
// loop calls `drive`.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class WorkerSteps {
  enum Progress { case underWay, over, recycle }
  private let worker: WatchedWorker
  let reason: Reason
  private let plan: StepPlan
  private var stepping: Stepping
  /// The process over its limit, or the first where all count together: its end is the end of the steps.
  private let judged: Identity
  let trigger: Int?
  private let fact: Fact

  // Of the step under way.
  private var step = 0, isSignal = false, beganAt = Instant(milliseconds: 0)
  private var before: Int64?, measured: Int64?
  private var trouble: StaticString?, code: Int32 = 0
  private var trim: WorkerTrim?
  private var isCutting = false
  private var probe: HealthProbe?
  private var hook: Int32 = 0
  private var isTold = true
  /// When `drive` wants to be called again.
  private(set) var nextStep: Instant

  /// What is waited for is looked at this often; a program's memory, which is dearer, this often.
  private static let pollTime = Milliseconds(50), lookTime = Milliseconds(250)

  /// Nil when there is no step to take before the recycle. A person who asks for a recycle gets one, after a drain; a hard
  /// limit does not wait for anything.
  init?(_ worker: WatchedWorker, _ reason: Reason, now: Instant) {
    plan = worker.settings.plan.steps
    let record = worker.record
    let first = reason == .asked ? plan.steps.count - (plan.drains ? 1 : 0) : 0, life = worker.life
    if first == plan.steps.count || worker.members.isEmpty || (reason == .hardLimit && worker.hasMeans) { return nil }
    self.worker = worker
    self.reason = reason
    judged = worker.member(record.figurePid)?.kept.identity ?? life
    trigger = reason == .trigger ? worker.dueTrigger : nil
    fact = (reason == .trigger ? worker.dueFact : nil) ?? Fact(record.rules.metric)
    stepping = Stepping(plan, from: first, skipped: record.conduct.steps.spent(in: life))
    nextStep = now
    record.conduct.beganSteps()
  }

  /// The worker was told to take no more work.
  var isDrained: Bool { probe != nil }

  func drive(_ agent: Agent, _ around: Surroundings, now: Instant) -> Progress {
    // A hook may restart the worker, and is let do so.
    if hook == 0, !isThere(around) { return leave(agent, around) }
    var seen = see(agent, around, now: now)
    while true {
      switch stepping.step(seen, now: now) {
      case .begin(let i):
        around.finder.lookAgain(judged.pid, now: now)
        if worker.member(judged.pid)?.kept.identity != judged || (worker.record.conduct.paused && reason != .asked) {
          return leave(agent, around)
        }
        begin(i, agent, around, now: now)
        seen = see(agent, around, now: now)
      case .wait(let until):
        let pause = signalled ? Self.lookTime : Self.pollTime
        nextStep = min(until, max(now + Milliseconds(5), trim?.nextStep ?? (now + pause)))
        return .underWay
      case .giveUp(let i):
        giveUp(agent, around)
        seen = look(i, around, now: now)
      case .look(let i): seen = look(i, around, now: now)
      case .recycle: return isThere(around) ? .recycle : leave(agent, around)
      case .enough, .spent:
        // A signal, looked at while its time runs on.
        if !isTold { end(isEnough: true, around, now: now) }
        worker.settle()
        worker.record.conduct.succeeded(rules: worker.record.rules, now: now)
        return .over
      }
    }
  }

  private func isThere(_ around: Surroundings) -> Bool { around.startTime(judged.pid) == judged.startTicks }

  /// Ends what is under way: its configuration or its process is gone, or memwarden stops.
  @discardableResult
  func leave(_ agent: Agent, _ around: Surroundings) -> Progress {
    giveUp(agent, around)
    (trouble, measured) = ("it was broken off", nil)
    if !isTold { end(isEnough: nil, around, now: agent.board.now) }
    worker.record.conduct.abandoned()
    return .over
  }

  private func giveUp(_ agent: Agent, _ around: Surroundings) {
    if let probe { trouble = probe.isAnswered ? "connections are left" : "its URL does not answer" }
    if trim != nil || isCutting { trouble = "its time is over" }
    guard hook > 0 else { return }
    _ = around.calls.kill(-hook, SIGKILL)
    around.store.commands.append(hook)
    hook = 0
    trouble = "it ran longer than step_timeout and was killed"
  }

  private var signalled: Bool { isSignal && trouble == nil }

  // MARK: Seeing

  private func see(_ agent: Agent, _ around: Surroundings, now: Instant) -> Stepping.Seen {
    if trouble != nil { return .done }
    if let trim {
      trim.step(around.teller, now: now)
      guard trim.isOver else { return .atWork }
      if trim.answer.done.isEmpty { trouble = trim.answer.refused.first?.why ?? "it has ended" }
      return .done
    }
    if let probe {
      guard probe.isAnswered || probe.step(now: now) else { return .atWork }
      var connections = 0
      for member in worker.members {
        // Unreadable is not none.
        connections += (try? around.reader.establishedConnections(member.kept.identity.pid)) ?? 1
      }
      return connections == 0 ? .done : .atWork
    }
    if hook > 0 {
      guard let status = around.calls.childEnded(hook) else { return .atWork }
      around.calls.reap(hook)
      hook = 0
      if status.signal != 0 { (trouble, code) = ("it was ended by signal", status.signal) }
      if status.code != 0 { (trouble, code) = ("exit code", status.code) }
      return .done
    }
    if signalled { return beganAt == now ? .atWork : measure(around, now: now) ? .enough : .atWork }
    // Into archives, and with renamed logs whose writers have not let go, it takes its time.
    if isCutting { for log in agent.logs where log.isCutting { return .atWork } }
    return .done
  }

  /// What its rule speaks of, now. True when that is enough.
  private func measure(_ around: Surroundings, now: Instant) -> Bool {
    let record = worker.record
    measured = nil
    var grounds = worker.members
    if record.rules.scope == .each {
      guard let one = worker.member(judged.pid) else { return false }
      grounds = [one]
    }
    for member in grounds { worker.lookAgain(member, around.reader, now: now) }
    guard let figure = worker.figure(of: grounds) else { return false }
    record.figure?.value = figure.value
    if let trigger {
      let board = around.teller.board
      if let memory = try? around.reader.memInfo() { board.memory = memory }
      let holds = worker.stillHolds(trigger, around.reader, board: board, now: now)
      measured = record.facts[fact]
      return !holds
    }
    measured = Int64(clamping: figure.value.rawValue)
    guard let line = record.limits.soft ?? record.limits.hard else { return false }
    return figure.value < line.share(record.rules.clear)
  }

  private func look(_ i: Int, _ around: Surroundings, now: Instant) -> Stepping.Seen {
    let isEnough = measure(around, now: now) && !isDrained
    end(isEnough: isDrained ? nil : isEnough, around, now: now)
    return isEnough ? .enough : .notEnough
  }

  // MARK: Doing

  private func begin(_ i: Int, _ agent: Agent, _ around: Surroundings, now: Instant) {
    (step, beganAt, trouble, code) = (i, now, nil, 0)
    (trim, probe, isCutting, isTold) = (nil, nil, false, false)
    _ = measure(around, now: now)
    before = measured
    var expected: StaticString = ""
    isSignal = false
    switch parseStep(plan.steps[i], &expected) {
    case nil: break
    case .cut: cut(agent, around)
    case .trim:
      trim = WorkerTrim(worker, around, now: now)
      if trim == nil { trouble = "it has ended" }
    case .signal(let signal):
      isSignal = true
      send(signal, around)
    case .hook(let argv):
      hook = around.calls.spawn(argv, true)
      if hook < 0 { (trouble, code) = ("it could not be started, errno", -hook) }
    case .drain(let gate): probe = HealthProbe(gate)
    }
  }

  private func cut(_ agent: Agent, _ around: Surroundings) {
    var pids = [Int32](), written = [WatchedLog]()
    for member in worker.members { pids.append(member.kept.identity.pid) }
    let walk = OpenFileWalk(reader: around.reader)
    walk.restart(pids)
    // 20 ms and more; who has more open than that has its first ones looked at.
    _ = walk.step(10_000) { pid, descriptor, file in
      for log in agent.logs where log.file?.opened.isSame(as: file) == true && !log.record.rules.observe {
        if (try? around.reader.holder(pid, descriptor: descriptor))?.writes == true { written.append(log) }
      }
    }
    trouble = "no watched log is written by it"
    for log in written {
      if log.cutNow(around, buffer: agent.cutBuffer, board: agent.board, inotify: agent.inotify) == nil {
        (trouble, isCutting) = (nil, true)
      } else if !isCutting {
        trouble = "its log was not cut"
      }
    }
  }

  /// A signal that is not caught would end the process.
  private func send(_ signal: Int32, _ around: Surroundings) {
    let main = worker.child > 0 ? worker.process.identity : judged
    guard let target = around.target(main), (try? around.reader.catches(main.pid, signal)) == true else {
      trouble = "its main process does not catch that signal, which would end it"
      return
    }
    if case .failed(let errno) = target.send(signal) { (trouble, code) = ("errno", errno) }
  }

  /// Tells how it went, and remembers whether it brought anything.
  private func end(isEnough: Bool?, _ around: Surroundings, now: Instant) {
    let record = worker.record
    isTold = true
    var isUnmoved = trouble != nil
    if let before, let measured {
      isUnmoved = isUnmoved || fact.isUnmoved(before, measured)
      if fact.metric != nil, trim == nil, measured < before { record.freed += ByteCount(UInt64(before - measured)) }
    }
    if !isDrained {
      record.conduct.steps.note(step, of: worker.life, broughtNothing: isEnough != true && isUnmoved)
    }
    let outcome = StepOutcome(
      step: plan.steps[step], reason: reason, fact: fact, before: before, after: measured, took: now - beganAt,
      isEnough: isEnough, trouble: trouble, code: code)
    record.lastAct = around.teller.tell(.worker, record.name, .stepTaken(outcome))
  }
}

extension WatchedWorker {
  /// Whose life steps are remembered for: what memwarden runs, or its oldest process.
  var life: Identity {
    var life = process.identity
    for member in members where child == 0 && (life.pid == 0 || member.kept.identity.startTicks < life.startTicks) {
      life = member.kept.identity
    }
    return life
  }

  /// The same life, judged from the beginning.
  func settle() {
    for member in members { (member.threshold, member.crossing) = (Threshold(), .unknown) }
    (sumThreshold, record.crossing) = (Threshold(), .unknown)
    timing.acted()
    dueTrigger = nil
    lastObstacle = nil
    restsUntil = Instant(milliseconds: 0)
  }

  /// What its steps have against an act for this reason: that none of them would do anything.
  func stepsHindrance(_ reason: Reason) -> Obstacle? {
    let plan = settings.plan.steps
    if plan.steps.isEmpty || (hasMeans && (plan.endsWithRecycle || reason == .hardLimit)) { return nil }
    let spent = record.conduct.steps.spent(in: life)
    return Int(spent.nonzeroBitCount) == plan.steps.count ? .stepsSpent : nil
  }

  func tellUseless(_ teller: Teller) {
    record.lastAct = teller.tell(.worker, record.name, .remedyUseless(record.conduct.remedy))
  }
}

// Judges what was read of a worker, and tells what changed. Thresholds and waits are Policy's; this puts them together.
import Kernel
import Policy
import Report
import Samples

extension WatchedWorker {
  /// Judges what was read and tells what changed. The verdict is in the record; the loop acts on it.
  /// `hindrance`: what its group has against a recycle now.
  func judge(
    _ reader: KernelReader, board: Board, hindrance: Obstacle? = nil, teller: Teller, gap: Milliseconds, now: Instant
  ) -> Verdict {
    let before = record.crossing
    let crossing = record.rules.scope == .each ? judgeEach(gap: gap, now: now) : judgeSum(gap: gap, now: now)
    record.crossing = crossing
    if let figure = record.figure {
      record.history.record(figure.value, at: now)
      record.plateau.follow(figure.value, now: now)
      record.growth.add(figure.value, GrowthRules(), gap: gap, now: now)
    }
    tellCrossing(from: before, to: crossing, teller: teller, now: now)
    let due = judgeTriggers(reader, board: board, gap: gap, now: now)
    let isOver = due != nil || crossing.severity > Crossing.below.severity
    if record.conduct.follow(isOver: isOver, rules: record.rules, now: now) { tellUseless(teller) }
    var verdict = record.conduct.judge(crossing, rules: record.rules, hasMeans: canAct, now: now)
    if let due {
      tellTrigger(due, teller: teller)
      switch verdict {
      case .unknown, .below, .holding:
        verdict = record.conduct.permit(.trigger, rules: record.rules, hasMeans: canAct, now: now)
      case .recycle, .wouldRecycle, .blocked, .park: break
      }
    } else {
      dueTrigger = nil
    }
    verdict = timing.judge(verdict, record.rules.timing, circumstances(board), now: now)
    if case .recycle(let reason) = verdict, let hindrance = hindrance ?? stepsHindrance(reason) {
      verdict = .blocked(reason, by: hindrance)
    }
    tell(verdict, teller: teller, now: now)
    record.verdict = verdict
    syncRecords()
    restsUntil = mayRest ? now + WatchedWorker.rest : now
    return verdict
  }

  /// A worker whose statm stands still is judged this often; shorter than `gap`, so that nothing takes it for a pause.
  private static let rest = Milliseconds.seconds(1)
  /// Nothing can come of the next second without a change in statm: no limit is near enough for an exact reading, and
  /// nothing is waited for.
  private var mayRest: Bool {
    guard record.verdict == .below, record.conduct.phase == .armed, record.rules.triggers.isEmpty,
      record.rules.metric != .swap, let figure = record.figure
    else { return false }
    return record.limits.first.map { figure.value < $0.share(Permyriad(9000)) } ?? true
  }

  private func judgeEach(gap: Milliseconds, now: Instant) -> Crossing {
    var worst = Crossing.unknown
    var figure: (value: ByteCount, isEstimate: Bool, pid: Int32)?
    for member in members {
      guard let assessment = assess(member, now: now) else { continue }
      member.crossing = judge(assessment, &member.threshold, was: member.crossing, gap: gap, now: now)
      let severity = member.crossing.severity
      if figure == nil || severity > worst.severity
        || (severity == worst.severity && assessment.value > figure?.value ?? .zero)
      {
        worst = member.crossing
        figure = (assessment.value, assessment.isEstimate, member.kept.identity.pid)
      }
    }
    setFigure(figure, worst)
    return worst
  }

  private func judgeSum(gap: Milliseconds, now: Instant) -> Crossing {
    var sum = Assessment(value: .zero, isFresh: true, isEstimate: false)
    var known = 0
    for member in members {
      guard let assessment = assess(member, now: now) else { continue }
      known += 1
      sum.value += assessment.value
      sum.isFresh = sum.isFresh && assessment.isFresh
      sum.isEstimate = sum.isEstimate || assessment.isEstimate
    }
    guard known > 0, known == members.count else {
      setFigure(nil, .unknown)
      return .unknown
    }
    let crossing = judge(sum, &sumThreshold, was: record.crossing, gap: gap, now: now)
    setFigure((sum.value, sum.isEstimate, 0), crossing)
    return crossing
  }

  /// An estimate near a limit is no ground for a conclusion: the former one stands until the exact figure is read.
  private func judge(
    _ a: Assessment, _ threshold: inout Threshold, was: Crossing, gap: Milliseconds, now: Instant
  ) -> Crossing {
    if !a.isFresh, let first = record.limits.first, a.value >= first.share(Permyriad(9000)) {
      threshold.wait(gap: gap, now: now)
      return was
    }
    return threshold.judge(
      a.value, limits: record.limits, hold: record.rules.hold, clear: record.rules.clear, gap: gap, now: now)
  }

  private func setFigure(_ figure: (value: ByteCount, isEstimate: Bool, pid: Int32)?, _ crossing: Crossing) {
    guard let figure else {
      record.figure = nil
      record.figurePid = 0
      return
    }
    let limit = crossing == .hard ? record.limits.hard : record.limits.first
    record.figure = Figure(
      metric: record.rules.metric, scope: record.rules.scope, value: figure.value, limit: limit,
      isEstimate: figure.isEstimate)
    record.figurePid = figure.pid
  }

  private func syncRecords() {
    var same = record.processes.count == members.count
    for i in members.indices where same { same = record.processes[i] === members[i].record }
    if !same { record.processes = members.map { $0.record } }
  }

  /// After a recycle: the new processes are judged from the beginning.
  func startOver() {
    record.crossing = .unknown
    record.plateau = Plateau()
    record.growth.restart()
    facts = FactKeeper(record.rules)
    timing.acted()
    dueTrigger = nil
    sumThreshold = Threshold()
    lastObstacle = nil
    hasToldSettled = false
    restsUntil = Instant(milliseconds: 0)
  }

  // MARK: Telling

  private func tellCrossing(from before: Crossing, to after: Crossing, teller: Teller, now: Instant) {
    guard let figure = record.figure, !isActing else { return }
    let pid = record.figurePid
    switch (before, after) {
    case (.hard, .hard): break
    case (_, .hard): teller.tell(.worker, record.name, .overHard(figure, pid: pid))
    case (.unknown, .holding), (.below, .holding), (.unknown, .softHeld), (.below, .softHeld):
      teller.tell(.worker, record.name, .overSoft(figure, pid: pid, hold: record.rules.hold))
    case (.holding(let since), .below), (.softHeld(let since), .below):
      teller.tell(.worker, record.name, .backBelow(figure, pid: pid, after: now - since))
      lastObstacle = nil
    case (.hard, .below):
      teller.tell(.worker, record.name, .backBelow(figure, pid: pid, after: .zero))
      lastObstacle = nil
    default: break
    }
    tellSettled(figure, after, teller: teller, now: now)
  }

  private func tellTrigger(_ due: Int, teller: Teller) {
    guard !isActing, dueTrigger != due else { return }
    dueTrigger = due
    let trigger = record.rules.triggers[due]
    var fact: Fact?
    if case .condition(let condition)? = trigger.when.steps.first { fact = condition.fact }
    dueFact = fact
    teller.tell(.worker, record.name, .triggerDue(trigger.name, value: fact.flatMap { record.facts[$0] }, of: fact))
  }

  /// Once per level: a process that holds at least half of its limit and does not grow is left alone, and that is said.
  private func tellSettled(_ figure: Figure, _ crossing: Crossing, teller: Teller, now: Instant) {
    let level = record.plateau.duration(now)
    if level == .zero { hasToldSettled = false }
    guard crossing == .below, !hasToldSettled, let limit = figure.limit, figure.value >= limit.share(Permyriad(5000)),
      level >= max(record.rules.hold, .seconds(10))
    else { return }
    hasToldSettled = true
    teller.tell(.worker, record.name, .settled(figure, pid: record.figurePid, level: level))
  }

  private func tell(_ verdict: Verdict, teller: Teller, now: Instant) {
    guard let figure = record.figure else { return }
    switch verdict {
    case .wouldRecycle(let reason):
      if case .wouldRecycle = record.verdict { return }
      teller.tell(.worker, record.name, .wouldRecycle(reason, figure, steps: record.steps))
    case .blocked(let reason, let obstacle):
      if obstacle == .acting || lastObstacle?.isSameKind(as: obstacle) == true { return }
      lastObstacle = obstacle
      teller.tell(.worker, record.name, .blocked(reason, by: obstacle, figure))
    case .park(let reason):
      record.conduct.park(reason)
      let budget = record.rules.budget
      record.lastAct = teller.tell(
        .worker, record.name, .parked(reason, used: record.conduct.used(budget, now: now), per: budget.per))
    case .unknown, .below, .holding, .recycle: break
    }
  }
}

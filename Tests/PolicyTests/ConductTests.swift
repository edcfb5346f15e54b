import Policy
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }
private let held = Crossing.softHeld(since: Instant(milliseconds: 0))

private struct Trial {
  var conduct = Conduct()
  var rules = WorkerRules()
  var hasMeans = true
  mutating func judge(_ now: Instant) -> Verdict { judge(held, now) }
  mutating func judge(_ crossing: Crossing, _ now: Instant) -> Verdict {
    conduct.judge(crossing, rules: rules, hasMeans: hasMeans, now: now)
  }
  mutating func permit(_ reason: Reason, _ now: Instant) -> Verdict {
    conduct.permit(reason, rules: rules, hasMeans: hasMeans, now: now)
  }
  /// An act that took two seconds.
  mutating func act(_ now: Instant) {
    conduct.began(now: now)
    conduct.succeeded(rules: rules, now: now + .seconds(2))
  }
}

@Test func eachCrossingHasItsVerdict() {
  var t = Trial()
  #expect(t.judge(.unknown, at(0)) == .unknown)
  #expect(t.judge(.below, at(0)) == .below)
  #expect(t.judge(.holding(since: at(3)), at(4)) == .holding(since: at(3)))
  #expect(t.judge(held, at(4)) == .recycle(.softLimitHeld))
  #expect(t.judge(.hard, at(4)) == .recycle(.hardLimit))
}

@Test func whileOneActIsUnderWayNoOtherBegins() {
  var t = Trial()
  t.conduct.began(now: at(0))
  #expect(t.judge(.hard, at(1)) == .blocked(.hardLimit, by: .acting))
  #expect(t.permit(.asked, at(86_400)) == .blocked(.asked, by: .acting))
}

@Test func afterAnActItCoolsDownToTheMillisecond() {
  var t = Trial()
  t.act(at(100))
  let until = at(162)
  #expect(t.judge(.hard, at(103)) == .blocked(.hardLimit, by: .coolingDown(until: until)))
  #expect(t.judge(.hard, Instant(milliseconds: 161_999)) == .blocked(.hardLimit, by: .coolingDown(until: until)))
  #expect(t.judge(.hard, until) == .recycle(.hardLimit))
}

@Test func aSuspendedMachineHasCooledDown() {
  var t = Trial()
  t.act(at(0))
  #expect(t.judge(at(3 * 3600)) == .recycle(.softLimitHeld))
}

@Test func theWaitDoublesWithEachFailureUpToItsMaximum() {
  var t = Trial()
  var now = at(0)
  let expected: [Int64] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
  for seconds in expected {
    t.conduct.began(now: now)
    #expect(t.conduct.failed(rules: t.rules, now: now) == .seconds(seconds))
    let until = now + .seconds(seconds)
    #expect(
      t.permit(.crashed, Instant(milliseconds: until.milliseconds - 1))
        == .blocked(.crashed, by: .backingOff(until: until)))
    now = until
  }
  for _ in 0..<10_000 { #expect(t.conduct.failed(rules: t.rules, now: now) == .seconds(300)) }
  #expect(t.conduct.failures == 10_011)
}

@Test func aWaitTooLongToCountIsTheMaximum() {
  var t = Trial()
  t.rules.backoff = Milliseconds(.max / 3)
  t.rules.backoffMaximum = Milliseconds(.max)
  for _ in 0..<70 { t.conduct.failed(rules: t.rules, now: at(5)) }
  #expect(t.conduct.phase == .backingOff(until: Instant(milliseconds: .max)))
  t.rules.coolDown = Milliseconds(.max)
  t.conduct.succeeded(rules: t.rules, now: at(5))
  #expect(t.conduct.phase == .coolingDown(until: Instant(milliseconds: .max)))
}

@Test func successAndAStableRunMakeTheNextWaitShort() {
  var t = Trial()
  for _ in 0..<5 { t.conduct.failed(rules: t.rules, now: at(0)) }
  t.conduct.ranStably()
  #expect(t.conduct.failed(rules: t.rules, now: at(0)) == .seconds(1))
  t.conduct.succeeded(rules: t.rules, now: at(9))
  #expect(t.conduct.failed(rules: t.rules, now: at(10)) == .seconds(1))
}

@Test func theBudgetUsedUpParksAndOnlyAnOperatorUnparks() {
  var t = Trial()
  t.rules.budget = RestartBudget(count: 3, per: .seconds(3600))
  for i in 0..<3 as Range<Int64> {
    #expect(t.judge(at(i * 600)) == .recycle(.softLimitHeld))
    t.act(at(i * 600))
  }
  #expect(t.judge(at(1800)) == .park(.budgetUsedUp))
  t.conduct.park(.budgetUsedUp)
  // A month later, with the window long empty.
  for day in 1...30 as ClosedRange<Int64> {
    #expect(t.judge(.hard, at(day * 86_400)) == .blocked(.hardLimit, by: .parked(.budgetUsedUp)))
  }
  t.conduct.unpark()
  for i in 0..<3 as Range<Int64> {
    let now = at(31 * 86_400 + i * 100)
    #expect(t.judge(now) == .recycle(.softLimitHeld))
    t.act(now)
  }
  #expect(t.judge(at(31 * 86_400 + 300)) == .park(.budgetUsedUp))
}

@Test func aWorkerThatIsParkedAndCrashesStaysParked() {
  var t = Trial()
  t.conduct.park(.budgetUsedUp)
  // What the loop does when an own child ends.
  t.conduct.failed(rules: t.rules, now: at(10))
  #expect(t.conduct.phase == .parked(.budgetUsedUp))
  #expect(t.permit(.crashed, at(8 * 86_400)) == .blocked(.crashed, by: .parked(.budgetUsedUp)))
}

@Test func theBudgetCountsWithinAWindowThatSlides() {
  var t = Trial()
  t.rules.coolDown = .zero
  t.rules.budget = RestartBudget(count: 2, per: .seconds(100))
  // The clock begins at 0: the window reaches back before boot.
  t.act(at(0))
  t.act(at(60))
  #expect(t.judge(Instant(milliseconds: 99_999)) == .park(.budgetUsedUp))
  // The first has left the window, the second has not.
  #expect(t.judge(at(100)) == .recycle(.softLimitHeld))
  t.act(at(100))
  #expect(t.judge(at(159)) == .park(.budgetUsedUp))
  #expect(t.judge(at(160)) == .recycle(.softLimitHeld))
}

@Test func aWaitIsNotTakenForAUsedUpBudget() {
  var t = Trial()
  t.rules.budget = RestartBudget(count: 1, per: .seconds(3600))
  t.act(at(0))
  #expect(t.judge(at(10)) == .blocked(.softLimitHeld, by: .coolingDown(until: at(62))))
  #expect(t.judge(at(62)) == .park(.budgetUsedUp))
}

@Test func crashesCountAgainstTheSameBudget() {
  var t = Trial()
  t.rules.budget = RestartBudget(count: 2, per: .seconds(3600))
  t.conduct.restartedAfterCrash(now: at(1))
  #expect(t.conduct.used(t.rules.budget, now: at(1)) == 1)
  t.act(at(2))
  #expect(t.permit(.crashed, at(100)) == .park(.budgetUsedUp))
}

@Test func pausedNothingIsDoneUntilResumedOrAsked() {
  var t = Trial()
  t.conduct.paused = true
  for day in 0..<7 as Range<Int64> {
    #expect(t.judge(.hard, at(day * 86_400)) == .blocked(.hardLimit, by: .paused))
    #expect(t.permit(.crashed, at(day * 86_400)) == .blocked(.crashed, by: .paused))
  }
  #expect(t.permit(.asked, at(9)) == .recycle(.asked))
  t.conduct.paused = false
  #expect(t.judge(.hard, at(7 * 86_400)) == .recycle(.hardLimit))
}

@Test func observingSaysWhatItWouldDoAndUsesNothingUp() {
  var t = Trial()
  t.rules.observe = true
  t.rules.budget = RestartBudget(count: 1, per: .seconds(60))
  for tick in 0..<5000 as Range<Int64> { #expect(t.judge(.hard, at(tick * 5)) == .wouldRecycle(.hardLimit)) }
  #expect(t.conduct == Conduct())
  // Its own child is run all the same.
  #expect(t.permit(.crashed, at(1)) == .recycle(.crashed))
  #expect(t.permit(.asked, at(1)) == .recycle(.asked))
}

@Test func withoutMeansNobodyCanRecycle() {
  var t = Trial()
  t.hasMeans = false
  #expect(t.judge(.hard, at(0)) == .blocked(.hardLimit, by: .noMeans))
  #expect(t.permit(.asked, at(0)) == .blocked(.asked, by: .noMeans))
  #expect(t.judge(.below, at(0)) == .below)
}

@Test func whatAPersonAsksForIsHeldUpByNothingButAnActUnderWay() {
  var t = Trial()
  t.rules.budget = RestartBudget(count: 1, per: .seconds(86_400))
  t.act(at(0))
  #expect(t.permit(.asked, at(3)) == .recycle(.asked))
  t.conduct.failed(rules: t.rules, now: at(4))
  #expect(t.permit(.asked, at(4)) == .recycle(.asked))
  t.conduct.park(.budgetUsedUp)
  #expect(t.permit(.asked, at(5)) == .recycle(.asked))
}

@Test func obstaclesOfOneKindAreAlikeWhateverTheirTime() {
  let all: [Obstacle] = [
    .paused, .parked(.budgetUsedUp), .coolingDown(until: at(1)), .backingOff(until: at(1)), .acting, .noMeans,
  ]
  for (i, a) in all.enumerated() {
    for (j, b) in all.enumerated() { #expect(a.isSameKind(as: b) == (i == j)) }
  }
  #expect(Obstacle.coolingDown(until: at(1)).isSameKind(as: .coolingDown(until: at(2))))
  #expect(Obstacle.backingOff(until: at(1)).isSameKind(as: .backingOff(until: at(2))))
}

@Test func theTallyForgetsTheOldestBeyondThirtyTwo() {
  var tally = Tally()
  for i in 1...40 as ClosedRange<Int64> { tally.add(at(i)) }
  #expect(tally.count(since: at(0)) == 32)
  #expect(tally.count(since: at(9)) == 31)
  #expect(tally.count(since: at(39)) == 1)
  #expect(tally.count(since: at(40)) == 0)
  tally.clear()
  #expect(tally.count(since: Instant(milliseconds: .min)) == 0)
}

@Test func aParkedWorkerIsRecycledWhenAskedAndStaysParked() {
  var t = Trial()
  t.conduct.park(.budgetUsedUp)
  #expect(t.permit(.asked, at(0)) == .recycle(.asked))
  t.act(at(0))
  #expect(t.conduct.phase == .parked(.budgetUsedUp))
  t.conduct.began(now: at(100))
  t.conduct.failed(rules: t.rules, now: at(101))
  #expect(t.conduct.phase == .parked(.budgetUsedUp))
  t.conduct.unpark()
  t.act(at(200))
  #expect(t.conduct.phase == .coolingDown(until: at(262)))
}

// Did it help? Over simulated days.
import Policy
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }

private struct Trial {
  var conduct = Conduct()
  var rules = WorkerRules()
  /// A recycle that ends now, after which the worker is over again in `back` seconds. True: that was one too many.
  mutating func recycle(_ now: Int64, back: Int64) -> Bool {
    conduct.began(now: at(now))
    conduct.recycled(freed: .mib(1), now: at(now))
    conduct.succeeded(rules: rules, now: at(now))
    if back > 0, conduct.follow(isOver: false, rules: rules, now: at(now + back - 1)) { return true }
    return conduct.follow(isOver: true, rules: rules, now: at(now + back))
  }
}

@Test func twoRecyclesInARowThatDoNotHelpParkTheWorkerOnce() {
  for back in [0, 1, 60] as [Int64] {
    var t = Trial()
    let first = t.recycle(0, back: back)
    #expect(!first)
    let second = t.recycle(100, back: back)
    #expect(second && t.conduct.phase == .parked(.remedyUseless))
    #expect(t.conduct.remedy.useless == 2 && t.conduct.remedy.backAfter == .seconds(back))
    for second in 0..<1000 as Range<Int64> {
      let again = t.conduct.follow(isOver: true, rules: t.rules, now: at(200 + second))
      #expect(!again)
    }
    let verdict = t.conduct.judge(.hard, rules: t.rules, hasMeans: true, now: at(1_000_000))
    #expect(verdict == .blocked(.hardLimit, by: .parked(.remedyUseless)))
  }
}

@Test func whatBuysMoreThanItsCoolDownHelps() {
  var t = Trial()
  for i in 0..<100 as Range<Int64> {
    let isUseless = t.recycle(i * 100, back: i % 2 == 0 ? 61 : 60)
    #expect(!isUseless, "never two in a row")
  }
}

@Test func howSoonIsTooSoonFollowsTheRules() {
  var rules = WorkerRules()
  #expect(rules.relapse == .seconds(60))
  rules.coolDown = .seconds(5)
  #expect(rules.relapse == .seconds(5))
  rules.coolDown = .seconds(3600)
  #expect(rules.relapse == .seconds(60))
  rules.timing.minimumLife = .seconds(86_400)
  #expect(rules.relapse == .seconds(8640))
  (rules.coolDown, rules.timing.minimumLife) = (.zero, .zero)
  #expect(rules.relapse == .zero)
}

@Test func whoWantsNoPauseBetweenRecyclesIsNotAskedWhetherTheyHelp() {
  var t = Trial()
  t.rules.coolDown = .zero
  for i in 0..<10 as Range<Int64> {
    let isUseless = t.recycle(i, back: 0)
    #expect(!isUseless)
  }
}

@Test func aLeakIsRecycledForAYearAndNeverLatched() {
  var t = Trial()
  for day in 0..<365 as Range<Int64> {
    let isUseless = t.recycle(day * 86_400, back: 86_300)
    #expect(!isUseless)
  }
}

@Test func resumingReleasesTheLatchAndNotAUsedUpBudget() {
  var t = Trial()
  for i in [0, 100] as [Int64] { _ = t.recycle(i, back: 0) }
  t.conduct.resume()
  #expect(t.conduct.phase == .armed && t.conduct.remedy == Remedy())
  t.conduct.park(.budgetUsedUp)
  t.conduct.resume()
  #expect(t.conduct.phase == .parked(.budgetUsedUp))
  t.conduct.unpark()
  #expect(t.conduct.phase == .armed)
}

@Test func aPersonsRecycleOfALatchedWorkerLeavesItLatched() {
  var t = Trial()
  for i in [0, 100] as [Int64] { _ = t.recycle(i, back: 0) }
  t.conduct.began(now: at(300))
  t.conduct.succeeded(rules: t.rules, now: at(301))
  #expect(t.conduct.phase == .parked(.remedyUseless))
  t.conduct.began(now: at(400))
  t.conduct.resume()
  t.conduct.succeeded(rules: t.rules, now: at(401))
  #expect(t.conduct.phase == .coolingDown(until: at(461)))
}

@Test func stepsBeforeARecycleDoNotCountAgainstTheBudget() {
  var t = Trial()
  for i in 0..<100 as Range<Int64> {
    t.conduct.beganSteps()
    #expect(t.conduct.judge(.hard, rules: t.rules, hasMeans: true, now: at(i)) == .blocked(.hardLimit, by: .acting))
    t.conduct.succeeded(rules: t.rules, now: at(i))
  }
  #expect(t.conduct.used(t.rules.budget, now: at(100)) == 0)
}

@Test func aStepThatBroughtNothingTwiceIsLeftOutUntilTheNextLife() {
  let life = Identity(pid: 7, startTicks: 70), next = Identity(pid: 7, startTicks: 71)
  var memory = StepMemory()
  memory.note(2, of: life, broughtNothing: true)
  #expect(memory.spent(in: life) == 0)
  memory.note(2, of: life, broughtNothing: false)
  memory.note(2, of: life, broughtNothing: true)
  #expect(memory.spent(in: life) == 0, "twice in a row")
  memory.note(0, of: life, broughtNothing: true)
  memory.note(2, of: life, broughtNothing: true)
  #expect(memory.spent(in: life) == 0b100)
  #expect(memory.spent(in: next) == 0)
  memory.note(1, of: next, broughtNothing: true)
  #expect(memory.spent(in: next) == 0 && memory.spent(in: life) == 0)
}

@Test func aHundredthIsNothingInTheFactsOwnDirection() {
  #expect(Fact.uss.isUnmoved(1000, 991) && !Fact.uss.isUnmoved(1000, 990))
  #expect(Fact.uss.isUnmoved(1000, 2000) && Fact.descriptors.isUnmoved(0, 0))
  #expect(Fact.available.isUnmoved(1000, 1009) && !Fact.available.isUnmoved(1000, 1010))
  #expect(Fact.uss.isUnmoved(.max, .min) || !Fact.uss.isUnmoved(.max, .min), "no trap")
  for metric in Metric.allCases { #expect(Fact(metric).metric == metric) }
}

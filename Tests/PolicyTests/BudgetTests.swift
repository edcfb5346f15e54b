// Ten thousand random lives of a worker, each checked against a plain list of everything that was done to it.
import Policy
import Samples
import Testing

/// SplitMix64: the same lives in every run.
private struct Dice: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private struct Life {
  var dice: Dice
  var rules = WorkerRules()
  var conduct = Conduct()
  var now = Instant(milliseconds: 0)
  /// Everything done since the last unpark, by whatever reason.
  var acts = [Instant]()
  /// Nothing may be done before this.
  var notBefore = Instant(milliseconds: 0)
  var isParked = false
  var automatic = 0, parkings = 0
  var wrongs = Set<String>()

  init(seed: UInt64) {
    dice = Dice(state: seed)
    rules.budget = RestartBudget(
      count: .random(in: 1...32, using: &dice), per: Milliseconds(.random(in: 1000...604_800_000, using: &dice)))
    rules.coolDown = Milliseconds(.random(in: 0...120_000, using: &dice))
    rules.backoff = Milliseconds(.random(in: 100...10_000, using: &dice))
    rules.backoffMaximum = Milliseconds(.random(in: 10_000...600_000, using: &dice))
  }

  mutating func pass() {
    // Ticks, bursts in the same millisecond, suspends of hours, a step of just the window.
    let step: Int64 =
      switch Int.random(in: 0..<20, using: &dice) {
      case 0: 0
      case 1: 3 * 3_600_000
      case 2: rules.budget.per.rawValue
      case 3: rules.budget.per.rawValue / Int64(rules.budget.count)
      default: .random(in: 1...60_000, using: &dice)
      }
    now = now + Milliseconds(step)
    switch Int.random(in: 0..<100, using: &dice) {
    case 0 where isParked:
      conduct.unpark()
      isParked = false
      acts = []
      notBefore = now
    case 1...3:
      if case .recycle = conduct.permit(.asked, rules: rules, hasMeans: true, now: now) { act() }
    case 4...20:
      // An own child ended by itself: it waits, then it may be started again.
      conduct.failed(rules: rules, now: now)
      if case .backingOff(let until) = conduct.phase { notBefore = until }
      take(conduct.permit(.crashed, rules: rules, hasMeans: true, now: now))
    case 21...80: take(conduct.judge(.hard, rules: rules, hasMeans: true, now: now))
    default: take(conduct.judge(.below, rules: rules, hasMeans: true, now: now))
    }
  }

  private mutating func take(_ verdict: Verdict) {
    switch verdict {
    case .recycle:
      let start = Instant(milliseconds: now.milliseconds - rules.budget.per.rawValue)
      let within = acts.reversed().prefix { $0 > start }.count
      if within >= rules.budget.count { wrongs.insert("one act too many in the window") }
      if isParked { wrongs.insert("a parked worker was acted upon") }
      if now < notBefore { wrongs.insert("acted before the wait was over") }
      automatic += 1
      act()
    case .park(let why):
      let start = Instant(milliseconds: now.milliseconds - rules.budget.per.rawValue)
      if acts.count(where: { $0 > start }) < rules.budget.count { wrongs.insert("parked with budget left") }
      conduct.park(why)
      isParked = true
      parkings += 1
    case .unknown, .below, .holding, .wouldRecycle, .blocked: break
    }
  }

  private mutating func act() {
    acts.append(now)
    isParked = false
    conduct.began(now: now)
    now = now + Milliseconds(.random(in: 0...30_000, using: &dice))
    if Bool.random(using: &dice) {
      conduct.succeeded(rules: rules, now: now)
      notBefore = now + rules.coolDown
    } else {
      notBefore = now + conduct.failed(rules: rules, now: now)
    }
  }
}

@Test func noScheduleGetsMoreActsIntoAWindowThanTheBudgetAllows() {
  var acts = 0, parkings = 0
  var wrongs = Set<String>()
  for seed in 0..<10_000 as Range<UInt64> {
    var life = Life(seed: seed)
    for _ in 0..<120 { life.pass() }
    wrongs.formUnion(life.wrongs)
    acts += life.automatic
    parkings += life.parkings
  }
  #expect(wrongs.isEmpty)
  // The lives were not all idle, or all parked from the beginning.
  #expect(acts > 50_000)
  #expect(parkings > 2_000)
}

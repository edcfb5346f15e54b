import Policy
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }

private struct Trial {
  var timing = Timing()
  var rules = TimingRules()
  var wall: WallTime? = WallTime(weekday: 1, minute: 180)
  var connections: Int64? = 0
  mutating func judge(_ second: Int64, _ verdict: Verdict = .recycle(.softLimitHeld), born: Int64? = nil) -> Verdict {
    var facts = Facts()
    facts[.connections] = connections
    let circumstances = Circumstances(wall: wall, youngest: born.map { at($0) }, facts: facts)
    return timing.judge(verdict, rules, circumstances, now: at(second))
  }
}
private let night = MaintenanceWindow(days: 0x7F, start: 120, end: 300)
private let idle = Expression([.condition(Condition(.connections, isAbove: false, .absolute(1)))])

@Suite struct TimingOfActs {
  @Test func withoutRulesNothingWaits() {
    var t = Trial()
    for verdict in [Verdict.recycle(.softLimitHeld), .recycle(.trigger), .wouldRecycle(.trigger), .below, .unknown] {
      #expect(t.judge(0, verdict) == verdict)
    }
  }

  @Test func whatIsDueWaitsForItsWindow() {
    var t = Trial()
    t.rules.windows = [night]
    t.wall = WallTime(weekday: 1, minute: 119)
    #expect(t.judge(0) == .blocked(.softLimitHeld, by: .outsideWindow))
    #expect(t.judge(0, .wouldRecycle(.trigger)) == .blocked(.trigger, by: .outsideWindow))
    t.wall = WallTime(weekday: 1, minute: 120)
    #expect(t.judge(60) == .recycle(.softLimitHeld))
  }

  @Test func hardLimitsPeopleAndCrashesDoNotWait() {
    var t = Trial()
    t.rules.windows = [night]
    t.rules.onlyWhen = idle
    t.rules.minimumLife = .seconds(3600)
    t.wall = nil
    for reason in [Reason.hardLimit, .asked, .crashed] {
      #expect(t.judge(5, .recycle(reason), born: 0) == .recycle(reason))
    }
  }

  @Test func withoutAClockThereIsNoWindowUntilItIsPostponedForTooLong() {
    var t = Trial()
    t.rules.windows = [night]
    t.wall = nil
    #expect(t.judge(0) == .blocked(.softLimitHeld, by: .clockUnset))
    #expect(t.judge(86_399) == .blocked(.softLimitHeld, by: .clockUnset))
    #expect(t.judge(86_400) == .recycle(.softLimitHeld))
  }

  @Test func whoIsDueAnewWaitsAnew() {
    var t = Trial()
    t.rules.windows = [night]
    t.wall = nil
    _ = t.judge(0)
    _ = t.judge(80_000, .below)
    #expect(t.judge(86_400) == .blocked(.softLimitHeld, by: .clockUnset))
    t.timing.acted()
    #expect(t.judge(200_000) == .blocked(.softLimitHeld, by: .clockUnset))
    // What cannot be read for a moment is neither due nor not.
    #expect(t.judge(250_000, .unknown) == .unknown)
    #expect(t.judge(286_400) == .recycle(.softLimitHeld))
  }

  @Test func itIsDoneOnlyWhileItIsIdleAndWhatIsNotKnownIsNotIdle() {
    var t = Trial()
    t.rules.onlyWhen = idle
    #expect(t.judge(0) == .recycle(.softLimitHeld))
    t.connections = 1
    #expect(t.judge(5) == .blocked(.softLimitHeld, by: .busy))
    t.connections = nil
    #expect(t.judge(10) == .blocked(.softLimitHeld, by: .busy))
  }

  @Test func aLifeIsNotCutShortHoweverLongItIsDue() {
    var t = Trial()
    t.rules.minimumLife = .seconds(60)
    t.rules.postpone = .zero
    #expect(t.judge(59, born: 0) == .blocked(.softLimitHeld, by: .young(until: at(60))))
    #expect(t.judge(60, born: 0) == .recycle(.softLimitHeld))
    #expect(t.judge(61, born: 30) == .blocked(.softLimitHeld, by: .young(until: at(90))))
  }
}

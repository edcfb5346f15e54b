import Policy
import Samples
import Testing

/// Judges values one after another; the clear line is 17 MiB, the hold 30 s, the longest pause 16 s.
private struct Trial {
  var threshold = Threshold()
  var limits = Limits(soft: .mib(20), hard: .mib(30))
  var hold = Milliseconds.seconds(30)
  mutating func judge(_ ms: Int64, _ value: ByteCount?) -> Crossing {
    threshold.judge(
      value, limits: limits, hold: hold, clear: Permyriad(8500), gap: .seconds(16), now: Instant(milliseconds: ms))
  }
  mutating func judge(_ ms: Int64, mib: UInt64) -> Crossing { judge(ms, .mib(mib)) }
}

private func since(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

@Test func theSoftLimitCountsOnlyOnceItHeld() {
  var t = Trial()
  #expect(t.judge(0, mib: 19) == .below)
  #expect(t.judge(5_000, mib: 20) == .holding(since: since(5_000)))
  #expect(t.judge(20_000, mib: 29) == .holding(since: since(5_000)))
  #expect(t.judge(34_999, mib: 21) == .holding(since: since(5_000)))
  #expect(t.judge(35_000, mib: 21) == .softHeld(since: since(5_000)))
  #expect(t.judge(50_000, mib: 21) == .softHeld(since: since(5_000)))
}

@Test func aLimitIsMetByItsLastByte() {
  var t = Trial()
  #expect(t.judge(0, ByteCount((20 << 20) - 1)) == .below)
  #expect(t.judge(1, ByteCount(20 << 20)) == .holding(since: since(1)))
  #expect(t.judge(2, ByteCount((30 << 20) - 1)) == .holding(since: since(1)))
  #expect(t.judge(3, ByteCount(30 << 20)) == .hard)
}

@Test func theLimitIsLeftAtTheLowerLineOnly() {
  var t = Trial()
  _ = t.judge(0, mib: 25)
  #expect(t.judge(10_000, mib: 18) == .holding(since: since(0)))
  // Long past the hold, but not over the limit: neither fires nor ends.
  #expect(t.judge(25_000, ByteCount(17 << 20)) == .holding(since: since(0)))
  #expect(t.judge(40_000, ByteCount(17 << 20)) == .holding(since: since(0)))
  #expect(t.judge(41_000, ByteCount((17 << 20) - 1)) == .below)
  // Below the limit it is below, also between the lines, until the limit is met again.
  #expect(t.judge(50_000, mib: 19) == .below)
  #expect(t.judge(51_000, mib: 20) == .holding(since: since(51_000)))
}

@Test func aSawtoothThatFallsUnderTheClearLineNeverFires() {
  var t = Trial()
  // Three days of a collector that frees every 25 s.
  for tick in 0..<51_840 as Range<Int64> {
    let crossing = t.judge(tick * 5000, mib: tick % 5 == 4 ? 16 : 22)
    if case .softHeld = crossing { Issue.record("fired at tick \(tick)") }
  }
}

@Test func theHardLimitCountsAtOnceAndBeginsTheHold() {
  var t = Trial()
  #expect(t.judge(0, mib: 31) == .hard)
  #expect(t.judge(15_000, mib: 25) == .holding(since: since(0)))
  #expect(t.judge(30_000, mib: 25) == .softHeld(since: since(0)))
}

@Test func aHardLimitAloneHasNoHold() {
  var t = Trial()
  t.limits = Limits(hard: .mib(30))
  #expect(t.judge(0, mib: 29) == .below)
  #expect(t.judge(1000, mib: 30) == .hard)
  #expect(t.judge(2000, mib: 29) == .below)
  #expect(t.judge(90_000, mib: 10) == .below)
  #expect(t.judge(91_000, ByteCount(.max)) == .hard)
}

@Test func aSoftLimitAloneIsNeverHard() {
  var t = Trial()
  t.limits = Limits(soft: .mib(20))
  #expect(t.judge(0, ByteCount(.max)) == .holding(since: since(0)))
  #expect(t.judge(10_000, ByteCount(.max)) == .holding(since: since(0)))
  #expect(t.judge(20_000, ByteCount(.max)) == .holding(since: since(0)))
  #expect(t.judge(30_000, ByteCount(.max)) == .softHeld(since: since(0)))
}

@Test func withoutLimitsEverythingIsBelow() {
  var t = Trial()
  t.limits = Limits()
  #expect(t.judge(0, ByteCount(.max)) == .below)
  #expect(t.limits.first == nil)
}

@Test func aHoldOfNothingFiresAtTheFirstSample() {
  var t = Trial()
  t.hold = .zero
  #expect(t.judge(0, mib: 20) == .softHeld(since: since(0)))
}

@Test func whatCannotBeReadConcludesNothing() {
  var t = Trial()
  #expect(t.judge(0, nil) == .unknown)
  _ = t.judge(5_000, mib: 25)
  #expect(t.judge(10_000, nil) == .unknown)
  #expect(t.judge(15_000, nil) == .unknown)
  #expect(t.judge(20_000, mib: 25) == .holding(since: since(5_000)))
  // Blind for longer than the longest pause: what it was meanwhile is not known, so it must hold anew.
  #expect(t.judge(30_000, nil) == .unknown)
  #expect(t.judge(36_001, mib: 25) == .holding(since: since(36_001)))
}

@Test func aSuspendIsNotTimeOverTheLimit() {
  var t = Trial()
  _ = t.judge(0, mib: 25)
  _ = t.judge(5_000, mib: 25)
  let woken: Int64 = 5_000 + 3 * 3_600_000
  #expect(t.judge(woken, mib: 25) == .holding(since: since(woken)))
  // Ticks 10 s apart, as the pause allows.
  #expect(t.judge(woken + 10_000, mib: 25) == .holding(since: since(woken)))
  #expect(t.judge(woken + 20_000, mib: 25) == .holding(since: since(woken)))
  #expect(t.judge(woken + 30_000, mib: 25) == .softHeld(since: since(woken)))
  // Held before the next suspend: after it, it must hold again.
  #expect(t.judge(2 * woken, mib: 25) == .holding(since: since(2 * woken)))
  // The hard limit does not wait for anything.
  #expect(t.judge(3 * woken, mib: 30) == .hard)
}

@Test func aPauseOfExactlyTheLongestIsRunOn() {
  var t = Trial()
  _ = t.judge(0, mib: 25)
  #expect(t.judge(16_000, mib: 25) == .holding(since: since(0)))
  #expect(t.judge(32_000, mib: 25) == .softHeld(since: since(0)))
}

@Test func limitsAtTheEndOfSixtyFourBitsAreJudged() {
  var t = Trial()
  t.limits = Limits(soft: ByteCount(.max - 1), hard: ByteCount(.max))
  #expect(t.judge(0, ByteCount(.max - 2)) == .below)
  #expect(t.judge(1, ByteCount(.max - 1)) == .holding(since: since(1)))
  #expect(t.judge(2, ByteCount(.max)) == .hard)
  #expect(t.judge(3, ByteCount(.max / 10 * 8)) == .below)
}

@Test func sharesOfRAMAreResolvedAgainstThisBoard() {
  var rules = WorkerRules()
  rules.soft = .share(Permyriad(500))
  rules.hard = .bytes(.mib(24))
  let small = Limits(rules, memTotal: .mib(64)), large = Limits(rules, memTotal: .mib(2000))
  #expect(small == Limits(soft: ByteCount(3_355_443), hard: .mib(24)))
  #expect(small.first == ByteCount(3_355_443))
  // 5 % of a large board is above the absolute hard limit, which is then the first that is met.
  #expect(large.soft == .mib(100))
  #expect(large.first == .mib(24))
}

@Test func severityOrdersCrossingsFromUnknownToHard() {
  let order: [Crossing] = [.unknown, .below, .holding(since: since(0)), .softHeld(since: since(0)), .hard]
  #expect(order.map(\.severity) == [0, 1, 2, 3, 4])
}

@Test func aHoldRunsOnOverTicksWithoutAnExactFigure() {
  // Exact readings 40 s apart, the longest pause being 16 s; a tick every 5 s.
  var t = Trial()
  #expect(t.judge(0, mib: 21) == .holding(since: since(0)))
  for tick in stride(from: Int64(5_000), to: 40_000, by: 5_000) {
    t.threshold.wait(gap: .seconds(16), now: Instant(milliseconds: tick))
  }
  #expect(t.judge(40_000, mib: 21) == .softHeld(since: since(0)))
}

@Test func aSuspendEndsAHoldThatWaitsForAnExactFigure() {
  var t = Trial()
  #expect(t.judge(0, mib: 21) == .holding(since: since(0)))
  t.threshold.wait(gap: .seconds(16), now: Instant(milliseconds: 10_000_000))
  #expect(t.judge(10_005_000, mib: 21) == .holding(since: since(10_005_000)))
}

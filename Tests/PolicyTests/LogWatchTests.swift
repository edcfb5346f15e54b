import Policy
import Samples
import Testing

/// A log, its writer and the loop, one step per millisecond.
struct LogSimulation {
  var watch: LogWatch
  var file: FileStatus
  var looks = 0, cuts = 0
  var peak = ByteCount.zero
  var now = Instant(milliseconds: 0)
  var woken = true
  /// The loop answers this late.
  var latency: Int64 = 0
  private var due: Int64?

  init(budget: ByteCount, keep: ByteCount? = nil, latency: Int64 = 0) {
    var rules = LogRules(path: [0x2F], budget: budget)
    rules.keep = keep
    watch = LogWatch(rules)
    file = status(size: 0, allocated: 0)
    self.latency = latency
  }

  /// Runs for so many ms; `writes` gives the bytes written in a given ms.
  mutating func run(_ milliseconds: Int64, _ writes: (Int64) -> UInt64) {
    for _ in 0..<milliseconds {
      let n = writes(now.milliseconds)
      if n > 0 {
        woken = true
        let tail = file.size.rawValue
        file.size += ByteCount(n)
        file.allocated += ByteCount((file.size.rawValue + 4095) / 4096 * 4096 - (tail + 4095) / 4096 * 4096)
      }
      peak = max(peak, file.allocated)
      step()
      now = now + Milliseconds(1)
    }
  }

  private mutating func step() {
    let wanted: Bool
    switch watch.nextLook {
    case .whenWritten: wanted = woken
    case .at(let t): wanted = t <= now
    }
    if wanted && due == nil { due = now.milliseconds + latency }
    guard let d = due, d <= now.milliseconds else { return }
    due = nil
    woken = false
    looks += 1
    guard case .cut(let keep) = watch.look(file, now: now) else { return }
    cuts += 1
    // A punch: whole pages go, the size stays.
    let pages = ByteCount((keep.rawValue + 4095) / 4096 * 4096)
    file.allocated = min(file.allocated, pages)
    watch.cutDone(file, now: now)
  }
}

func status(size: UInt64, allocated: UInt64, inode: UInt64 = 7) -> FileStatus {
  FileStatus(
    device: Device(major: 0, minor: 40), inode: inode, links: 1, mode: 0o100644, uid: 0, size: ByteCount(size),
    allocated: ByteCount(allocated))
}

@Test(arguments: [1_000, 100_000, 1_000_000, 10_000_000, 50_000_000, 100_000_000] as [UInt64])
func aSteadyFloodNeverHoldsMoreThanItsBudget(rate: UInt64) {
  var s = LogSimulation(budget: .mib(1))
  s.run(20_000) { _ in rate / 1000 }
  #expect(s.peak <= .mib(1) + ByteCount(4096))
  #expect(rate < 100_000 || s.cuts > 0)
}

@Test func aLoopThatIsFiveMillisecondsLateStillHoldsTwentyMegabytesASecond() {
  var s = LogSimulation(budget: .mib(1), latency: 5)
  s.run(10_000) { _ in 20_000 }
  #expect(s.peak <= .mib(1) + ByteCount(4096))
}

@Test func aFloodOutOfSilenceIsCaught() {
  var s = LogSimulation(budget: .mib(1))
  s.run(60_000) { $0 == 5 ? 80 : 0 }
  s.run(500) { _ in 50_000 }
  #expect(s.peak <= .mib(1) + ByteCount(4096))
  #expect(s.cuts > 0)
}

/// Ten milliseconds after a first byte comes a burst, of which the first look sees the first lines: a fifth of its rate.
@Test func aFloodOfWhichTheFirstLookSeesOnlyTheBeginningIsCaught() {
  var s = LogSimulation(budget: .mib(1))
  s.run(5_000) { $0 == 4_000 ? 80 : 0 }
  let start = s.now.milliseconds
  s.run(11) { $0 == start ? 80 : $0 == start + 10 ? 36_000 : 0 }
  s.run(500) { $0 % 10 == 1 ? 200_000 : 0 }
  #expect(s.peak <= .mib(1) + ByteCount(4096) && s.cuts > 0)
}

@Test func aFloodThatPausesIsCaughtWhenItGoesOn() {
  var s = LogSimulation(budget: .mib(1))
  s.run(20_000) { $0 % 700 < 200 ? 30_000 : 0 }
  #expect(s.peak <= .mib(1) + ByteCount(4096))
}

@Test func aStutteringFloodIsNeverLeftAlone() {
  var s = LogSimulation(budget: .mib(1))
  s.run(20_000) { $0 % 20 == 0 ? 200_000 : 0 }
  #expect(s.peak <= .mib(1) + ByteCount(4096) + ByteCount(200_000))
}

@Test func aSilentLogIsNotLookedAtByTimer() {
  var s = LogSimulation(budget: .mib(1))
  s.run(2_000) { $0 == 1 ? 80 : 0 }
  #expect(s.watch.nextLook == .whenWritten)
  let before = s.looks
  s.run(3_600_000) { _ in 0 }
  #expect(s.looks == before)
}

@Test(arguments: [100, 330, 900, 1200, 2100, 3000, 10_000] as [Int64])
func aLineNowAndThenWakesAtMostFourTimesASecond(every: Int64) {
  var s = LogSimulation(budget: .mib(1))
  s.run(600_000) { $0 % every == 0 ? 80 : 0 }
  #expect(s.looks <= 4 * 600 + 9)
}

@Test func aFloodIsLookedAtNoOftenerThanEveryTwoMilliseconds() {
  var s = LogSimulation(budget: .kib(64))
  s.run(1000) { _ in 40_000 }
  #expect(s.looks <= 501)
}

@Test func aCutLeavesHalfTheBudgetAndLessInAFlood() {
  var slow = LogSimulation(budget: .mib(1))
  slow.run(400_000) { _ in 5 }
  #expect(slow.cuts == 2)
  #expect(slow.file.allocated >= .kib(512))
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  #expect(watch.look(status(size: 0, allocated: 0), now: Instant(milliseconds: 0)) == .fine)
  let verdict = watch.look(status(size: 1 << 20, allocated: 1 << 20), now: Instant(milliseconds: 4))
  #expect(verdict == .cut(keep: .kib(128)))
}

@Test func aKeepOfTheOperatorHoldsUpToHalfTheBudget() {
  for (keep, left) in [(ByteCount.kib(10), ByteCount.kib(10)), (.kib(900), .kib(512))] {
    var rules = LogRules(path: [0x2F], budget: .mib(1))
    rules.keep = keep
    var watch = LogWatch(rules)
    let verdict = watch.look(status(size: 1 << 21, allocated: 1 << 21), now: Instant(milliseconds: 0))
    #expect(verdict == .cut(keep: left))
  }
}

@Test func aRateIsMeasuredAcrossSomebodyElsesCut() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  _ = watch.look(status(size: 500_000, allocated: 500_000), now: Instant(milliseconds: 0))
  // Punched from outside, and 200 kB written meanwhile.
  _ = watch.look(status(size: 700_000, allocated: 100_000), now: Instant(milliseconds: 1000))
  #expect(watch.rate == 200_000)
}

@Test func aRotationByRenameOrTruncationCountsWhatIsInTheNewFile() {
  for after in [status(size: 30_000, allocated: 32_768, inode: 8), status(size: 30_000, allocated: 32_768)] {
    var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
    _ = watch.look(status(size: 500_000, allocated: 500_000), now: Instant(milliseconds: 0))
    #expect(watch.look(after, now: Instant(milliseconds: 1000)) == .fine)
    #expect(watch.rate == 30_000)
  }
}

@Test func theJumpOfASparseFileIsNotTakenForAFlood() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  _ = watch.look(status(size: 0, allocated: 0), now: Instant(milliseconds: 0))
  _ = watch.look(status(size: 1 << 30, allocated: 4096), now: Instant(milliseconds: 1000))
  #expect(watch.rate <= 8192)
}

@Test func pagesThatAReaderFilledCountTowardsTheBudget() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  _ = watch.look(status(size: 1 << 30, allocated: 4096), now: Instant(milliseconds: 0))
  let verdict = watch.look(status(size: 1 << 30, allocated: 1 << 21), now: Instant(milliseconds: 1000))
  #expect(verdict != .fine)
}

@Test func afterAFailedCutItWaitsLongerEachTime() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  var now = Instant(milliseconds: 0)
  for wait in [1, 2, 4, 8, 16, 32, 60, 60] as [Int64] {
    #expect(watch.look(status(size: 1 << 21, allocated: 1 << 21), now: now) != .fine)
    watch.cutFailed(now: now)
    #expect(watch.nextLook == .at(now + .seconds(wait)))
    #expect(watch.look(status(size: 1 << 21, allocated: 1 << 21), now: now + Milliseconds(5)) == .fine)
    now = now + .seconds(wait)
  }
}

@Test func aCutThatFreedNothingCountsAsFailed() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .kib(16)))
  let full = status(size: 16384, allocated: 16384)
  #expect(watch.look(full, now: Instant(milliseconds: 0)) != .fine)
  watch.cutDone(full, now: Instant(milliseconds: 0))
  #expect(watch.nextLook == .at(Instant(milliseconds: 1000)))
}

@Test func aLogThatIsOnlyObservedIsLookedAtOnceASecond() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  let full = status(size: 1 << 21, allocated: 1 << 21)
  for t in [0, 1000, 2000] as [Int64] {
    #expect(watch.look(full, now: Instant(milliseconds: t)) != .fine)
    #expect(watch.nextLook == .at(Instant(milliseconds: t + 1000)))
  }
}

@Test func theForecastOfOneLineASecondIsRightToFivePerCent() {
  var s = LogSimulation(budget: .mib(4))
  s.run(3_600_000) { $0 % 1000 == 0 ? 70 : 0 }
  let day = s.watch.growth.perDay(now: s.now).rawValue
  #expect(day > 6_048_000 * 95 / 100 && day < 6_048_000 * 105 / 100)
  let time = s.watch.timeToFill(ByteCount(6_048_000), now: s.now)
  #expect(time.map { $0 > .seconds(82_080) && $0 < .seconds(90_720) } == true)
}

@Test func aLogThatNeverGrewHasNoForecast() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: .mib(1)))
  _ = watch.look(status(size: 10, allocated: 4096), now: Instant(milliseconds: 0))
  #expect(watch.timeToFill(.mib(1), now: Instant(milliseconds: 5000)) == nil)
}

@Test func hostileFiguresDoNotTrap() {
  var watch = LogWatch(LogRules(path: [0x2F], budget: ByteCount(.max)))
  _ = watch.look(status(size: 0, allocated: 0), now: Instant(milliseconds: .max - 1))
  _ = watch.look(status(size: .max, allocated: .max), now: Instant(milliseconds: .max))
  _ = watch.look(status(size: 0, allocated: .max), now: Instant(milliseconds: 0))
  _ = watch.timeToFill(ByteCount(.max), now: Instant(milliseconds: 5))
  _ = watch.growth.perDay(now: Instant(milliseconds: .min + 5))
}

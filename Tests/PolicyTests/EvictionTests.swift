// What gives way first, by how much, and when: tables, no files.
import Policy
import Samples
import Testing

private func archive(_ age: UInt64, _ kib: UInt64, evictable: Bool = true) -> EvictionCandidate {
  EvictionCandidate(.archive(age: age), allocated: .kib(kib), isEvictable: evictable)
}
private func log(_ rate: UInt64, _ kib: UInt64, keep: UInt64 = 16, evictable: Bool = true) -> EvictionCandidate {
  EvictionCandidate(.log(rate: rate, keep: .kib(keep)), allocated: .kib(kib), isEvictable: evictable)
}

@Test func oldArchivesGoFirstThenTheFastestGrowerThenTheLargest() {
  let all = [log(0, 100), log(500, 50), archive(1, 10), log(0, 200), archive(3, 10), archive(2, 10), log(9000, 40)]
  #expect(
    evictions(from: all, toFree: .mib(10)) == [
      .remove(4), .remove(5), .remove(2), .cut(6, keep: .kib(16)), .cut(1, keep: .kib(16)), .cut(3, keep: .kib(16)),
      .cut(0, keep: .kib(16)),
    ])
}

@Test func noMoreGoesThanMust() {
  let all = [archive(1, 100), archive(2, 100), log(10, 1000)]
  #expect(evictions(from: all, toFree: .zero) == [])
  #expect(evictions(from: all, toFree: ByteCount(1)) == [.remove(1)])
  #expect(evictions(from: all, toFree: .kib(100)) == [.remove(1)])
  #expect(evictions(from: all, toFree: .kib(101)) == [.remove(1), .remove(0)])
  #expect(evictions(from: all, toFree: .kib(201)) == [.remove(1), .remove(0), .cut(2, keep: .kib(16))])
}

@Test func whatIsProtectedOrHasNothingToGiveStays() {
  let all = [archive(9, 100, evictable: false), log(10, 100, evictable: false), log(10, 20), archive(1, 0)]
  #expect(evictions(from: all, toFree: .mib(10)) == [])
}

@Test func aLogThatGivesWayKeepsItsShareUnlessItsRulesSayMore() {
  var rules = LogRules(path: [0x2F], budget: .mib(1))
  #expect(kept(of: rules, sharing: .mib(4), among: 20) == ByteCount(4 * 1024 * 1024 / 2 / 20))
  #expect(kept(of: rules, sharing: .mib(4), among: 1) == .kib(512))
  #expect(kept(of: rules, sharing: .kib(64), among: 256) == .kib(4))
  #expect(kept(of: rules, sharing: .mib(4), among: 0) == .kib(512))
  rules.keep = .kib(100)
  #expect(kept(of: rules, sharing: .mib(1), among: 20) == .kib(100))
}

@Test(
  arguments: [
    ("/l/app.log.1", "/l/app.log", 1, true), ("/l/app.log.12.gz", "/l/app.log", 12, true),
    ("/l/app.log.0", "/l/app.log", 0, true), ("/l/app.log.000017", "/l/app.log", 17, false),
    ("/l/app.log.0003.xz", "/l/app.log", 3, false), ("/l/app.log-20260131.gz", "/l/app.log", 20_260_131, false),
    ("/l/app.20260131", "/l/app", 20_260_131, false),
  ] as [(String, String, UInt64, Bool)])
func anArchiveIsKnownByItsName(path: String, log: String, number: UInt64, growsWithAge: Bool) throws {
  let name = try #require(RotatedName(Bytes(path.utf8)))
  #expect(name.log == Bytes(log.utf8) && name.number == number && name.growsWithAge == growsWithAge)
}

@Test(arguments: [
  "/l/app.log", "/l/.1", "/l/1", "/l/app1", "/l/app.log.gz", "/l/app-1", "/l/app.log.1x", "/l/app.1.log", "", "1",
  ".gz",
  "/l/app.99999999999999999999",
])
func aLogIsNotTakenForAnArchive(path: String) { #expect(RotatedName(Bytes(path.utf8)) == nil) }

// MARK: When

@Test func aBudgetIsLeftAnEighthBelowWhereItIsEntered() {
  var watch = BudgetWatch()
  #expect(watch.look(total: .kib(799), budget: .kib(800), rate: 0, now: Instant(milliseconds: 0)) == nil)
  #expect(watch.nextLook == nil)
  #expect(watch.look(total: .kib(800), budget: .kib(800), rate: 0, now: Instant(milliseconds: 1)) == .kib(100))
  #expect(watch.look(total: .kib(701), budget: .kib(800), rate: 0, now: Instant(milliseconds: 2)) == nil)
}

@Test func inAFloodItActsEarlierAndIsLookedAtSooner() {
  var watch = BudgetWatch()
  let rate: UInt64 = 10 << 20
  // Twice the rate for 10 ms are 205 KiB.
  #expect(watch.look(total: .kib(3900), budget: .mib(4), rate: rate, now: Instant(milliseconds: 0)) != nil)
  #expect(watch.look(total: .kib(2000), budget: .mib(4), rate: rate, now: Instant(milliseconds: 0)) == nil)
  #expect(watch.nextLook == Instant(milliseconds: 102))
  // A small budget is not given up for the rate alone.
  #expect(watch.look(total: .kib(30), budget: .kib(64), rate: rate, now: Instant(milliseconds: 0)) == nil)
  #expect(watch.nextLook == Instant(milliseconds: 2))
}

@Test func aSteadyFloodStaysWithinTheBudgetWhoeverIsCut() {
  var watch = BudgetWatch()
  var total = ByteCount.zero, most = ByteCount.zero
  var next = Instant(milliseconds: 0)
  for t in 0..<20_000 as Range<Int64> {
    let now = Instant(milliseconds: t)
    total += ByteCount(5000)
    // The loop is 5 ms late, and somebody looks every 250 ms in any case.
    if now >= next + Milliseconds(5) || t % 250 == 0 {
      if let need = watch.look(total: total, budget: .mib(4), rate: 5_000_000, now: now) { total = total - need }
      next = watch.nextLook ?? now + Milliseconds(250)
    }
    most = max(most, total)
  }
  #expect(most <= .mib(4) && most > .mib(3))
}

@Test func whatCannotBeReachedIsToldOnceAndTriedOnceASecond() {
  var watch = BudgetWatch()
  var now = Instant(milliseconds: 0)
  var told = 0
  for _ in 0..<5 {
    #expect(watch.look(total: .mib(5), budget: .mib(4), rate: 9, now: now) != nil)
    if watch.fellShort(now: now) { told += 1 }
    #expect(watch.nextLook == now + .seconds(1))
    #expect(watch.look(total: .mib(5), budget: .mib(4), rate: 9, now: now + Milliseconds(999)) == nil)
    now = now + .seconds(1)
  }
  #expect(told == 1 && watch.isUnreachable)
  let isOver = watch.isWithin(), again = watch.isWithin()
  #expect(isOver && !again && !watch.isUnreachable)
  let isNews = watch.fellShort(now: now)
  #expect(isNews)
}

@Test func scarcityIsLeftHigherThanItIsEntered() {
  var watch = ScarcityWatch()
  func look(_ available: ByteCount, _ second: Int64) -> ByteCount? {
    watch.look(
      available: available, line: .mib(8), pressure: nil, limit: Permyriad(2000), held: .mib(100),
      now: Instant(milliseconds: second * 1000))
  }
  #expect(look(.mib(8), 10) == nil && watch.reason == nil)
  #expect(look(.mib(7), 11) == .mib(2) && watch.reason == .available)
  #expect(look(ByteCount(8_900_000), 12) == ByteCount(9_437_184 - 8_900_000))
  #expect(look(.mib(9), 13) == nil && watch.reason == nil)
  #expect(look(ByteCount(8_900_000), 14) == nil)
}

@Test func underPressureAnEighthGoesEveryTenSecondsUntilItIsOver() {
  var watch = ScarcityWatch()
  func look(_ pressure: UInt32, _ second: Int64) -> ByteCount? {
    watch.look(
      available: .mib(50), line: nil, pressure: Permyriad(pressure), limit: Permyriad(2000), held: .mib(8),
      now: Instant(milliseconds: second * 1000))
  }
  #expect(look(2000, 10) == nil)
  #expect(look(2001, 11) == .mib(1) && watch.reason == .pressure)
  #expect(look(3000, 12) == nil)
  #expect(look(1800, 21) == .mib(1))
  #expect(look(1700, 31) == nil && watch.reason == nil)
}

@Test func hostileFiguresOfABudgetDoNotTrap() {
  var watch = BudgetWatch()
  let most = ByteCount(.max)
  _ = watch.look(total: most, budget: .zero, rate: .max, now: Instant(milliseconds: .max))
  _ = watch.look(total: .zero, budget: most, rate: .max, now: Instant(milliseconds: 0))
  watch.rests(total: .zero, budget: most, rate: 0, now: Instant(milliseconds: .max))
  var scarcity = ScarcityWatch()
  _ = scarcity.look(
    available: most, line: most, pressure: Permyriad(.max), limit: Permyriad(.max), held: most,
    now: Instant(milliseconds: 5))
}

@Test func aBurstOfASlowLogIsNotTakenForTheFasterGrowerAndIsForgotten() {
  func status(_ kib: UInt64) -> FileStatus {
    FileStatus(
      device: Device(major: 0, minor: 40), inode: 7, links: 1, mode: 0o100644, uid: 0, size: .kib(kib),
      allocated: .kib(kib))
  }
  var slow = LogWatch(LogRules(path: [0x2F], budget: .mib(64)))
  _ = slow.look(status(0), now: Instant(milliseconds: 0))
  for t in 1...3 as ClosedRange<Int64> {
    // 40 KiB within 4 ms, once a second: ten megabytes a second for those who look at the peak.
    _ = slow.look(status(UInt64(t - 1) * 40), now: Instant(milliseconds: t * 1000 - 4))
    _ = slow.look(status(UInt64(t) * 40), now: Instant(milliseconds: t * 1000))
  }
  let now = Instant(milliseconds: 3000)
  #expect(slow.rate(at: now) > 5_000_000)
  #expect(slow.steadyRate(at: now) < 50_000)
  #expect(slow.rate(at: now + .seconds(30)) < 5_000)
  #expect(slow.rate(at: Instant(milliseconds: .max)) < 10)
}

@Test func anArchiveThatIsBeingWrittenIsNobodysToTouch() {
  for name in ["m.00000012.gz.part-5f0c1e22a9b3d471", "m.00000012.cut-9f000-1c291ca3"] {
    #expect(RotatedName.isUnfinished(Bytes("/l/\(name)".utf8)))
    #expect(RotatedName(Bytes("/l/\(name)".utf8)) == nil)
  }
  for name in ["m.log", "m-1", "m.part-1", "m.00000012.gz", "m.log-20260131", "-", "a.cut-1-2"] {
    #expect(!RotatedName.isUnfinished(Bytes("/l/\(name)".utf8)))
  }
}

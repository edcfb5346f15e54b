// Sampling and Plateau: what is made of a figure between two exact readings, and over the hours.
import Policy
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }

private func taken(_ figure: UInt64, resident: UInt64, cost: Int64 = 1) -> Sampling {
  var sampling = Sampling()
  sampling.took(.mib(figure), resident: .mib(resident), now: at(100), cost: Milliseconds(cost))
  return sampling
}

@Test func theFirstExactReadingIsDueAtOnce() {
  let sampling = Sampling()
  #expect(sampling.due(resident: .zero, limit: nil, now: at(0)) == .soon(first: true))
  #expect(sampling.estimate(resident: .mib(5)) == nil)
  #expect(!sampling.isFresh(at(0)))
}

@Test func aQuietProcessFarFromItsLimitIsReadOnceAMinute() {
  let sampling = taken(10, resident: 20)
  #expect(sampling.due(resident: .mib(20), limit: .mib(100), now: Instant(milliseconds: 159_999)) == .no)
  #expect(sampling.due(resident: .mib(20), limit: .mib(100), now: at(160)) == .soon(first: false))
  #expect(sampling.due(resident: .mib(20), limit: nil, now: at(159)) == .no)
}

@Test func nearTheLimitEveryTickReadsExactly() {
  let sampling = taken(10, resident: 20)
  // The estimate is 10 MiB + what the resident size gained; 90 % of 12 MiB is 10.8.
  #expect(sampling.due(resident: .kib(20 * 1024 + 819), limit: .mib(12), now: at(101)) == .no)
  #expect(sampling.due(resident: .kib(20 * 1024 + 820), limit: .mib(12), now: at(101)) == .now)
}

@Test func aChangeOfASixteenthIsReadUpAndDownAlike() {
  let sampling = taken(10, resident: 160)
  for (resident, isDue) in [(150, false), (149, true), (170, false), (171, true)] as [(UInt64, Bool)] {
    #expect(sampling.due(resident: .mib(resident), limit: nil, now: at(101)) == (isDue ? .now : .no))
  }
  // Of a small process a sixteenth is nothing: it must be more than a MiB.
  let small = taken(1, resident: 2)
  #expect(small.due(resident: .mib(3), limit: nil, now: at(101)) == .no)
  #expect(small.due(resident: .kib(3073), limit: nil, now: at(101)) == .now)
}

@Test func aDearReadingIsNotRepeatedBeforeFiftyTimesItsCost() {
  let sampling = taken(10, resident: 20, cost: 5)
  #expect(sampling.due(resident: .mib(500), limit: .mib(11), now: Instant(milliseconds: 100_249)) == .no)
  #expect(sampling.due(resident: .mib(500), limit: .mib(11), now: Instant(milliseconds: 100_250)) == .now)
  // Two seconds each: not even once a minute.
  let dear = taken(10, resident: 20, cost: 2000)
  #expect(dear.due(resident: .mib(500), limit: .mib(11), now: at(199)) == .no)
  #expect(dear.due(resident: .mib(20), limit: nil, now: at(200)) == .soon(first: false))
}

@Test func theEstimateFollowsTheResidentSizeAndStaysInRange() {
  let sampling = taken(10, resident: 20)
  #expect(sampling.estimate(resident: .mib(25)) == .mib(15))
  #expect(sampling.estimate(resident: .mib(15)) == .mib(5))
  #expect(sampling.estimate(resident: .zero) == .zero)
  #expect(sampling.estimate(resident: ByteCount(.max)) == ByteCount(.max - (10 << 20)))
  var full = Sampling()
  full.took(ByteCount(.max), resident: .zero, now: at(0), cost: .zero)
  #expect(full.estimate(resident: .mib(1)) == ByteCount(.max))
}

@Test func onlyAReadingOfThisVeryTickIsFresh() {
  let sampling = taken(10, resident: 20)
  #expect(sampling.isFresh(at(100)))
  #expect(!sampling.isFresh(Instant(milliseconds: 100_001)))
}

@Test func aFigureIsLevelWhileItStaysNearWhereItSettled() {
  var plateau = Plateau()
  #expect(plateau.duration(at(50)) == .zero)
  plateau.follow(.mib(10), now: at(50))
  plateau.follow(.kib(10 * 1024 + 256), now: at(55))
  plateau.follow(.kib(10 * 1024 - 256), now: at(60))
  #expect(plateau.duration(at(60)) == .seconds(10))
  plateau.follow(.kib(10 * 1024 + 257), now: at(65))
  #expect(plateau.duration(at(70)) == .seconds(5))
}

@Test func aLargeFigureMayWanderASixtyFourth() {
  var plateau = Plateau()
  plateau.follow(.mib(640), now: at(0))
  plateau.follow(.mib(650), now: at(5))
  plateau.follow(.mib(630), now: at(10))
  #expect(plateau.since == at(0))
  plateau.follow(.mib(629), now: at(15))
  #expect(plateau.since == at(15))
}

@Test func aSlowLeakIsNeverLevelForLong() {
  var plateau = Plateau()
  var longest = Milliseconds.zero
  // 1 KiB/s from 4 MiB for two days: 256 KiB away after 257 s, later a sixty-fourth.
  for tick in 0..<34_560 as Range<Int64> {
    plateau.follow(.kib(UInt64(4096 + tick * 5)), now: at(tick * 5))
    longest = max(longest, plateau.duration(at(tick * 5)))
  }
  #expect(longest >= .seconds(255) && longest <= .seconds(2800))
}

@Test func theLargestFigureIsLevelWithItself() {
  var plateau = Plateau()
  plateau.follow(ByteCount(.max), now: at(0))
  plateau.follow(ByteCount(.max - 1000), now: at(5))
  #expect(plateau.duration(at(5)) == .seconds(5))
  plateau.follow(.zero, now: at(10))
  #expect(plateau.duration(at(10)) == .zero)
}

import Policy
import Samples
import Testing

private let rules = GrowthRules()

/// What is seen of a worker that held `value` (of a minute) for so many minutes, with 40 MiB of RAM on the board.
private func seen(
  minutes: Int, heap: HeapFigures? = nil, _ change: (inout Observations) -> Void = { _ in }, value: (Int) -> ByteCount
) -> Observations {
  var history = History(), growth = Growth(), plateau = Plateau(), last = ByteCount.zero
  var now = Instant(milliseconds: 5000)
  for i in 0..<minutes * 12 {
    last = value(i / 12)
    history.record(last, at: now)
    growth.add(last, rules, gap: .seconds(30), now: now)
    plateau.follow(last, now: now)
    now = now + .seconds(5)
  }
  var seen = Observations(value: last)
  seen.shape = history.shape()
  seen.trend = growth.trend(rules)
  seen.memoryTotal = .mib(40)
  seen.isGrowing = growth.significant(rules, memoryTotal: seen.memoryTotal) != nil
  seen.baseline = growth.baseline
  seen.level = plateau.duration(now)
  seen.heap = heap
  change(&seen)
  return seen
}

@Suite struct Diagnoses {
  @Test func floorsThatRiseAreALeakAndMayBeFragmentation() {
    let leak = Diagnosis(of: seen(minutes: 90) { .mib(4) + .kib(UInt64(40 * $0)) })
    #expect(leak.first.cause == .leak && leak.first.confidence >= 75)
    #expect(leak.other?.cause == .retention)
  }

  @Test func withTheHeapInUseItIsALeakAndNothingElse() {
    let heap = HeapFigures(system: .mib(8), inUse: .kib(7900))
    let leak = Diagnosis(of: seen(minutes: 90, heap: heap) { .mib(4) + .kib(UInt64(40 * $0)) })
    #expect(leak.first.cause == .leak && leak.first.confidence >= 90 && leak.other == nil)
  }

  @Test func floorsThatRiseWhileLittleIsInUseAreTheAllocators() {
    let heap = HeapFigures(system: .mib(8), inUse: .mib(1))
    let found = Diagnosis(of: seen(minutes: 90, heap: heap) { .mib(4) + .kib(UInt64(40 * $0)) })
    #expect(found.first.cause == .retention && found.other?.cause == .leak)
  }

  /// 90 845 184 bytes from the kernel, 8 832 of them in use.
  @Test func aPeakThatTheAllocatorKeepsIsRetention() {
    let heap = HeapFigures(system: ByteCount(90_845_184), inUse: ByteCount(8_832))
    let found = Diagnosis(of: seen(minutes: 60, heap: heap) { $0 < 20 ? .mib(2) : .mib(89) })
    #expect(found.first == Diagnosis.Finding(cause: .retention, confidence: 98))
  }

  @Test func withoutALookAtTheHeapItIsAPlateauAndMayBeRetention() {
    let found = Diagnosis(of: seen(minutes: 60) { $0 < 20 ? .mib(2) : .mib(89) })
    #expect(found.first.cause == .plateau && found.other?.cause == .retention)
    let used = HeapFigures(system: .mib(88), inUse: .mib(86))
    let sure = Diagnosis(of: seen(minutes: 60, heap: used) { $0 < 20 ? .mib(2) : .mib(89) })
    #expect(sure.first == Diagnosis.Finding(cause: .plateau, confidence: 90) && sure.other == nil)
  }

  @Test func aCollectorThatFallsToItsFloorIsASawtooth() {
    #expect(Diagnosis(of: seen(minutes: 60) { .mib(4) + .mib(UInt64($0 % 6)) }).first.cause == .sawtooth)
  }

  @Test func whatCameBackByItselfWasASpike() {
    #expect(Diagnosis(of: seen(minutes: 60) { 30..<33 ~= $0 ? .mib(30) : .mib(4) }).first.cause == .spike)
  }

  /// 113 KB lost once, at the start or later.
  @Test(arguments: [0, 25, 50]) func aSmallLossOfOnceIsNothing(when: Int) {
    let found = Diagnosis(of: seen(minutes: 60) { $0 < when ? .mib(4) : .mib(4) + ByteCount(113_000) })
    #expect(found.first.cause == .steady && found.other == nil)
  }

  @Test func aPoolThatDrainsByItselfIsNoLeak() {
    let found = Diagnosis(of: seen(minutes: 60) { .mib(4) + .kib(UInt64(100 * min($0 % 20, 15))) })
    #expect(found.first.cause != .leak && found.first.cause != .retention)
  }

  @Test func nothingIsConcludedBeforeHalfAnHour() {
    #expect(Diagnosis(of: seen(minutes: 10) { _ in .mib(4) }).first.cause == .unknown)
    #expect(Diagnosis(of: Observations(value: .mib(4))).first.cause == .unknown)
  }

  @Test func aLevelWorkerWhoseLogGrowsIsNotBlamedForItsMemory() {
    let found = Diagnosis(of: seen(minutes: 60, { $0.logsPerDay = .mib(6) }) { _ in .mib(4) })
    #expect(found.first.cause == .logGrowth && found.other == nil)
  }

  @Test func forksShareAndAShortBoardIsSomebodyElses() {
    let shared = seen(
      minutes: 60,
      {
        $0.rss = .mib(20)
        $0.uss = .mib(3)
      }
    ) { _ in .mib(20) }
    #expect(Diagnosis(of: shared).first.cause == .shared)
    let short = seen(minutes: 60, { $0.available = .mib(2) }) { _ in .mib(4) }
    #expect(Diagnosis(of: short).first.cause == .elsewhere)
  }

  /// No numbers make it trap, and a confidence is a percentage.
  @Test func anyNumbersWill() {
    var random = SystemRandomNumberGenerator()
    let amounts: [ByteCount] = [.zero, ByteCount(1), .kib(3), .mib(1), .mib(90), ByteCount(.max / 2), ByteCount(.max)]
    for _ in 0..<20_000 {
      func any() -> ByteCount { amounts.randomElement(using: &random) ?? .zero }
      var seen = Observations(value: any())
      seen.shape = Bool.random() ? HistoryShape(minimum: any(), maximum: any(), drops: 4, watched: .seconds(9)) : nil
      seen.baseline = Bool.random() ? any() : nil
      seen.level = .seconds(Int64.random(in: 0...2000))
      (seen.rss, seen.uss, seen.available) = (any(), any(), any())
      seen.heap = Bool.random() ? HeapFigures(system: any(), inUse: any()) : nil
      (seen.logsPerDay, seen.memoryTotal) = (any(), any())
      let found = Diagnosis(of: seen)
      #expect(found.first.confidence <= 100 && (found.other?.confidence ?? 0) <= found.first.confidence)
    }
  }
}

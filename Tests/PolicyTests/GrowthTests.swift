import Policy
import Samples
import Testing

/// Feeds a figure every 5 s; windows of 5 min, a warm-up of 10.
private struct Series {
  var growth = Growth()
  let rules = GrowthRules()
  var second: Int64 = 0
  mutating func run(minutes: Int64, _ value: (Double) -> Double) {
    for _ in 0..<(minutes * 12) {
      growth.add(
        ByteCount(UInt64(max(0, value(Double(second) / 60)))), rules, gap: .seconds(16),
        now: Instant(milliseconds: second * 1000))
      second += 5
    }
  }
  var significant: Growth.Trend? { growth.significant(rules, memoryTotal: .mib(64)) }
}
private let mib = 1048576.0

@Suite struct GrowthOfFloors {
  @Test func aSteadyLeakIsMeasuredWithinOnePercent() throws {
    var s = Series()
    s.run(minutes: 90) { 10 * mib + $0 / 60 * 2 * mib }
    let trend = try #require(s.significant)
    #expect(abs(Double(trend.bytesPerHour) - 2 * mib) < 0.01 * 2 * mib)
    #expect(trend.r2 > Permyriad(9990) && trend.rises == trend.points - 1)
  }

  @Test func nothingIsSaidBeforeThereIsEnoughToSayItOf() {
    var s = Series()
    s.run(minutes: 10) { 10 * mib + $0 * mib }
    #expect(s.growth.trend(s.rules) == nil)
    // Five windows of five minutes, and the sixth is open.
    s.run(minutes: 29) { 10 * mib + $0 * mib }
    #expect(s.growth.trend(s.rules) == nil)
    s.run(minutes: 2) { 10 * mib + $0 * mib }
    #expect(s.growth.trend(s.rules) != nil)
  }

  @Test func aRampWhileItStartsIsNoGrowthAndTheBaselineIsWhatComesAfterIt() {
    var s = Series()
    s.run(minutes: 120) { $0 < 9 ? 1 * mib + $0 * 2 * mib : 19 * mib }
    #expect(s.significant == nil)
    #expect(s.growth.baseline == .mib(19))
  }

  @Test func aCollectorsSawtoothIsFlat() {
    var s = Series()
    // Up by 8 MiB within 4 minutes, and back.
    s.run(minutes: 300) { 20 * mib + $0.truncatingRemainder(dividingBy: 4) * 2 * mib }
    #expect(s.significant == nil)
  }

  @Test func aSawtoothWhoseFloorRisesIsALeakOfItsFloor() throws {
    var s = Series()
    s.run(minutes: 240) { 20 * mib + $0 / 60 * 3 * mib + $0.truncatingRemainder(dividingBy: 4) * 2 * mib }
    let trend = try #require(s.significant)
    #expect(abs(Double(trend.bytesPerHour) - 3 * mib) < 0.1 * 3 * mib)
  }

  @Test func aSingleStepIsNoGrowth() {
    var s = Series()
    s.run(minutes: 240) { $0 < 70 ? 20 * mib : 28 * mib }
    #expect(s.significant == nil)
  }

  @Test func noiseOfAnyShapeIsNoGrowth() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var s = Series()
      s.run(minutes: 240) { _ in 20 * mib + Double.random(in: 0...(4 * mib), using: &random) }
      #expect(s.significant == nil)
    }
  }

  @Test func lessThanMattersOnTheBoardIsNotSpokenOf() {
    var s = Series()
    // 113 KB once, and 100 KiB an hour over less than two hours: below 1 % of 64 MiB.
    s.run(minutes: 130) { 20 * mib + $0 / 60 * 0.1 * mib }
    #expect(s.growth.trend(s.rules) != nil && s.significant == nil)
  }

  @Test func aPauseIsNotGrownOver() {
    var s = Series()
    s.run(minutes: 60) { _ in 20 * mib }
    s.second += 36_000
    s.run(minutes: 45) { _ in 60 * mib }
    #expect(s.significant == nil)
    #expect(s.growth.baseline == .mib(20))
  }

  @Test func aNewProcessBeginsAnew() {
    var s = Series()
    s.run(minutes: 120) { 10 * mib + $0 * mib }
    s.growth.restart()
    #expect(s.growth.baseline == nil && s.significant == nil)
  }

  @Test func hostileFiguresDoNotTrap() {
    var growth = Growth()
    let rules = GrowthRules()
    var random = SystemRandomNumberGenerator()
    for step in 0..<20_000 as Range<Int64> {
      let value = [0, .max, UInt64.random(in: 0...(.max), using: &random)].randomElement(using: &random) ?? 0
      growth.add(ByteCount(value), rules, gap: .seconds(16), now: Instant(milliseconds: step * 9_000))
      _ = growth.significant(rules, memoryTotal: ByteCount(.max))
    }
  }
}

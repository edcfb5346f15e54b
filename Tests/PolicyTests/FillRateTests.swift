// A forecast must be right for a drip, and must not cry over a log that is kept within its budget.
import Policy
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }
private func pages(_ bytes: UInt64) -> ByteCount { ByteCount((bytes + 4095) / 4096 * 4096) }

/// 70 bytes a second come to 6 048 000 bytes a day.
private func isRight(_ rate: FillRate) -> Bool {
  (5_745_600...6_350_400).contains(rate.perDay.rawValue)
}

@Test func aDripOfSeventyBytesASecondIsForecastWithinFivePerCent() {
  var rate = FillRate()
  // A minute of silence first: it does not count.
  for t in stride(from: 0 as Int64, through: 60, by: 10) { rate.add(exact: .kib(100), used: .kib(100), now: at(t)) }
  #expect(rate.perDay == .zero && rate.timeToFill(.mib(1)) == nil)
  for t in stride(from: 70 as Int64, through: 86_400, by: 10) {
    let written = UInt64(t - 60) * 70
    rate.add(exact: .kib(100) + ByteCount(written), used: .kib(100) + pages(written), now: at(t))
    if t >= 100 { #expect(isRight(rate), "after \(t) s: \(rate.perDay)") }
  }
  let days = rate.timeToFill(ByteCount(6_048_000 * 10))?.rawValue ?? 0
  #expect((820_800_000...907_200_000).contains(days), "10 days: \(days)")
}

@Test func manySmallFilesFillByTheirPages() {
  var rate = FillRate()
  for t in 0...300 as ClosedRange<Int64> {
    rate.add(exact: ByteCount(UInt64(t) * 2), used: .kib(UInt64(t) * 4), now: at(t))
  }
  #expect(rate.perSecond == 4096)
}

@Test func whatIsCutAgainFillsNothingUp() {
  var rate = FillRate()
  var held: UInt64 = 0
  for t in 0...3600 as ClosedRange<Int64> {
    held += 1000
    if held > 64 * 1024 { held = 32 * 1024 }
    rate.add(exact: ByteCount(held), used: pages(held), now: at(t))
  }
  // At most one budget within ten minutes.
  #expect(rate.perSecond <= 64 * 1024 / 600)
}

@Test func whatShrinksIsNeverFull() {
  var rate = FillRate()
  for t in 0...100 as ClosedRange<Int64> {
    rate.add(exact: .kib(1000 - UInt64(t)), used: .kib(1000 - UInt64(t)), now: at(t))
  }
  #expect(rate.perDay == .zero && rate.timeToFill(.mib(1)) == nil)
}

@Test func hostileFiguresOfAFilesystemDoNotTrap() {
  var rate = FillRate()
  rate.add(exact: .zero, used: .zero, now: at(0))
  rate.add(exact: ByteCount(.max), used: ByteCount(.max), now: at(0))
  rate.add(exact: ByteCount(.max), used: .zero, now: at(1))
  #expect(rate.timeToFill(ByteCount(.max)) != nil || rate.perSecond == 0)
  rate.add(exact: .zero, used: ByteCount(.max), now: at(2000))
  _ = (rate.perDay, rate.perSecond)
}

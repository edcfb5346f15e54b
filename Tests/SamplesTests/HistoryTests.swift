import Testing

@testable import Samples

/// What History should say, worked out from all samples at once.
/// Rounded down to 13 significant bits of KiB, as it is kept.
private func kept(_ bytes: UInt64) -> UInt64 {
  var unit: UInt64 = 1024
  while bytes / unit >= 8192 { unit *= 2 }
  return bytes / unit * unit
}

private struct Record {
  var samples = [(ms: Int64, bytes: UInt64)]()
  var history = History()

  mutating func add(_ ms: Int64, _ bytes: UInt64) {
    samples.append((ms, bytes))
    history.record(ByteCount(bytes), at: Instant(milliseconds: ms))
  }
  /// The last value of each slot of the last hour.
  var hour: [[UInt64]] {
    let slot = { (ms: Int64) in ms / 5000 }
    guard let last = samples.last else { return [] }
    var values = [Int64: UInt64]()
    for s in samples where slot(s.ms) > slot(last.ms) - 720 { values[slot(s.ms)] = kept(s.bytes) }
    return values.sorted { $0.key < $1.key }.map { [UInt64($0.key * 5000), $0.value] }
  }
  /// Start, minimum, maximum and mean of each of the last `count` slots, in KiB as they are kept.
  func aged(seconds: Int64, count: Int64) -> [[UInt64]] {
    guard let last = samples.last else { return [] }
    var values = [Int64: [UInt64]]()
    for s in samples where s.ms / 1000 / seconds > last.ms / 1000 / seconds - count {
      values[s.ms / 1000 / seconds, default: []].append(s.bytes / 1024)
    }
    return values.sorted { $0.key < $1.key }.map { slot, kib in
      let mean = kib.reduce(0, +) / UInt64(kib.count)
      return [UInt64(slot * seconds * 1000)] + [kib.min() ?? 0, kib.max() ?? 0, mean].map { kept($0 * 1024) }
    }
  }
  var saidOfHour: [[UInt64]] {
    var out = [[UInt64]]()
    history.forEachRaw { out.append([UInt64($0.milliseconds), $1.rawValue]) }
    return out
  }
  func said(_ forEach: ((Instant, Stretch) -> Void) -> Void) -> [[UInt64]] {
    var out = [[UInt64]]()
    forEach { out.append([UInt64($0.milliseconds), $1.minimum.rawValue, $1.maximum.rawValue, $1.mean.rawValue]) }
    return out
  }
  func check(_ location: SourceLocation = #_sourceLocation) {
    #expect(saidOfHour == hour, sourceLocation: location)
    #expect(said(history.forEachOfDay) == aged(seconds: 600, count: 144), sourceLocation: location)
    #expect(said(history.forEachOfWeek) == aged(seconds: 3600, count: 168), sourceLocation: location)
  }
}

@Test func eightDaysOfATickEveryFiveSecondsAreRememberedSlotBySlot() {
  var record = Record()
  // A leak of 1 KiB a tick with a sawtooth of 40 minutes on it, begun 17 minutes after boot.
  for tick in 0..<(8 * 17_280 as Int64) {
    record.add(1_020_000 + tick * 5000, UInt64(4_000_000 + tick * 1024 + tick % 480 * 10_000))
  }
  record.check()
  #expect(record.saidOfHour.count == 720)
  #expect(record.said(record.history.forEachOfDay).count == 144)
  #expect(record.said(record.history.forEachOfWeek).count == 168)
}

@Test func aClockThatStartsAtZeroHasItsFirstSample() {
  var record = Record()
  record.add(0, 5 << 20)
  record.check()
  #expect(record.saidOfHour == [[0, 5 << 20]])
}

@Test func nothingIsToldBeforeTheFirstSample() {
  let record = Record()
  #expect(record.saidOfHour.isEmpty && record.said(record.history.forEachOfDay).isEmpty)
}

@Test func aSuspendOfThreeHoursLeavesNoSlotsInIt() {
  var record = Record()
  for tick in 0..<2000 as Range<Int64> { record.add(tick * 5000, 1 << 20) }
  let slept = 2000 * 5000 + 3 * 3_600_000 as Int64
  for tick in 0..<100 as Range<Int64> { record.add(slept + tick * 5000, 2 << 20) }
  record.check()
  #expect(record.saidOfHour.count == 100)
  #expect(!record.said(record.history.forEachOfDay).contains { $0[0] > 10_200_000 && $0[0] < UInt64(slept) - 600_000 })
}

@Test(arguments: [3_600_000, 3_605_000, 86_400_000, 7 * 86_400_000, 8 * 86_400_000, 400 * 86_400_000] as [Int64])
func aGapAsLongAsAStretchEmptiesItExactly(gap: Int64) {
  var record = Record()
  for tick in 0..<900 as Range<Int64> { record.add(tick * 5000, 3 << 20) }
  record.add(899 * 5000 + gap, 1 << 20)
  record.check()
}

@Test func ticksAtOddTimesFallIntoTheirSlots() {
  var record = Record()
  var ms: Int64 = 7
  var n: UInt64 = 9
  for _ in 0..<20_000 {
    n = n &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    // Mostly milliseconds to seconds apart, now and then minutes to hours.
    ms += n >> 60 == 0 ? Int64(n >> 33 % 4_000_000) : Int64(n >> 40 % 9000)
    record.add(ms, n >> 28)
  }
  record.check()
}

@Test func anAmountOfHundredsOfGigabytesIsTheLargestThatFits() {
  var record = Record()
  record.history.record(ByteCount(.max), at: Instant(milliseconds: 5000))
  let most = (128 << 30 - 2 * (16 << 20)) as UInt64
  #expect(record.saidOfHour == [[5000, most]])
  #expect(record.said(record.history.forEachOfDay) == [[0, most, most, most]])
}

@Test func lessThanAKiBIsASampleOfZeroAndNotAGap() {
  var record = Record()
  record.add(0, 1023)
  record.add(5000, 0)
  #expect(record.saidOfHour == [[0, 0], [5000, 0]])
}

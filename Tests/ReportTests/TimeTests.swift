import Foundation
import Samples
import Testing

@testable import Report

private func said(_ write: (inout Bytes) -> Void) -> String {
  var out = Bytes()
  write(&out)
  return string(out)
}

@Test(arguments: [
  (0 as Int64, "1970-01-01T00:00:00.000Z"), (-1, "1970-01-01T00:00:00.000Z"), (Int64.min, "1970-01-01T00:00:00.000Z"),
  (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
  (1_709_251_199_001, "2024-02-29T23:59:59.001Z"), (1_735_689_599_050, "2024-12-31T23:59:59.050Z"),
  (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
  (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
])
func aTimestampIsTheDateInUTC(_ ms: Int64, _ expected: String) {
  #expect(said { $0.writeTimestamp(ms) } == expected)
}

@Test func everyDayOfFourHundredYearsIsTheCalendarsDay() {
  var calendar = Calendar(identifier: .gregorian)
  calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .gmt
  var wrong = 0
  for day in 0..<146_097 {
    let parts = calendar.dateComponents([.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
    let expected = String(format: "%04d-%02d-%02dT", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
    if !said({ $0.writeTimestamp(Int64(day) * 86_400_000) }).hasPrefix(expected) { wrong += 1 }
  }
  #expect(wrong == 0)
}

@Test func theLastTimestampDoesNotTrap() {
  #expect(said { $0.writeTimestamp(.max) }.hasSuffix("Z"))
}

@Test(arguments: [
  (0 as UInt64, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1535, "1.5 KiB"), (1536, "1.5 KiB"), (983_040, "960 KiB"),
  (1_048_575, "1024 KiB"), (1_048_576, "1 MiB"), (26_318_848, "25.1 MiB"), (1_073_741_823, "1024 MiB"),
  (1_073_741_824, "1 GiB"),
  (1_610_612_736, "1.5 GiB"), (UInt64.max, "17179869184 GiB"),
])
func anAmountIsSaidToATenth(_ n: UInt64, _ expected: String) {
  #expect(said { $0.writeSize(ByteCount(n)) } == expected)
}

@Test(arguments: [
  (-5 as Int64, "0 ms"), (0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (1099, "1 s"), (1100, "1.1 s"), (9_999, "9.9 s"),
  (10_900, "10 s"), (59_999, "59 s"), (60_000, "1 min"), (61_000, "1 min 1 s"), (3_599_999, "59 min 59 s"),
  (3_600_000, "1 h"), (7_500_000, "2 h 5 min"), (86_400_000, "1 d"), (273_600_000, "3 d 4 h"),
  (Int64.max, "106751991167 d 7 h"),
])
func aDurationIsSaidInItsTwoLargestUnits(_ ms: Int64, _ expected: String) {
  #expect(said { $0.writeDuration(Milliseconds(ms)) } == expected)
}

@Test func aSentenceGivesEachFigureItsUnitAndEachNameItsQuarantine() {
  let name = Bytes([0x1B]) + bytes("[31m")
  let sentence: Sentence =
    "\(name): \(ByteCount.mib(3)) for \(Milliseconds.seconds(90)), pid \(Int32(-1)), \(UInt64.max)"
  #expect(string(sentence.bytes) == #"\x1b[31m: 3 MiB for 1 min 30 s, pid -1, 18446744073709551615"#)
  // A sentence within a sentence was made safe once; it is not made safe again.
  let outer: Sentence = "(\(sentence))"
  #expect(outer.bytes == bytes("(") + sentence.bytes + bytes(")"))
  for (n, words) in [(0, "0 logs"), (1, "1 log"), (2, "2 logs")] {
    let counted: Sentence = "\(n, "log")"
    #expect(string(counted.bytes) == words)
  }
}

@Test(arguments: [
  (0 as UInt64, 0 as UInt64, 0 as UInt64), (5, 0, 0), (1, 3, 33), (24, 24, 100), (25, 24, 104), (UInt64.max, 1, .max),
  (UInt64.max, .max, 100),
  (UInt64.max, 100, .max), (UInt64.max, 101, 18_264_103_043_276_783_777),
])
func aPercentageIsRoundedDownAndSaturates(_ part: UInt64, _ whole: UInt64, _ expected: UInt64) {
  #expect(percent(ByteCount(part), of: ByteCount(whole)) == expected)
}

// Which lines say the same again: times, numbers and identifiers do not make them differ.
import Policy
import Samples
import Testing

private func tally(_ lines: [String]) -> LineTally {
  var tally = LineTally()
  let text = Array(lines.map { $0 + "\n" }.joined().utf8)
  #expect(tally.take(text.span) == text.count)
  return tally
}

@Test func timesAndNumbersDoNotMakeALineAnotherOne() {
  let silent = tally(
    (0..<100).map { "192.168.1.\($0)|Thu 01 Jan 1970 00:19:\(10 + $0 % 50) +0000|Silent client disconnected" })
  #expect(silent.repeatedShare == Permyriad(9900))
  let uuids = tally((0..<100).map { "2026-01-01T00:00:\($0)Z job 3f2a\($0)-77bc01e\($0) failed" })
  #expect(uuids.repeatedShare == Permyriad(9900))
}

@Test func otherWordsMakeALineAnotherOne() {
  let words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
  let all = tally(words.flatMap { a in words.map { b in "\(a) met \(b)" } })
  #expect((all.repeatedShare ?? Permyriad(10_000)) == Permyriad(0))
  #expect(all.averageLength.map { $0 > 10 && $0 < 20 } == true)
}

@Test func whatFollowsTheLastNewlineIsNotALineYet() {
  var tally = LineTally()
  #expect(tally.repeatedShare == nil && tally.lines(in: .mib(1)) == nil)
  #expect(tally.take(Array("one\ntwo\nthr".utf8).span) == 8)
  #expect(tally.averageLength == 4)
  #expect(tally.take(Array("no line at all".utf8).span) == 0)
  #expect(tally.take([UInt8]().span) == 0)
  #expect(tally.lines(in: ByteCount(400)) == 100)
}

@Test func bytesOfAnyKindAreLinesAllTheSame() {
  var tally = LineTally()
  var text: [UInt8] = []
  for i in 0..<50_000 { text.append(UInt8(truncatingIfNeeded: i &* 7 &+ i / 256)) }
  _ = tally.take(text.span)
  #expect((tally.repeatedShare?.rawValue ?? 0) <= 10_000)
  #expect(tally.lines(in: ByteCount(.max)) != nil)
}

@Test func linesOfLongAgoCountLess() {
  var tally = tally([String](repeating: "the same", count: 1000))
  let words = (0..<64).map { "word\(UnicodeScalar(97 + $0 % 26)!)\(UnicodeScalar(97 + $0 / 26)!)" }
  for _ in 0..<40 { for a in words { _ = tally.take(Array("\(a) x\n".utf8).span) } }
  // Sixty-four lines in turn are said again as well; then lines that come once.
  var once: [UInt8] = []
  for i in 0..<3000 {
    var n = i
    for _ in 0..<4 {
      once.append(UInt8(97 + n % 26))
      n /= 26
    }
    once.append(0x0A)
  }
  _ = tally.take(once.span)
  #expect((tally.repeatedShare?.rawValue ?? 10_000) < 3000)
}

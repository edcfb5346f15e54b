import Policy
import Samples
import Testing

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

@Test func aReaderThatHangsStopsTheWriterForOneSecondOnly() {
  var pace = WriterPace(capacity: 65_536)
  for ms in stride(from: Int64(5000), to: 6000, by: 50) {
    pace.isFull(now: at(ms))
    #expect(!pace.isSlow)
  }
  for ms in stride(from: Int64(6000), to: 60_000, by: 50) {
    pace.isFull(now: at(ms))
    #expect(pace.isSlow)
  }
}

@Test func aReaderThatKeepsItsPaceMayStopTheWriterAgainAndAgain() {
  var pace = WriterPace(capacity: 65_536)
  for ms in stride(from: Int64(0), to: 100_000, by: 100) {
    pace.took(6554)
    pace.isFull(now: at(ms))
    #expect(!pace.isSlow)
  }
}

@Test func aReaderThatFallsBehindIsSlowUntilItKeepsItsPaceForASecond() {
  var pace = WriterPace(capacity: 65_536)
  pace.isFull(now: at(0))
  for ms in stride(from: Int64(500), through: 10_000, by: 500) {
    pace.took(16_384)
    pace.isFull(now: at(ms))
    #expect(pace.isSlow == (ms >= 1000))
  }
  pace.took(32_768)
  pace.isFull(now: at(10_500))
  #expect(pace.isSlow)
  pace.took(32_768)
  pace.isFull(now: at(11_000))
  #expect(!pace.isSlow)
}

@Test func aQueueThatWasNotFullForASecondIsJudgedAnew() {
  var pace = WriterPace(capacity: 65_536)
  pace.isFull(now: at(0))
  pace.isFull(now: at(1000))
  #expect(pace.isSlow)
  pace.isFull(now: at(2500))
  #expect(!pace.isSlow)
  pace.isFull(now: at(3499))
  #expect(!pace.isSlow)
  pace.isFull(now: at(3500))
  #expect(pace.isSlow)
}

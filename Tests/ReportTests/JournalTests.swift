import Samples
import Testing

@testable import Report

private func filled(_ count: Int64, capacity: Int) -> Journal {
  let journal = Journal(capacity: capacity)
  for i in 0..<count { journal.add(Event(.clockStepped(i), .worker, name: bytes(i % 2 == 0 ? "even" : "odd"))) }
  return journal
}
private func page(_ journal: Journal, after: UInt64, limit: Int) -> [UInt64] {
  var numbers = [UInt64]()
  journal.forEach(after: after, limit: limit) { numbers.append($0.number) }
  return numbers
}

@Test func eventsAreNumberedFromOneAndNoneIsDroppedBeforeTheRingIsFull() {
  let journal = filled(0, capacity: 4)
  #expect(journal.newest == 0 && journal.dropped == 0 && page(journal, after: 0, limit: 9).isEmpty)
  #expect(journal.add(Event(.paused)).number == 1)
  #expect(page(journal, after: 0, limit: 9) == [1] && journal.dropped == 0)
}

@Test func aFullRingKeepsTheNewestInOrderAndCountsTheRest() {
  for count in 4...13 as ClosedRange<Int64> {
    let journal = filled(count, capacity: 4)
    let newest = UInt64(count)
    #expect(journal.newest == newest && journal.dropped == newest - 4)
    #expect(page(journal, after: 0, limit: 100) == Array(newest - 3...newest))
  }
}

@Test func pagingGoesThroughEveryEventOnceInOrder() {
  let journal = filled(1000, capacity: 257)
  var seen = [UInt64]()
  var after: UInt64 = 0
  while let last = page(journal, after: after, limit: 10).last {
    seen += page(journal, after: after, limit: 10)
    after = last
  }
  #expect(seen == Array(744...1000))
}

@Test func aPageBeyondTheNewestOrOfNothingIsEmpty() {
  let journal = filled(9, capacity: 4)
  #expect(page(journal, after: 9, limit: 5).isEmpty)
  #expect(page(journal, after: .max, limit: 5).isEmpty)
  #expect(page(journal, after: 0, limit: 0).isEmpty)
  #expect(page(journal, after: 8, limit: 1) == [9])
  #expect(page(journal, after: 3, limit: 2) == [6, 7])
}

@Test func aRingOfNothingStillKeepsOne() {
  let journal = filled(5, capacity: 0)
  #expect(page(journal, after: 0, limit: 5) == [5] && journal.dropped == 4)
}

@Test func theLastEventOfASubjectIsTheNewestThatIsWanted() {
  let journal = filled(11, capacity: 4)
  let even = journal.last(of: .worker, bytes("even")) { _ in true }
  #expect(even?.number == 11)
  #expect(journal.last(of: .worker, bytes("odd")) { _ in true }?.number == 10)
  #expect(journal.last(of: .log, bytes("odd")) { _ in true } == nil)
  #expect(
    journal.last(of: .worker, bytes("odd")) { if case .clockStepped(7) = $0 { true } else { false } }?.number == 8)
  // Overwritten: no longer there.
  #expect(journal.last(of: .worker, bytes("odd")) { if case .clockStepped(5) = $0 { true } else { false } } == nil)
}

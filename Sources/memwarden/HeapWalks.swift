// Walks over heaps that were asked for: one at a time, in slices, and not more than a third of the time. An answer is kept
// for a moment, so that asking again and again costs one walk.
import Kernel
import Report
import Samples

final class HeapWalks {
  private let reader: KernelReader
  /// The first one is under way.
  private var asked = [AskedHeap]()
  private let board: Board
  /// When `step` wants to be called; nil: nothing is asked.
  private(set) var nextStep: Instant?

  static let slice = Milliseconds(5), pause = Milliseconds(10)
  static let askedMaximum = 4, keptMaximum = 8, freshTime = Milliseconds.seconds(2)

  init(_ reader: KernelReader, _ board: Board) {
    self.reader = reader
    self.board = board
  }

  func ask(_ pid: Int32, now: Instant, asText: Bool) -> Reply {
    func refuse(_ status: UInt32, _ sentence: Sentence) -> Reply { .now(.error(status, sentence, asText: asText)) }
    do throws(Absence) {
      let stat = try reader.stat(pid)
      let identity = Identity(pid: pid, startTicks: stat.startTicks)
      if let known = board.heaps.first(where: { $0.identity == identity }), now - known.at <= HeapWalks.freshTime {
        return .now(known.response(asText: asText))
      }
      if let same = asked.first(where: { $0.record.identity == identity }) {
        return .later(same, asText: asText)
      }
      guard asked.count < HeapWalks.askedMaximum else { return refuse(503, "other heaps are being walked; ask again") }
      let new = AskedHeap(
        try reader.heapWalk(pid), HeapRecord(identity: identity, comm: stat.comm.array, at: now))
      asked.append(new)
      // A small heap takes one slice.
      if asked.count == 1, step(now: now), let response = new.response(asText: asText) { return .now(response) }
      return .later(new, asText: asText)
    } catch {
      let response = HeapRecord.refusal(pid, error)
      return refuse(response.0, response.1)
    }
  }

  /// True when an answer is there that was not before.
  func step(now: Instant) -> Bool {
    guard let first = asked.first else { return false }
    if let nextStep, now < nextStep { return false }
    nextStep = now + HeapWalks.pause
    guard first.step(reader, now: now) else { return false }
    if first.failure == nil {
      board.heaps.removeAll { $0.identity == first.record.identity }
      if board.heaps.count == HeapWalks.keptMaximum { board.heaps.removeFirst() }
      board.heaps.append(first.record)
    }
    asked.removeFirst()
    if asked.isEmpty { nextStep = nil }
    return true
  }
}

/// A walk that somebody waits for.
private final class AskedHeap: LaterAnswer {
  private var walk: HeapWalk?
  private(set) var record: HeapRecord
  private(set) var failure: Absence?

  init(_ walk: HeapWalk, _ record: HeapRecord) {
    self.walk = walk
    self.record = record
  }

  func step(_ reader: KernelReader, now: Instant) -> Bool {
    guard let walk else { return true }
    guard walk.step(for: HeapWalks.slice) else { return false }
    record.usage = walk.usage
    record.took = now - record.at
    record.at = now
    failure = walk.failure
    self.walk = nil
    do throws(Absence) {
      if try reader.stat(record.identity.pid).startTicks != record.identity.startTicks { failure = .gone }
    } catch { failure = error }
    return true
  }

  func response(asText: Bool) -> Response? {
    if walk != nil { return nil }
    if let failure {
      let (status, sentence) = HeapRecord.refusal(record.identity.pid, failure)
      return .error(status, sentence, asText: asText)
    }
    return record.response(asText: asText)
  }
}

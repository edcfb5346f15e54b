import Actions
import CLinux
import Foundation
import Policy
import Samples
import Testing

/// 10 000 lines, 700 000 bytes, in a fresh log on this kind of RAM filesystem.
private func withLog(
  _ kind: String, options: String = "", text: Bytes = lines(0..<10_000), _ body: (RAMDisk, String) throws -> Void
) throws {
  let disk = try #require(RAMDisk(kind, options: options))
  let path = disk.path("log")
  try Data(text).write(to: URL(fileURLWithPath: path))
  try body(disk, path)
}

private func cut(
  _ path: String, _ method: CutMethod, keep: UInt64, append: Bool = true, calls: FileCalls = .live
) throws -> CutReport {
  try LogFile(bytes(path)).cut(
    by: method, keep: ByteCount(keep), writersAppend: append, buffer: CutBuffer(), calls: calls)
}

@Suite(.enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct LogCutTests {
  @Test func aPunchFreesTheHeadUpToALineAndKeepsTheRestByteForByte() throws {
    try withLog("tmpfs") { _, path in
      let report = try cut(path, .punch, keep: 100_000)
      let text = contents(path)
      let kept = text.drop { $0 == 0 }
      #expect(text.count == 700_000)
      #expect(Bytes(kept) == lines(8_572..<10_000))
      #expect(report.method == .punch && report.lost == .none && report.wholeLines)
      #expect(report.allocatedAfter <= ByteCount(100_000 + 2 * 4096))
      #expect(report.sizeAfter == report.sizeBefore)
    }
  }

  @Test(arguments: ["tmpfs", "ramfs"])
  func tailKeepMovesTheLastLinesToTheFront(kind: String) throws {
    try withLog(kind) { _, path in
      let report = try cut(path, .tailKeep, keep: 300_000)
      #expect(contents(path) == lines(5_715..<10_000))
      #expect(report.sizeAfter == ByteCount(299_950))
      #expect(report.allocatedAfter <= ByteCount(300_000 + 4096))
    }
  }

  /// A writer that outruns the copy, and somebody who empties the file just then.
  @Test func aFileThatIsEmptiedWhileItIsCutIsNoReasonToDie() throws {
    try withLog("ramfs") { _, path in
      var calls = FileCalls.live
      calls.write = { fd, from, count, offset in
        let n = FileCalls.live.write(fd, from, count, offset)
        // Each piece that is copied is followed by a larger one; after the last one the file is emptied.
        _ = FileCalls.live.write(fd, from, count, offset + 1_000_000 + UInt64(count))
        if offset >= 655_360 { _ = FileCalls.live.truncate(fd, 0) }
        return n
      }
      let report = try cut(path, .tailKeep, keep: 300_000, calls: calls)
      #expect(report.method == .tailKeep)
    }
  }

  @Test(arguments: ["tmpfs", "ramfs"])
  func tailsThatOverlapTheirNewPlaceSurvive(kind: String) throws {
    try withLog(kind) { _, path in
      _ = try cut(path, .tailKeep, keep: 699_000)
      #expect(contents(path) == lines(15..<10_000))
    }
  }

  @Test(arguments: ["tmpfs", "ramfs"])
  func putBackLeavesTheTailWhereAWriterWithoutAppendGoesOn(kind: String) throws {
    try withLog(kind, text: []) { _, path in
      let writer = open(path, O_WRONLY)
      defer { close(writer) }
      let before = lines(0..<10_000)
      #expect(write(writer, before, before.count) == before.count)
      let report = try cut(path, .putBack, keep: 40_000, append: false)
      #expect(report.allocatedAfter <= ByteCount(40_000 + 2 * 4096))
      let next = line(10_000)
      #expect(write(writer, next, next.count) == next.count)
      #expect(Bytes(contents(path).drop { $0 == 0 }) == lines(9_429..<10_001))
    }
  }

  @Test func whereNoHoleCanBePunchedTheTailIsKeptByTheWritersFlags() throws {
    for (append, method) in [(true, CutMethod.tailKeep), (false, .putBack)] {
      try withLog("ramfs") { _, path in
        let report = try cut(path, .punch, keep: 40_000, append: append)
        #expect(report.method == method)
        #expect(Bytes(contents(path).drop { $0 == 0 }) == lines(9_429..<10_000))
      }
    }
  }

  @Test func truncateLeavesNothing() throws {
    try withLog("ramfs") { _, path in
      let report = try cut(path, .truncate, keep: 0)
      #expect(report.sizeAfter == .zero)
      #expect(throws: LogRefusal.nothingToCut) { try cut(path, .truncate, keep: 0) }
    }
  }

  @Test(arguments: [CutMethod.punch, .tailKeep, .putBack])
  func aHalfWrittenLastLineIsKeptAsItIs(method: CutMethod) throws {
    try withLog("tmpfs", text: lines(0..<10_000) + bytes("half a li")) { _, path in
      _ = try cut(path, method, keep: 40_000)
      #expect(Bytes(contents(path).suffix(79)) == line(9_999) + bytes("half a li"))
    }
  }

  @Test(arguments: [CutMethod.punch, .tailKeep, .putBack])
  func aLogWithoutNewlinesIsCutAllTheSameAndSaysSo(method: CutMethod) throws {
    try withLog("tmpfs", text: Bytes(repeating: 0x78, count: 300_000)) { _, path in
      let report = try cut(path, method, keep: 40_000)
      #expect(!report.wholeLines)
      #expect(contents(path).drop { $0 == 0 }.count == 40_000)
    }
  }

  @Test func aSecondPunchBeginsWhereTheDataBegins() throws {
    try withLog("tmpfs") { _, path in
      _ = try cut(path, .punch, keep: 100_000)
      #expect(throws: LogRefusal.nothingToCut) { try cut(path, .punch, keep: 150_000) }
      _ = try cut(path, .punch, keep: 20_000)
      #expect(Bytes(contents(path).drop { $0 == 0 }) == lines(9_715..<10_000))
    }
  }

  @Test func anEarlierHoleIsSkipped() throws {
    try withLog("tmpfs", text: []) { _, path in
      let writer = open(path, O_RDWR)
      defer { close(writer) }
      let text = lines(0..<1000)
      #expect(pwrite(writer, text, text.count, 0) == text.count)
      #expect(pwrite(writer, text, text.count, 10 << 20) == text.count)
      _ = try cut(path, .tailKeep, keep: 1 << 20)
      let found = LinesFound(contents(path))
      #expect(found.torn == 0 && found.missing == 0)
      #expect(found.numbers.last == 999 && found.numbers.count >= 999)
    }
  }

  @Test(arguments: [CutMethod.punch, .tailKeep, .putBack])
  func aFilesystemThatIsFullToTheLastPageIsCut(method: CutMethod) throws {
    try withLog("tmpfs", options: "size=1m", text: []) { _, path in
      let writer = open(path, O_WRONLY | O_APPEND)
      defer { close(writer) }
      var count = 0
      while case let text = line(count), write(writer, text, text.count) == text.count { count += 1 }
      #expect(write(writer, "x", 1) == -1)
      let report = try cut(path, method, keep: 40_000)
      #expect(report.allocatedAfter <= ByteCount(40_000 + 2 * 4096))
      // The write that hit the end of the space was cut short by the kernel: its first part is the newest text.
      let text = contents(path)
      let whole = text[...(text.lastIndex(of: 0x0A) ?? 0)]
      let found = LinesFound(Bytes(whole))
      #expect(found.torn == 0 && found.missing == 0 && found.numbers.last == count - 1)
    }
  }

  @Test func aFailedPunchOrTruncateLeavesEveryByte() throws {
    try withLog("tmpfs") { _, path in
      for (method, at) in [(CutMethod.punch, LogStep.punch), (.putBack, .truncate)] {
        let calls = FailingCalls(at: 1, errno: EIO).calls
        #expect(throws: LogRefusal.failed(at, errno: EIO)) { try cut(path, method, keep: 40_000, calls: calls) }
        #expect(contents(path) == lines(0..<10_000))
      }
    }
  }

  @Test(arguments: 1...6)
  func whereverTailKeepFailsNothingThatWasToBeKeptIsLost(nth: Int) throws {
    try withLog("ramfs") { _, path in
      // 300 000 bytes in 64 KiB pieces: five writes, then ftruncate.
      let calls = FailingCalls(at: nth, errno: ENOSPC).calls
      #expect(throws: LogRefusal.failed(nth == 6 ? .truncate : .write, errno: ENOSPC)) {
        try cut(path, .tailKeep, keep: 300_000, calls: calls)
      }
      let text = contents(path)
      #expect(text.count == 700_000)
      #expect(Bytes(text.suffix(300_000)) == Bytes(lines(0..<10_000).suffix(300_000)))
      // The next try succeeds as if nothing had been.
      _ = try cut(path, .tailKeep, keep: 300_000)
      #expect(contents(path) == lines(5_715..<10_000))
    }
  }

  @Test func aTailThatCannotBePutBackIsReportedAsLost() throws {
    try withLog("ramfs") { _, path in
      let report = try cut(path, .putBack, keep: 40_000, append: false, calls: FailingCalls(at: 2, errno: ENOSPC).calls)
      #expect(report.lost == .atLeast(ByteCount(39_970)))
      #expect(report.sizeAfter == .zero)
    }
  }

  @Test func shortWritesAreContinued() throws {
    try withLog("ramfs") { _, path in
      var calls = FileCalls.live
      calls.write = { cut_write($0, $1, min($2, 1000), $3) }
      _ = try cut(path, .tailKeep, keep: 300_000, calls: calls)
      #expect(contents(path) == lines(5_715..<10_000))
    }
  }

  @Test func whatIsWrittenInTheRaceOfAPutBackIsCountedToTheByte() throws {
    try withLog("ramfs", text: []) { _, path in
      let writer = open(path, O_WRONLY)
      defer { close(writer) }
      let before = lines(0..<1000)
      #expect(write(writer, before, before.count) == before.count)
      var calls = FileCalls.live
      // One line just before the truncation, one just after it.
      calls.truncate = { descriptor, size in
        _ = write(writer, line(1000), 70)
        let result = cut_truncate(descriptor, size)
        _ = write(writer, line(1001), 70)
        return result
      }
      let report = try cut(path, .putBack, keep: 20_000, append: false, calls: calls)
      #expect(report.lost == .exactly(ByteCount(70)))
      let found = LinesFound(contents(path))
      #expect(found.torn == 0 && found.missing == 1 && found.numbers.last == 1001)
    }
  }

  @Test func aLineThatArrivesDuringTheCopyIsKept() throws {
    try withLog("ramfs") { _, path in
      let writer = open(path, O_WRONLY | O_APPEND)
      defer { close(writer) }
      let late = Late()
      var calls = FileCalls.live
      calls.write = { descriptor, from, count, offset in
        if late.first() { _ = write(writer, line(10_000), 70) }
        return cut_write(descriptor, from, count, offset)
      }
      _ = try cut(path, .tailKeep, keep: 40_000, calls: calls)
      #expect(contents(path) == lines(9_429..<10_001))
    }
  }
}

/// True once.
private final class Late: @unchecked Sendable {
  private var isFirst = true
  func first() -> Bool {
    defer { isFirst = false }
    return isFirst
  }
}

/// Live calls, of which the Nth fails.
private final class FailingCalls: @unchecked Sendable {
  private var left: Int
  private let errno: Int32
  init(at nth: Int, errno: Int32) {
    left = nth
    self.errno = errno
  }
  private func fails() -> Bool {
    left -= 1
    return left == 0
  }
  var calls: FileCalls {
    FileCalls(
      truncate: { self.fails() ? -Int64(self.errno) : cut_truncate($0, $1) },
      punch: { self.fails() ? -Int64(self.errno) : cut_punch($0, $1, $2) },
      write: { self.fails() ? -Int64(self.errno) : cut_write($0, $1, $2, $3) },
      microseconds: { cut_microseconds() })
  }
}

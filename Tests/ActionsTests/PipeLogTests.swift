import Foundation
import Samples
import Testing

@testable import Actions

private func limits(_ size: UInt64 = 16, keep: Int = 1000, budget: UInt64 = 1024 * 1024) -> PipeLogLimits {
  var limits = PipeLogLimits()
  (limits.size, limits.keep, limits.budget) = (.kib(size), keep, .kib(budget))
  return limits
}
/// What does not fit is given after a write.
private func give(_ text: String, to log: PipeLog) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let n = log.receive {
      let n = min($0.count, rest.count)
      $0.copyBytes(from: rest.prefix(n))
      return n
    }
    rest = rest.dropFirst(n)
    if !rest.isEmpty, log.write() != .done { return }
  }
}
private func lines(_ range: Range<Int>) -> String { range.map { "line \($0) with some more text\n" }.joined() }
/// Gives 100 lines at a time; stops where the log is stuck. The first line that was not given.
@discardableResult
private func pour(_ range: Range<Int>, into log: PipeLog) -> Int {
  for start in stride(from: range.lowerBound, to: range.upperBound, by: 100) {
    give(lines(start..<min(start + 100, range.upperBound)), to: log)
    if log.write() != .done { return start + 100 }
  }
  return range.upperBound
}
/// The numbers of all lines in the folder, each whole.
private func numbers(_ folder: FakeFolder) -> [Int] {
  folder.text.split(separator: "\n").compactMap { line in
    let parts = line.split(separator: " ", maxSplits: 2)
    guard parts.count == 3, parts[0] == "line", parts[2] == "with some more text" else { return nil }
    return Int(parts[1])
  }
}

@Test func linesAreRotatedBySizeIntoNumberedArchivesAndNoneIsTorn() {
  let folder = FakeFolder(), log = PipeLog(limits(), calls: folder.seam)
  #expect(log.open() == 0)
  pour(0..<3000, into: log)
  #expect(numbers(folder) == Array(0..<3000))
  #expect(folder.archives.first == "@0000000001" && folder.archives.count > 4)
  for (_, content) in folder.files { #expect(content.count <= 16 * 1024 && content.last == 10) }
  #expect(folder.number == UInt64(folder.archives.count))
}

@Test func oldestArchivesGoByNumberAndByBudget() {
  let few = FakeFolder(), log = PipeLog(limits(keep: 3), calls: few.seam)
  #expect(log.open() == 0)
  pour(0..<5000, into: log)
  #expect(few.archives.count == 3 && numbers(few).last == 4999)
  #expect(numbers(few) == Array((numbers(few).first ?? 0)..<5000), "what is kept has no gap")

  let small = FakeFolder(), tight = PipeLog(limits(budget: 64), calls: small.seam)
  #expect(tight.open() == 0)
  for i in 0..<50 {
    pour((i * 100)..<(i * 100 + 100), into: tight)
    #expect(small.used <= 64 * 1024)
  }
  #expect(small.archives.count == 3)
}

@Test func archivesThatAreOverNewLimitsGoAtTheStartAndNumbersGoOn() {
  let folder = FakeFolder()
  for i in 7..<20 { folder.files[String(format: "@%010d", i)] = Array(lines(0..<300).utf8) }
  folder.files["@7"] = [1]
  folder.files["@xyzxyzxyzx"] = [1]
  let log = PipeLog(limits(keep: 2), calls: folder.seam)
  #expect(log.open() == 0)
  #expect(folder.archives == ["@0000000018", "@0000000019", "@7", "@xyzxyzxyzx"], "other names are not ours")
  pour(0..<2000, into: log)
  #expect(folder.archives.prefix(2) == ["@0000000021", "@0000000022"] && folder.number == 22)
}

@Test func theNumberGoesOnWhenAllArchivesAreGone() {
  let folder = FakeFolder()
  folder.number = 41
  let log = PipeLog(limits(), calls: folder.seam)
  #expect(log.open() == 0)
  pour(0..<1000, into: log)
  #expect(folder.archives.first == "@0000000042")
}

@Test func aFullFilesystemTakesTheOldestArchivesFirstAndGoesOnWithinTheLine() {
  let folder = FakeFolder(), log = PipeLog(limits(), calls: folder.seam)
  folder.capacity = 40_000
  #expect(log.open() == 0)
  #expect(pour(0..<5000, into: log) == 5000, "its own archives make room")
  #expect(numbers(folder).last == 4999)
  folder.capacity = folder.files["current"]?.count ?? 0
  for name in folder.archives { folder.files[name] = nil }
  folder.capacity += 50
  give(lines(5000..<5010), to: log)
  #expect(log.write() == .stuck(-28) && log.unwritten == 9, "line 5000 is written, 5001 half")
  #expect(log.write() == .stuck(-28))
  log.rotateSoon()
  #expect(log.write() == .stuck(-28), "no rotation within a line")
  folder.capacity = .max
  #expect(log.write() == .done)
  #expect(numbers(folder).suffix(11) == Array(4999..<5010)[...])
}

/// Every call that changes something fails once, at every point.
@Test(arguments: [-28, -5, -30] as [Int32]) func aCallThatFailsOnceLosesAndDoublesNothing(_ errno: Int32) {
  let smooth = FakeFolder()
  func run(_ folder: FakeFolder) {
    let log = PipeLog(limits(keep: 4), calls: folder.seam)
    for _ in 0..<2 where log.open() == 0 { break }
    for start in stride(from: 0, to: 3000, by: 100) {
      give(lines(start..<(start + 100)), to: log)
      for _ in 0..<3 where log.write() == .done { break }
      if start == 500 { log.rotateSoon() }
    }
    log.finish()
    #expect(log.write() == .done)
  }
  run(smooth)
  for at in 1...smooth.calls {
    let folder = FakeFolder()
    (folder.faultAt, folder.fault) = (at, errno)
    run(folder)
    let found = numbers(folder)
    // A removal that failed took the next archive instead.
    #expect(found == Array(Set(found)).sorted() && found.suffix(500) == Array(2500..<3000)[...], "call \(at)")
    #expect(folder.openHandles == 0)
    // A removal that failed leaves one archive too many: better than a loop.
    #expect(folder.archives.count <= 5, "call \(at)")
  }
}

/// The power goes at every point; then a new logger begins on what is there.
@Test func afterAPowerCutNoWholeLineIsLostAndNoneIsTorn() {
  let smooth = FakeFolder()
  let whole = PipeLog(limits(keep: 50), calls: smooth.seam)
  #expect(whole.open() == 0)
  pour(0..<2000, into: whole)
  for at in 0...smooth.calls {
    let folder = FakeFolder()
    folder.cutAt = at
    do {
      let log = PipeLog(limits(keep: 50), calls: folder.seam)
      if log.open() == 0 { pour(0..<2000, into: log) }
    }
    let before = numbers(folder)
    #expect(before == Array(0..<before.count), "cut at \(at)")
    folder.cutAt = .max
    let log = PipeLog(limits(keep: 50), calls: folder.seam)
    #expect(log.open() == 0)
    pour(5000..<6000, into: log)
    #expect(numbers(folder) == Array(0..<before.count) + Array(5000..<6000), "cut at \(at)")
    #expect(folder.text.split(separator: "\n").count <= before.count + 1000 + 1, "at most one half line, ended")
    #expect(folder.archives == folder.archives.sorted() && Set(folder.archives).count == folder.archives.count)
  }
}

@Test func whatOthersDoToCurrentIsNoticed() {
  let folder = FakeFolder(), log = PipeLog(limits(), calls: folder.seam)
  #expect(log.open() == 0)
  pour(0..<100, into: log)
  folder.files["current"] = nil
  pour(100..<200, into: log)
  #expect(numbers(folder) == Array(100..<200), "removed: begun anew")
  folder.files["current"] = []
  pour(200..<300, into: log)
  #expect(numbers(folder) == Array(200..<300), "truncated: its size is looked at again")
  log.rotateSoon()
  pour(300..<400, into: log)
  #expect(folder.archives.count == 1 && numbers(folder) == Array(200..<400))
  log.rotateSoon()
  #expect(log.write() == .done)
  log.rotateSoon()
  #expect(log.write() == .done && folder.archives.count == 2, "an empty current is not rotated")
}

@Test func aLastLineWithoutNewlineIsEndedAndALineLongerThanAFileStaysWhole() {
  let folder = FakeFolder(), log = PipeLog(limits(), calls: folder.seam)
  #expect(log.open() == 0)
  give("a\nhalf", to: log)
  #expect(log.write() == .done && folder.text == "a\n")
  log.finish()
  #expect(log.write() == .done && folder.text == "a\nhalf\n")
  let long = String(repeating: "x", count: 20_000) + "\n"
  give(long + "b\n", to: log)
  #expect(log.write() == .done)
  #expect(folder.files["@0000000002"].map { String(decoding: $0, as: UTF8.self) } == long)
  #expect(folder.text == "a\nhalf\n" + long + "b\n")
  // More than the memory holds and no newline in sight.
  for _ in 0..<10 { give(String(repeating: "y", count: 20_000), to: log); _ = log.write() }
  log.finish()
  #expect(log.write() == .done && folder.text.hasSuffix("y\n") && folder.text.utf8.count == 7 + 20_001 + 2 + 200_001)
}

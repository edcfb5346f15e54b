// The JSON-lines file: whole lines, within its budget, whatever was there before.
import Foundation
import Samples
import Testing

@testable import memwarden

private struct Place {
  let folder = Folder()
  var path: String { folder.path + "/events.jsonl" }
  var older: String { path + ".1" }

  func open(budget: UInt64 = 16 << 10) throws -> JournalFile {
    var errno: Int32 = 0
    var settings = JournalSettings()
    (settings.file, settings.budget) = (bytes(path), ByteCount(budget))
    return try #require(JournalFile(settings, errno: &errno), "errno \(errno)")
  }
  func text(_ path: String) -> Bytes { FileManager.default.contents(atPath: path).map { Bytes($0) } ?? [] }
  var size: Int { text(path).count + text(older).count }
  /// Both halves, the older one first.
  var lines: [String] {
    let all = text(older) + text(path)
    #expect(all.isEmpty || all.last == 0x0A)
    return String(decoding: all, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }
}

private func line(_ n: Int, _ length: Int = 100) -> Bytes {
  let head = "{\"id\":\(n),\"x\":\""
  return bytes(head + String(repeating: "x", count: max(0, length - head.utf8.count - 3)) + "\"}\n")
}

@Test func linesAreAppendedAndCounted() throws {
  let place = Place()
  let file = try place.open()
  #expect(place.size == 0)
  #expect(file.append(line(1)) == 100 && file.append(line(2, 50)) == 50)
  #expect(place.size == 150 && place.lines.count == 2 && file.dropped == 0)
}

@Test func bothHalvesStayWithinTheBudgetAtEveryLine() throws {
  let place = Place()
  var file = try place.open()
  var peak = 0
  for n in 0..<2000 {
    // Started anew now and then: what is there counts.
    if n % 333 == 0 { file = try place.open() }
    #expect(file.append(line(n, 20 + n * 37 % 900)) > 0)
    peak = max(peak, place.size)
    #expect(place.lines.last?.hasPrefix("{\"id\":\(n),") == true)
  }
  #expect(peak <= 16 << 10)
  // The newest lines without a gap, and at least a quarter of the budget of them.
  let ids = place.lines.compactMap { Int($0.dropFirst(6).prefix { $0 != "," }) }
  #expect(ids == Array(ids[0]...1999))
  #expect(place.size > 4 << 10 && file.dropped == 0)
}

@Test func aLineThatAPowerCutHalvedIsEndedSoThatTheNextStandsAlone() throws {
  let place = Place()
  place.folder.write("{\"id\":1}\n{\"id\":2,\"ti", to: "events.jsonl")
  let file = try place.open()
  _ = file.append(bytes("{\"id\":3}\n"))
  #expect(place.lines == ["{\"id\":1}", "{\"id\":2,\"ti", "{\"id\":3}"])
}

@Test func afterAWholeLineNothingIsWrittenUntilSomethingHappens() throws {
  let place = Place()
  place.folder.write("{\"id\":1}\n", to: "events.jsonl")
  for _ in 0..<3 { _ = try place.open() }
  #expect(place.lines == ["{\"id\":1}"])
  _ = try place.open().append(bytes("{\"id\":2}\n"))
  #expect(place.lines == ["{\"id\":1}", "{\"id\":2}"])
}

@Test func aFileThatCannotBeTurnedOverDropsLinesRatherThanGrow() throws {
  let place = Place()
  // A folder that is not empty stands where the older half would go.
  place.folder.write("x", to: "events.jsonl.1/x")
  let file = try place.open()
  for n in 0..<500 { _ = file.append(line(n)) }
  let text = place.text(place.path)
  #expect(text.count <= 8 << 10 && text.last == 0x0A)
  #expect(file.dropped == 500 - UInt64(text.count / 100))
}

@Test func aLineAboveHalfTheBudgetIsDroppedAndNoOther() throws {
  let place = Place()
  let file = try place.open()
  _ = file.append(line(1))
  #expect(file.append(line(2, (8 << 10) + 1)) == 0)
  #expect(file.append(line(3, 8 << 10)) == 8 << 10)
  #expect(file.dropped == 1 && place.size <= 16 << 10)
  #expect(place.lines.map { $0.prefix(8) } == ["{\"id\":1,", "{\"id\":3,"])
}

@Test func aBudgetThatWasMadeSmallerIsKeptFromTheStart() throws {
  let place = Place()
  let large = try place.open(budget: 1 << 20)
  for n in 0..<9000 { _ = large.append(line(n)) }
  #expect(place.size > 600_000)
  let small = try place.open()
  #expect(place.size <= 16 << 10)
  var peak = 0
  for n in 0..<500 {
    _ = small.append(line(n))
    peak = max(peak, place.size)
  }
  #expect(peak <= 16 << 10)
  #expect(place.lines.last?.hasPrefix("{\"id\":499,") == true)
}

@Test func aLinkIsNotWrittenThrough() throws {
  let place = Place()
  place.folder.write("precious", to: "other")
  try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: place.folder.path + "/other")
  var errno: Int32 = 0
  var settings = JournalSettings()
  settings.file = bytes(place.path)
  #expect(JournalFile(settings, errno: &errno) == nil && errno == ELOOP)
  #expect(place.text(place.folder.path + "/other") == bytes("precious"))
  settings.file = bytes(place.folder.path + "/no/such/folder")
  #expect(JournalFile(settings, errno: &errno) == nil && errno == ENOENT)
  // None wanted is no failure.
  (settings.file, errno) = (nil, 0)
  #expect(JournalFile(settings, errno: &errno) == nil && errno == 0)
}

/// Needs a filesystem of its own, which only root may mount.
@Test(.enabled(if: geteuid() == 0)) func aFullFilesystemLeavesNoHalfLine() throws {
  let place = Place()
  try #require(mount("none", place.folder.path, "tmpfs", 0, "size=8k") == 0)
  defer { umount2(place.folder.path, Int32(MNT_DETACH)) }
  let file = try place.open(budget: 64 << 10)
  for n in 0..<4 { _ = file.append(line(n, 3000)) }
  #expect(place.lines.count == 2 && file.dropped == 2)
  try #require(mount("none", place.folder.path, "tmpfs", UInt(MS_REMOUNT), "size=64k") == 0)
  #expect(file.append(line(9)) == 100)
  #expect(place.lines.map { $0.prefix(8) } == ["{\"id\":0,", "{\"id\":1,", "{\"id\":9,"])
}

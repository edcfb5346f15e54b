import Actions
import CLinux
import Foundation
import Policy
import Samples
import Testing

@Test func namesOfArchivesAreReadAsTheyAreWritten() {
  let stem = bytes("messages")
  let states: [ArchiveFileName.State] = [
    .whole, .part(boot: 0x5F0C_1E22_A9B3_D471), .cut(end: 0x9F000, crc: 0x1C29_1CA3),
  ]
  for state in states {
    for gzip in [true, false] {
      for sequence in [1, 12_345_678, 1_234_567_890] as [UInt64] {
        let name = ArchiveFileName(sequence: sequence, gzip: gzip, state: state)
        #expect(ArchiveFileName(name.bytes(stem: stem), stem: stem) == name)
      }
    }
  }
  #expect(
    ArchiveFileName(sequence: 12, gzip: true, state: .whole).bytes(stem: stem) == bytes("messages.00000012.gz"))
}

@Test(arguments: [
  "messages", "messages.", "messages.1", "messages.12.gz", "messages.00000012.gz.old",
  "messages.18446744073709551615.gz", "messages.00000012.zip",
  "messages2.00000012", "other.00000012", "messages.00000012.part-", "messages.00000012.cut-12",
  "messages.00000012.cut-12-100000000", "messages.-0000012", "messages.00000012\n",
])
func aNameOfSomebodyElsesIsNotTakenForAnArchive(name: String) {
  #expect(ArchiveFileName(bytes(name), stem: bytes("messages")) == nil)
}

@Test func aDaysWearIsCountedFromItsFirstWrite() {
  var wear = WearMeter()
  let start = Instant(milliseconds: 5_000_000)
  #expect(wear.room(.kib(512), now: start) == .kib(512))
  wear.add(.kib(500), now: start)
  #expect(wear.room(.kib(512), now: start + .seconds(86_399)) == .kib(12))
  #expect(wear.room(nil, now: start) == ByteCount(.max))
  #expect(wear.room(.kib(512), now: start + .seconds(86_400)) == .kib(512))
}

/// A log on tmpfs with 10 000 lines, and a folder for its archives on another filesystem.
private final class Place {
  let disk: RAMDisk, folder: String, log: String
  let buffer = CutBuffer()
  init(_ text: Bytes = lines(0..<10_000)) throws {
    disk = try #require(RAMDisk("tmpfs", options: "mode=755"))
    folder = NSTemporaryDirectory() + "memwarden-archive-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    chmod(folder, 0o755)
    log = disk.path("log")
    try Data(text).write(to: URL(fileURLWithPath: log))
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

  func open(boot: UInt64 = 7, calls: ArchiveCalls = .live) throws(ArchiveTrouble) -> ArchiveFolder {
    let file = (try? LogFile(bytes(log)))?.opened.device ?? Device(major: 0, minor: 0)
    return try ArchiveFolder(bytes(folder), of: bytes("log"), on: file, boot: boot, buffer: buffer, calls: calls)
  }

  /// All lines of the archives in their order, then those in the log.
  func everything() throws -> Bytes {
    var all = Bytes()
    for name in names {
      #expect(!name.contains(".part-"))
      let path = folder + "/" + name
      all += name.contains(".gz") ? try gunzip(path) : contents(path)
    }
    return all + contents(log).drop { $0 == 0 }
  }

  /// What the agent does: archive all but the last `keep` bytes, cut, settle, in one go.
  func archive(
    gzip: Bool, keep: UInt64 = 100_000, allowance: ByteCount = ByteCount(.max), limit: ByteCount = ByteCount(.max),
    calls: ArchiveCalls = .live, cuts: FileCalls = .live
  ) throws {
    let folder = try open(calls: calls)
    let file = try LogFile(bytes(log))
    for name in folder.pending {
      guard case .cut(let end, let crc) = name.state else { continue }
      if try file.holds(upTo: end, crc: crc, buffer: buffer) {
        _ = try file.cut(by: .punch, keep: .zero, from: end, writersAppend: true, buffer: buffer, calls: cuts)
      }
      try folder.settle(name)
    }
    let head = try file.head(keep: ByteCount(keep), buffer: buffer)
    if head.isEmpty { return }
    let job = try Archiving(
      head, of: file.descriptor, into: folder, press: gzip ? buffer.press : nil, allowance: allowance, limit: limit,
      buffer: buffer)
    let deadline = Date() + 30
    while try job.step() != .ready { try #require(Date() < deadline) }
    _ = try file.cut(by: .punch, keep: .zero, from: job.end, writersAppend: true, buffer: buffer, calls: cuts)
    try job.settle()
  }
}

/// gzip(1), which is no part of this program.
private func gunzip(_ path: String) throws -> Bytes {
  let process = Process(), pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/bin/gzip")
  process.arguments = ["-dc"]
  process.standardInput = FileHandle(forReadingAtPath: path)
  process.standardOutput = pipe
  try process.run()
  let text = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  #expect(process.terminationStatus == 0)
  return Bytes(text)
}

@Suite(.serialized, .enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct ArchiveTests {
  @Test(arguments: [true, false])
  func theHeadGoesToTheArchiveAndOutOfTheLog(gzip: Bool) throws {
    let place = try Place()
    try place.archive(gzip: gzip)
    #expect(place.names == [gzip ? "log.00000001.gz" : "log.00000001"])
    #expect(try place.everything() == lines(0..<10_000))
    #expect(contents(place.log).drop { $0 == 0 }.count <= 100_000)
    try place.archive(gzip: gzip, keep: 1000)
    #expect(place.names.count == 2)
    #expect(try place.everything() == lines(0..<10_000))
  }

  @Test func textThatCannotBeCompressedAndLinesWithoutEndAreArchivedAsTheyAre() throws {
    var noise = Bytes((0..<300_000).map { _ in UInt8.random(in: 1...255) })
    noise += lines(0..<2000)
    let place = try Place(noise)
    try place.archive(gzip: true, keep: 1000)
    #expect(try place.everything() == noise)
  }

  /// Reading, creating, writing, two kinds of sync, two renames, removing; every call once, with and without the cut.
  @Test(arguments: 1...60)
  func whereverASystemCallFailsNothingIsLostAndNothingIsThereTwice(nth: Int) throws {
    let place = try Place(lines(0..<3000))
    let failing = FailingArchive(at: nth)
    let failed = (try? place.archive(gzip: nth % 2 == 0, keep: 20_000, calls: failing.calls, cuts: failing.cuts)) == nil
    #expect(failed == failing.hasFailed)
    // Whatever is left, the next start puts it in order.
    try place.archive(gzip: false, keep: 20_000)
    #expect(place.names.allSatisfy { !$0.contains(".part-") && !$0.contains(".cut-") })
    #expect(try place.everything() == lines(0..<3000))
  }

  @Test func aPartOfThisBootGoesForTheLogHasItsLines() throws {
    let place = try Place()
    try Data(lines(0..<500)).write(to: URL(fileURLWithPath: place.folder + "/log.00000004.part-7"))
    _ = try place.open(boot: 7)
    #expect(place.names == [])
  }

  @Test(arguments: [0, 1, 69, 70, 1000, 69_999])
  func aPartOfAnotherBootIsKeptUpToItsLastWholeLine(length: Int) throws {
    let place = try Place([])
    let torn = Bytes(lines(0..<1000)[..<length]) + Bytes(repeating: 0, count: 4096)
    try Data(torn).write(to: URL(fileURLWithPath: place.folder + "/log.00000004.part-6"))
    let folder = try place.open(boot: 7)
    #expect(folder.archives.count == (length < 70 ? 0 : 1))
    #expect(try place.everything() == lines(0..<length / 70))
  }

  @Test(arguments: [1, 100, 5000, 12_000])
  func aGzipPartOfAnotherBootIsKeptUpToItsLastWholeMember(missing: Int) throws {
    let place = try Place()
    try place.archive(gzip: true, keep: 1000)
    let whole = contents(place.folder + "/log.00000001.gz")
    unlink(place.folder + "/log.00000001.gz")
    try Data(whole.dropLast(missing)).write(to: URL(fileURLWithPath: place.folder + "/log.00000001.gz.part-6"))
    try Data().write(to: URL(fileURLWithPath: place.log))
    let folder = try place.open(boot: 7)
    #expect(folder.archives.map(\.name.sequence) == [1])
    let kept = try place.everything()
    #expect(kept.count % 70 == 0 && kept.count > 200_000)
    #expect(kept == lines(0..<kept.count / 70))
    // A byte that storage made of another is found too.
    var spoilt = whole
    spoilt[200] ^= 1
    try Data(spoilt).write(to: URL(fileURLWithPath: place.folder + "/log.00000009.gz.part-6"))
    #expect(try place.open(boot: 7).archives.count == 1)
  }

  @Test func numbersGoOnWhereTheHighestWas() throws {
    let place = try Place()
    for name in ["log.00000041.gz", "log.00000007", "log.moved", "log.00000099.gz.mine"] {
      try Data().write(to: URL(fileURLWithPath: place.folder + "/" + name))
    }
    try place.archive(gzip: false)
    #expect(place.names.contains("log.00000042"))
  }

  @Test func theOldestGoFirstAndTheNewestStays() throws {
    let place = try Place()
    for n in 1...6 { try place.archive(gzip: false, keep: UInt64(700_000 - n * 70_000)) }
    let folder = try place.open()
    try folder.prune(keep: 4, budget: .mib(1))
    #expect(place.names == (3...6).map { "log.0000000\($0)" })
    try folder.prune(keep: 4, budget: ByteCount(150_000))
    #expect(place.names == ["log.00000005", "log.00000006"])
    try folder.prune(keep: 4, budget: ByteCount(1))
    #expect(place.names == ["log.00000006"])
  }

  @Test func notMoreIsWrittenThanIsAllowedAndTheArchiveEndsThere() throws {
    let place = try Place()
    try place.archive(gzip: false, allowance: ByteCount(100_000))
    #expect(contents(place.folder + "/log.00000001").count <= 100_000)
    #expect(try place.everything() == lines(0..<10_000))
    #expect(throws: ArchiveTrouble.wearCap) { try place.archive(gzip: false, allowance: ByteCount(1000)) }
    #expect(place.names == ["log.00000001"])
    try place.archive(gzip: false, limit: ByteCount(50_000))
    #expect((50_000..<80_000).contains(contents(place.folder + "/log.00000002").count))
    #expect(try place.everything() == lines(0..<10_000))
  }

  @Test func aFolderThatIsNotSafeOrSavesNothingIsRefused() throws {
    let place = try Place()
    func trouble(_ folder: String) -> ArchiveTrouble? {
      do throws(ArchiveTrouble) {
        let device = (try? LogFile(bytes(place.log)))?.opened.device ?? Device(major: 0, minor: 0)
        _ = try ArchiveFolder(bytes(folder), of: bytes("log"), on: device, boot: 7, buffer: place.buffer)
        return nil
      } catch { return error }
    }
    #expect(trouble(place.folder) == nil)
    #expect(trouble(place.disk.folder) == .sameFileSystem)
    #expect(trouble(place.folder + "/none") == .folderMissing)
    chmod(place.folder, 0o777)
    #expect(trouble(place.folder) == .folderUnsafe)
    chmod(place.folder, 0o1777)
    #expect(trouble(place.folder) == .folderUnsafe)
    chmod(place.folder, 0o755)
    chown(place.folder, 1000, 1000)
    #expect(trouble(place.folder) == .folderUnsafe)
  }

  @Test func aLinkWithTheNameOfAPartIsNotFollowed() throws {
    let place = try Place(), secret = place.disk.path("secret")
    try Data(lines(0..<10)).write(to: URL(fileURLWithPath: secret))
    symlink(secret, place.folder + "/log.00000001.part-6")
    _ = try place.open()
    #expect(contents(secret) == lines(0..<10))
  }
}

/// Live calls, of which the Nth fails; those after it work.
private final class FailingArchive: @unchecked Sendable {
  private var left: Int
  private(set) var hasFailed = false
  init(at nth: Int) { left = nth }
  private func fails() -> Bool {
    left -= 1
    if left == 0 { hasFailed = true }
    return left == 0
  }
  var calls: ArchiveCalls {
    var calls = ArchiveCalls.live
    calls.read = { self.fails() ? -Int64(EIO) : ArchiveCalls.live.read($0, $1, $2, $3) }
    calls.create = { self.fails() ? -ENOSPC : ArchiveCalls.live.create($0, $1) }
    calls.write = { self.fails() ? -Int64(ENOSPC) : ArchiveCalls.live.write($0, $1, min($2, 10_000)) }
    calls.sync = { self.fails() ? -EIO : ArchiveCalls.live.sync($0) == 0 ? self.wait($0) : 1 }
    calls.syncDone = { _ in 1 }
    calls.syncNow = { self.fails() ? -EIO : ArchiveCalls.live.syncNow($0) }
    calls.rename = { self.fails() ? -EIO : ArchiveCalls.live.rename($0, $1, $2) }
    calls.remove = { self.fails() ? -EIO : ArchiveCalls.live.remove($0, $1) }
    return calls
  }
  private func wait(_ descriptor: Int32) -> Int32 {
    while ArchiveCalls.live.syncDone(descriptor) == 0 {}
    return 1
  }
  var cuts: FileCalls {
    var cuts = FileCalls.live
    cuts.punch = { self.fails() ? -Int64(EIO) : FileCalls.live.punch($0, $1, $2) }
    return cuts
  }
}

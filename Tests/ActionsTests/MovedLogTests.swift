import Actions
import CLinux
import Foundation
import Samples
import Testing

@Suite(.enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct MovedLogTests {
  let disk: RAMDisk
  let text = lines(0..<1000)
  init() throws {
    disk = try #require(RAMDisk("tmpfs", options: "mode=755"))
    try Data(text).write(to: URL(fileURLWithPath: disk.path("log")))
    chmod(disk.path("log"), 0o640)
    chown(disk.path("log"), 33, 4)
  }
  private func move(create: Bool = true, calls: MovingCalls = .live) throws -> MovedLog {
    try MovedLog.move(try LogFile(bytes(disk.path("log"))), create: create, calls: calls)
  }

  @Test func anEmptyFileOfTheSameOwnerAndModeFollows() throws {
    let moved = try move()
    #expect(contents(disk.path("log.moved")) == text)
    var status = stat()
    #expect(lstat(disk.path("log"), &status) == 0)
    #expect(status.st_size == 0 && status.st_mode & 0o7777 == 0o640 && status.st_uid == 33 && status.st_gid == 4)
    try moved.remove()
    #expect(access(disk.path("log.moved"), F_OK) != 0)
  }

  @Test func withoutCreateNothingFollows() throws {
    _ = try move(create: false)
    #expect(access(disk.path("log"), F_OK) != 0)
  }

  @Test func aNameThatIsTakenIsNotReplaced() throws {
    try Data(lines(5..<6)).write(to: URL(fileURLWithPath: disk.path("log.moved")))
    #expect(throws: LogRefusal.failed(.rename, errno: EEXIST)) { _ = try move() }
    #expect(contents(disk.path("log")) == text && contents(disk.path("log.moved")) == lines(5..<6))
  }

  @Test func whereNoFileCanBeMadeTheLogKeepsItsName() throws {
    var calls = MovingCalls.live
    calls.create = { _, _, _ in -ENOSPC }
    #expect(throws: LogRefusal.failed(.create, errno: ENOSPC)) { _ = try move(calls: calls) }
    #expect(contents(disk.path("log")) == text)
    #expect(access(disk.path("log.moved"), F_OK) != 0)
  }

  @Test func itGetsItsNameBack() throws {
    #expect(try move().putBack { _ in true })
    #expect(contents(disk.path("log")) == text)
    #expect(access(disk.path("log.moved"), F_OK) != 0)
    #expect(try move(create: false).putBack { _ in false })
    #expect(contents(disk.path("log")) == text)
  }

  @Test func whatAWriterPutUnderItsNameMeanwhileStays() throws {
    let moved = try move(create: false)
    try Data(lines(7..<8)).write(to: URL(fileURLWithPath: disk.path("log")))
    #expect(try !moved.putBack { _ in false })
    #expect(contents(disk.path("log")) == lines(7..<8) && contents(disk.path("log.moved")) == text)
    // A filesystem that cannot exchange.
    var calls = MovingCalls.live
    calls.exchange = { _, _, _ in -EINVAL }
    let found = try #require(try MovedLog.find(bytes(disk.path("log")), create: false, calls: calls))
    #expect(try !found.putBack { _ in true })
    #expect(contents(disk.path("log")) == lines(7..<8) && contents(disk.path("log.moved")) == text)
  }

  @Test func oneThatAFormerMemwardenLeftIsFound() throws {
    _ = try move()
    let found = try #require(try MovedLog.find(bytes(disk.path("log")), create: true))
    #expect(try found.file.status().size == ByteCount(70_000))
    try found.retire()
    #expect(contents(disk.path("log.moved.old")) == text)
    #expect(try MovedLog.find(bytes(disk.path("log")), create: true) == nil)
  }

  @Test func aFolderWhereOthersMayMakeNamesIsRefused() throws {
    chmod(disk.folder, 0o1777)
    chown(disk.path("log"), 0, 0)
    #expect(throws: LogRefusal.unsafeDirectory) { _ = try move() }
    #expect(contents(disk.path("log")) == text)
  }

  @Test func anotherFileUnderTheOldNameIsNotTouched() throws {
    let moved = try move()
    rename(disk.path("log.moved"), disk.path("mine"))
    try Data(lines(7..<8)).write(to: URL(fileURLWithPath: disk.path("log.moved")))
    #expect(throws: LogRefusal.swapped) { try moved.remove() }
    #expect(contents(disk.path("log.moved")) == lines(7..<8))
  }
}

// Deleting an archive: only the one that was looked at, behind the checks of a cut.
import CLinux
import Foundation
import Samples
import Testing

@testable import Actions

@Suite(.enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct RemovalTests {
  let disk: RAMDisk
  init() throws { disk = try #require(RAMDisk("tmpfs", options: "mode=755")) }

  private func make(_ name: String) throws -> (path: String, status: FileStatus) {
    let path = disk.path(name)
    try Data(lines(0..<100)).write(to: URL(fileURLWithPath: path))
    return (path, try LogFile(bytes(path)).status())
  }
  private func refusal(_ path: String, _ status: FileStatus) -> LogRefusal? {
    do throws(LogRefusal) {
      _ = try ArchiveRemoval.remove(bytes(path), expected: status)
      return nil
    } catch {
      return error
    }
  }

  @Test func theArchiveThatWasLookedAtGoes() throws {
    let (path, status) = try make("a.1")
    #expect(try ArchiveRemoval.remove(bytes(path), expected: status) == status.allocated)
    #expect(access(path, F_OK) != 0)
    #expect(refusal(path, status) == .gone)
  }

  @Test func anotherFileUnderItsNameStays() throws {
    let (path, status) = try make("a.1")
    rename(path, disk.path("a.2"))
    _ = try make("a.1")
    #expect(refusal(path, status) == .swapped)
    #expect(access(path, F_OK) == 0)
  }

  @Test func oneThatHasGrownStays() throws {
    var (path, status) = try make("a.1")
    status.size = ByteCount(1)
    #expect(refusal(path, status) == .swapped)
    #expect(access(path, F_OK) == 0)
  }

  @Test func linksAndFoldersAnybodyMayWriteToAreRefused() throws {
    let (path, status) = try make("a.1")
    symlink(path, disk.path("link.1"))
    #expect(refusal(disk.path("link.1"), status) == .symbolicLink)
    link(path, disk.path("hard.1"))
    #expect(refusal(path, status) == .hardLinked(count: 2))
    unlink(disk.path("hard.1"))
    chmod(disk.folder, 0o777)
    #expect(refusal(path, status) == .unsafeDirectory)
    chmod(disk.folder, 0o1777)
    chown(path, 1000, 1000)
    #expect(refusal(path, status) == .foreignOwner(uid: 1000))
    #expect(access(path, F_OK) == 0)
  }

  @Test func aFailureIsARefusalWithItsErrno() throws {
    let (path, status) = try make("a.1")
    #expect(throws: LogRefusal.failed(.unlink, errno: EROFS)) {
      try ArchiveRemoval.remove(bytes(path), expected: status, unlink: { _, _ in -EROFS })
    }
    #expect(access(path, F_OK) == 0)
  }
}

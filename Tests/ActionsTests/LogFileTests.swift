import Actions
import Foundation
import Policy
import Samples
import Testing

/// Every attack leaves its target byte for byte what it was.
@Suite(.enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct LogFileTests {
  let disk: RAMDisk
  let text = lines(0..<1000)
  init() throws { disk = try #require(RAMDisk("tmpfs", options: "mode=755")) }

  @discardableResult
  private func make(_ name: String) throws -> String {
    let path = disk.path(name)
    try Data(text).write(to: URL(fileURLWithPath: path))
    return path
  }
  private func refusal(_ path: String, writers: [UInt32] = []) -> LogRefusal? {
    do throws(LogRefusal) {
      _ = try LogFile(bytes(path), writers: writers)
      return nil
    } catch {
      return error
    }
  }

  @Test func aPlainLogIsOpened() throws {
    let file = try LogFile(bytes(try make("log")))
    #expect(file.kind == .tmpfs)
    #expect(try file.status().size == ByteCount(70_000))
  }

  @Test func aLinkInTheLastPlaceIsRefusedEvenIfRootMadeIt() throws {
    let target = try make("secret")
    symlink(target, disk.path("log"))
    #expect(refusal(disk.path("log")) == .symbolicLink)
    #expect(contents(target) == text)
  }

  @Test func aFolderThatIsRootsLinkIsFollowed() throws {
    // /var/log -> /tmp/log, relative and absolute, and one through another.
    mkdir(disk.path("real"), 0o755)
    try make("real/log")
    symlink("real", disk.path("relative"))
    symlink(disk.path("real"), disk.path("absolute"))
    symlink("../" + (disk.folder as NSString).lastPathComponent + "/relative/", disk.path("twice"))
    for folder in ["relative", "absolute", "twice"] {
      let file = try LogFile(bytes(disk.path(folder + "/log")))
      try file.verify()
    }
  }

  @Test func aFolderThatIsSomebodysLinkIsRefused() throws {
    mkdir(disk.path("real"), 0o755)
    let target = try make("real/log")
    symlink("real", disk.path("theirs"))
    lchown(disk.path("theirs"), 1000, 1000)
    #expect(refusal(disk.path("theirs/log")) == .symbolicLink)
    // Root's own link, but in a folder where anybody can put one.
    mkdir(disk.path("open"), 0o755)
    chmod(disk.path("open"), 0o1777)
    symlink(disk.path("real"), disk.path("open/link"))
    #expect(refusal(disk.path("open/link/log")) == .symbolicLink)
    #expect(contents(target) == text)
  }

  @Test func linksThatGoRoundInACircleEnd() throws {
    symlink("b", disk.path("a"))
    symlink("a", disk.path("b"))
    #expect(refusal(disk.path("a/log")) == .symbolicLink)
  }

  @Test func aHardLinkIsRefused() throws {
    let target = try make("secret")
    link(target, disk.path("log"))
    #expect(refusal(disk.path("log")) == .hardLinked(count: 2))
    #expect(contents(target) == text)
  }

  @Test func fifosDevicesAndFoldersAreRefusedWithoutBeingOpened() throws {
    mkfifo(disk.path("fifo"), 0o644)
    mknod(disk.path("device"), S_IFCHR | 0o600, 10 << 8 | 130)  // /dev/watchdog: opening it would arm it
    mkdir(disk.path("folder"), 0o755)
    for name in ["fifo", "device", "folder"] { #expect(refusal(disk.path(name)) == .notRegular) }
  }

  @Test func aFileThatIsNotOnRAMIsRefused() throws {
    // Regular, one link, and surely neither ramfs nor tmpfs.
    #expect(refusal("/proc/version") == .notOnRAM)
  }

  @Test func aFolderThatOthersMayWriteToIsRefusedUnlessSticky() throws {
    let path = try make("log")
    for mode in [0o777, 0o775, 0o2775] as [mode_t] {
      chmod(disk.folder, mode)
      #expect(refusal(path) == .unsafeDirectory)
    }
    chmod(disk.folder, 0o1777)
    #expect(refusal(path) == nil)
    #expect(contents(path) == text)
  }

  @Test func inAStickyFolderTheOwnerMustBeTheWriter() throws {
    let path = try make("log")
    chmod(disk.folder, 0o1777)
    chown(path, 4242, 4242)
    #expect(refusal(path) == .foreignOwner(uid: 4242))
    #expect(refusal(path, writers: [4242]) == nil)
    #expect(contents(path) == text)
  }

  @Test func whatIsMissingIsGone() {
    #expect(refusal(disk.path("none")) == .gone)
    #expect(refusal(disk.path("none/log")) == .gone)
    #expect(refusal("relative/log") == .notRegular)
  }

  @Test func aFileThatWasSwappedIsNotCut() throws {
    let path = try make("log")
    let file = try LogFile(bytes(path))
    rename(path, disk.path("log.1"))
    try make("log")
    #expect(throws: LogRefusal.swapped) {
      try file.cut(by: .truncate, keep: .zero, writersAppend: true, buffer: CutBuffer())
    }
    unlink(path)
    symlink("log.1", path)
    #expect(throws: LogRefusal.symbolicLink) {
      try file.cut(by: .truncate, keep: .zero, writersAppend: true, buffer: CutBuffer())
    }
    unlink(path)
    #expect(throws: LogRefusal.gone) {
      try file.cut(by: .truncate, keep: .zero, writersAppend: true, buffer: CutBuffer())
    }
    #expect(contents(disk.path("log.1")) == text)
  }

  @Test func aHardLinkMadeAfterOpeningStopsTheCut() throws {
    let path = try make("log")
    let file = try LogFile(bytes(path))
    link(path, disk.path("second"))
    #expect(throws: LogRefusal.hardLinked(count: 2)) {
      try file.cut(by: .punch, keep: .kib(16), writersAppend: true, buffer: CutBuffer())
    }
    #expect(contents(path) == text)
  }
}

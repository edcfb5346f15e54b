import Actions
import CLinux
import Foundation
import Policy
import Samples
import Testing

/// What is behind a descriptor is looked at again before it is touched.
@Suite(.enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct DeletedFileTests {
  private func status(_ descriptor: Int32) -> FileStatus {
    var s = stat()
    fstat(descriptor, &s)
    return FileStatus(
      device: Device(major: UInt32(s.st_dev >> 8 & 0xFFF), minor: UInt32(s.st_dev & 0xFF)), inode: UInt64(s.st_ino),
      links: UInt64(s.st_nlink), mode: s.st_mode, uid: s.st_uid, size: ByteCount(UInt64(s.st_size)),
      allocated: ByteCount(UInt64(s.st_blocks) * 512))
  }
  private func refusal(_ descriptor: Int32, _ expected: FileStatus) -> LogRefusal? {
    do throws(LogRefusal) {
      _ = try DeletedFile(pid: getpid(), descriptor: descriptor, expected: expected)
      return nil
    } catch { return error }
  }

  @Test(arguments: ["tmpfs", "ramfs"]) func aDeletedFileKeepsItsNewestLines(_ type: String) throws {
    let disk = try #require(RAMDisk(type))
    let file = open(disk.path("log"), O_RDWR | O_CREAT | O_APPEND, 0o600)
    defer { close(file) }
    let text = lines(0..<20_000)
    #expect(write(file, text, text.count) == text.count && unlink(disk.path("log")) == 0)
    let deleted = try DeletedFile(pid: getpid(), descriptor: file, expected: status(file))
    let report = try deleted.cut(
      by: cutMethod(on: deleted.kind, writersAppend: true), keep: .kib(100), writersAppend: true, buffer: CutBuffer())
    #expect(report.allocatedAfter <= .kib(104) && report.allocatedBefore.rawValue >= 1_400_000)
    #expect(status(file).allocated == report.allocatedAfter)
    var left = [UInt8](repeating: 0, count: text.count + 100)
    let n = pread(file, &left, left.count, 0)
    let found = LinesFound(Bytes(left[..<n]))
    #expect(found.numbers.last == 19_999 && found.torn == 0 && found.missing == 0 && found.numbers.count > 1000)
  }

  @Test func whatIsAnotherFileNowIsNotTouched() throws {
    let disk = try #require(RAMDisk("tmpfs"))
    let file = open(disk.path("log"), O_RDWR | O_CREAT, 0o600),
      other = open(disk.path("other"), O_RDWR | O_CREAT, 0o600)
    defer {
      close(file)
      close(other)
    }
    let seen = status(file)
    #expect(refusal(file, seen) == .hardLinked(count: 1), "it has its name again, or still")
    unlink(disk.path("log"))
    #expect(refusal(file, seen) == nil)
    // The process puts another file behind the number.
    dup2(other, file)
    #expect(refusal(file, seen) == .swapped)
    var pipes: [Int32] = [0, 0]
    pipe(&pipes)
    dup2(pipes[0], file)
    #expect(refusal(file, seen) == .swapped)
    #expect(refusal(pipes[0], status(pipes[0])) == .notRegular)
    close(pipes[0])
    close(pipes[1])
    #expect(refusal(pipes[0], seen) == .gone)
  }

  @Test func aDeletedFileOnADiskIsNotTouched() throws {
    let path = NSTemporaryDirectory() + "memwarden-deleted-\(getpid())"
    let file = open(path, O_RDWR | O_CREAT, 0o600)
    defer { close(file) }
    unlink(path)
    guard cut_filesystem(file) == 2 else { return }
    #expect(refusal(file, status(file)) == .notOnRAM)
  }
}

import Samples
import Testing

@testable import Kernel

private func file(_ inode: UInt64, _ size: UInt64, allocated: UInt64? = nil) -> FileStatus {
  FileStatus(
    device: Device(major: 0, minor: 40), inode: inode, links: 1, mode: 0o100644, uid: 0, size: ByteCount(size),
    allocated: ByteCount(allocated ?? (size + 4095) / 4096 * 4096))
}

@Test func nothingHasGrownBeforeTheSecondWalk() {
  var memory = SizeMemory()
  #expect(memory.gained(file(1, 5000)) == .zero)
  memory.endWalk(complete: true)
  #expect(memory.gained(file(1, 5070)) == ByteCount(70))
  #expect(memory.gained(file(2, 100)) == ByteCount(100), "new since")
  memory.endWalk(complete: true)
  #expect(memory.gained(file(1, 10)) == ByteCount(10), "cut, and written again")
}

@Test func theLeapOfAWriterWithoutAppendIsNoGrowth() {
  var memory = SizeMemory()
  _ = memory.gained(file(1, 10 << 30, allocated: 0))
  memory.endWalk(complete: true)
  #expect(memory.gained(file(1, 11 << 30, allocated: 4096)) == .kib(8))
  memory.endWalk(complete: true)
  // Reading a hole on ramfs fills it.
  #expect(memory.gained(file(1, 11 << 30, allocated: 40_960)) == .kib(36))
}

@Test func filesThatWentAreForgottenAndPlacesUsedAgain() {
  var memory = SizeMemory()
  for round in 0..<50 as Range<UInt64> {
    for i in 0..<500 as Range<UInt64> { _ = memory.gained(file(round * 500 + i + 1, 4096)) }
    memory.endWalk(complete: true)
  }
  _ = memory.gained(file(49 * 500 + 1, 4096))
  #expect(memory.gained(file(49 * 500 + 2, 8192)) == ByteCount(4096))
}

@Test func ofTooManyFilesTheLargeOnesAreFollowed() {
  var memory = SizeMemory()
  for walk in 0..<3 as Range<UInt64> {
    for i in 1...5000 as ClosedRange<UInt64> { _ = memory.gained(file(i, 10)) }
    let gained = memory.gained(file(9999, 100_000 + walk * 700))
    if walk == 2 { #expect(gained == ByteCount(700)) }
    memory.endWalk(complete: true)
  }
}

@Test func theLinesOfSharedMemoryAreUnderstoodOldAndNew() {
  let new = """
           key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
             0          7  1600                524288  1234  1300      2  1000   100  1000   100 1700000000          0 1700000000                  8192                  4096
     -559038737     65538   666  18446744073692774399     0     0      0     0     0     0     0          0          0          0                     0                     0

    """
  var found: [SharedSegment] = []
  #expect(forEachSegment(Array(new.utf8).span) { found.append($0) })
  #expect(found.count == 2)
  #expect(
    found.first
      == SharedSegment(id: 7, size: .kib(512), resident: .kib(12), creator: 1234, uid: 1000, attached: 2))
  #expect(found.last?.id == 65538 && found.last?.held == .zero)

  let old = "key shmid\n 1 2 600 4096 5 6 1 0 0 0 0 1 2 3\n 3 4 600 8192 5 6 1 0 0 0 0 1 2 3\n"
  found = []
  #expect(forEachSegment(Array(old.utf8).span) { found.append($0) })
  #expect(found.map(\.size) == [.kib(4), .kib(8)] && found.allSatisfy { $0.resident == nil })
  #expect(!forEachSegment(Array("key\n 1 x 600\n".utf8).span) { _ in })
  #expect(forEachSegment(Array("key shmid\n".utf8).span) { _ in Issue.record("no segment") })
}

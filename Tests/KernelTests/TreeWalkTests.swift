import Foundation
import Samples
import Testing

@testable import Kernel

private func finished(_ walk: TreeWalk, slice: Int = 100) -> Int {
  var steps = 1
  while !walk.step(entries: slice) { steps += 1 }
  return steps
}

/// Needs the right to mount: nothing else behaves as a ramfs does.
@Suite(.enabled(if: mayMount)) struct TreeWalkTests {
  @Test(arguments: ["ramfs", "tmpfs"]) func aThousandFilesOfTwoBytesHoldAThousandPages(_ type: String) throws {
    let ram = try #require(RamMount(type))
    for i in 0..<1000 { ram.folder.write("d/\(i)", "ab") }
    let walk = TreeWalk(mount: ram.entry)
    #expect(!walk.usage.complete)
    #expect(finished(walk, slice: 10) >= 10)
    #expect(walk.usage.complete)
    #expect(walk.usage.used == .kib(4000))
    #expect(walk.usage.files == 1002)
    #expect(walk.largest.count == 8)
  }

  @Test func aSecondWalkInSlicesSeesWhatCameSince() throws {
    let ram = try #require(RamMount("ramfs"))
    for i in 0..<300 { ram.folder.write("a\(i)", "x") }
    let walk = TreeWalk(mount: ram.entry)
    _ = finished(walk)
    let before = walk.usage
    for i in 0..<300 { ram.folder.write("b\(i)", "x") }
    #expect(walk.isFinished && walk.step(entries: 1))
    walk.restart()
    // What was known stays known while the next walk is under way.
    #expect(!walk.isFinished && !walk.step(entries: 100))
    #expect(walk.usage == before && !walk.isFinished)
    _ = finished(walk)
    #expect(walk.usage.files == before.files + 300)
  }

  @Test(arguments: ["ramfs", "tmpfs"]) func linksCountOnceAndHolesNotAtAll(_ type: String) throws {
    let ram = try #require(RamMount(type))
    let path = ram.folder.path
    ram.folder.write("a", String(repeating: "x", count: 100_000))
    link(path + "/a", path + "/b")
    ram.folder.link("c", to: "/etc")
    ram.folder.write("sparse", "")
    truncate(path + "/sparse", 1 << 30)
    let fd = open(path + "/sparse", O_WRONLY)
    pwrite(fd, "end", 3, (1 << 30) - 3)
    close(fd)
    let walk = TreeWalk(mount: ram.entry)
    _ = finished(walk)
    #expect(walk.usage.complete)
    #expect(walk.usage.used.rawValue >= 25 * 4096 + 4096 && walk.usage.used.rawValue <= 27 * 4096)
    try #require(walk.largest.count == 2)
    #expect(walk.largest[0].size == ByteCount(100_000) && walk.largest[1].size == ByteCount(1 << 30))
    #expect(walk.largest[1].path == ram.folder.bytes("sparse"))
    #expect(walk.largest[1].allocated == .kib(4))
    #expect(walk.sums.regularFiles == 2 && walk.sums.apparent == ByteCount(1 << 30 + 100_000))
    #expect(walk.sums.exact == ByteCount(104_096) && walk.sums.rounding == ByteCount(25 * 4096 - 100_000))
  }

  @Test(arguments: ["ramfs", "tmpfs"]) func whatGrewSinceTheLastWalkIsNamed(_ type: String) throws {
    let ram = try #require(RamMount(type))
    for i in 0..<20 { ram.folder.write("still/\(i)", "x") }
    ram.folder.write("slow", "x")
    ram.folder.write("deep/er/fast", "x")
    let walk = TreeWalk(mount: ram.entry)
    _ = finished(walk)
    #expect(walk.growers.isEmpty, "nothing is known before the second walk")
    func append(_ name: String, _ count: Int) {
      let file = open(ram.folder.path + "/" + name, O_WRONLY | O_APPEND)
      write(file, [UInt8](repeating: 0x78, count: count), count)
      close(file)
    }
    append("slow", 70)
    append("deep/er/fast", 7000)
    ram.folder.write("new", String(repeating: "x", count: 500))
    walk.restart()
    _ = finished(walk, slice: 3)
    try #require(walk.growers.count == 3)
    #expect(walk.growers[0].path == ram.folder.bytes("deep/er/fast") && walk.growers[0].rank == ByteCount(7000))
    #expect(walk.growers[1].path == ram.folder.bytes("new") && walk.growers[1].rank == ByteCount(500))
    #expect(walk.growers[2].rank == ByteCount(70))
    walk.restart()
    _ = finished(walk)
    #expect(walk.growers.isEmpty)
  }

  @Test func theWalkAgreesWithStatfsWhereThatKnows() throws {
    let ram = try #require(RamMount("tmpfs", options: "size=8m,nr_inodes=500"))
    for i in 0..<40 { ram.folder.write("\(i % 5)/x/\(i)", String(repeating: "y", count: i * 1000)) }
    let usage = try live.reader.usage(of: ram.entry)
    let walk = TreeWalk(mount: ram.entry)
    _ = finished(walk, slice: 7)
    #expect(usage.size == .mib(8) && usage.filesMaximum == 500)
    #expect(walk.usage.used == usage.used)
    #expect(walk.usage.files == usage.files)
  }

  @Test func statfsOfARamfsIsUnsupportedNotEmpty() throws {
    let ram = try #require(RamMount("ramfs"))
    #expect(absence { () throws(Absence) in try live.reader.usage(of: ram.entry) } == .unsupported)
    let unbounded = try #require(RamMount("tmpfs", options: "size=0"))
    #expect(absence { () throws(Absence) in try live.reader.usage(of: unbounded.entry) } == .unsupported)
  }

  @Test func theWalkStaysOnItsFilesystem() throws {
    let outer = try #require(RamMount("ramfs"))
    outer.folder.write("inner/.keep", "")
    #expect(mount("none", outer.folder.path + "/inner", "tmpfs", 0, "") == 0)
    defer { umount2(outer.folder.path + "/inner", Int32(MNT_DETACH)) }
    outer.folder.write("inner/big", String(repeating: "x", count: 1_000_000))
    let walk = TreeWalk(mount: outer.entry)
    _ = finished(walk)
    #expect(walk.usage.complete && walk.usage.used == .zero)
  }

  @Test func theLastResultStaysUntilTheNextOne() throws {
    let ram = try #require(RamMount("ramfs"))
    ram.folder.write("a", "1")
    let walk = TreeWalk(mount: ram.entry)
    _ = finished(walk)
    ram.folder.write("b", "1")
    walk.restart()
    #expect(!walk.step(entries: 1))
    #expect(walk.usage.complete && walk.usage.used == .kib(4))
    _ = finished(walk)
    #expect(walk.usage.used == .kib(8))
  }

  @Test func aMountThatIsNotThereIsNotAnEmptyOne() {
    let gone = Mount(
      device: Device(major: 0, minor: 1), root: Bytes("/"), point: Bytes("/nonexistent"), kind: .ramfs, readOnly: false)
    let walk = TreeWalk(mount: gone)
    _ = finished(walk)
    #expect(!walk.usage.complete)
  }
}

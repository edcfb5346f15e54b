// What only the ledger reads, on recorded trees: old kernels, lines that are not there, text that is cut or hostile.
import Foundation
import Samples
import Testing

@testable import Kernel

@Test func theRestOfMemInfoIsReadAndWhatIsNotThereIsNotZero() throws {
  let modern = try recorded("modern").memInfoRest()
  #expect(modern[.activeFile] == .kib(743_676) && modern[.inactiveFile] == .kib(624_980))
  #expect(modern[.vmallocUsed] == .kib(14_452) && modern[.vmallocChunk] == .zero)
  #expect(modern[.zswap] == .zero && modern[.secondaryPageTables] == .zero && modern[.hugetlb] == .zero)
  #expect(modern[.hugePages] == .zero && modern[.hugePageSize] == .mib(2))
  let old = try recorded("linux44").memInfoRest()
  for i in 0..<MemInfoRest.count { #expect(old[MemInfoRest.Line(rawValue: UInt8(i))!] == nil) }
}

@Test func aMemInfoCutAnywhereIsMalformedOrLacksLines() throws {
  let text = Array("Active(file):   12 kB\nHugePages_Total:       3\nHugepagesize:       2048 kB\n".utf8)
  for length in 0..<text.count {
    let parsed = parseMemInfoRest(Array(text[..<length]).span)
    #expect((parsed == nil) == (length == 0 || text[length - 1] != 0x0A))
  }
  let whole = parseMemInfoRest(text.span)
  let rest = try #require(whole)
  #expect(rest[.activeFile] == .kib(12) && rest[.hugePages] == ByteCount(3) && rest[.hugePageSize] == .mib(2))
  for bad in ["Zswap: much\n", "Hugetlb:\n"] { #expect(parseMemInfoRest(Array(bad.utf8).span) == nil) }
}

@Test func aProcessIsBookedByItsSharesOrByAnEstimateThatSaysSo() throws {
  let modern = try recorded("modern").share(100)
  #expect(modern.anonymous == .kib(108) && modern.file == .kib(178) && modern.shared == .zero && !modern.isEstimate)
  // A PSS that is not taken apart: Anonymous stands in.
  let old = try recorded("linux44").share(100)
  #expect(old.anonymous == .kib(2000) && old.file == .kib(100) && old.swap == .kib(64) && old.isEstimate)
  // Neither rollup nor mappings: RSS.
  let poor = try recorded("modern").share(900)
  #expect(poor.anonymous == .kib(108) && poor.isEstimate)
  #expect(absence { () throws(Absence) in try recorded("modern").share(200) } == .zombie)
  #expect(absence { () throws(Absence) in try recorded("modern").share(300) } == .kernelThread)
  #expect(absence { () throws(Absence) in try recorded("modern").share(4711) } == .gone)
}

@Test func whatAForkedChildSharesWithItsParentIsNotBookedTwice() throws {
  let folder = TemporaryFolder()
  folder.write(
    "proc/7/stat", "7 (a) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 1000000 100 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0\n")
  // 100 MB of a parent with four such children: Anonymous counts them in full.
  folder.write(
    "proc/7/smaps_rollup",
    "00-ff ---p 00000000 00:00 0 [rollup]\nRss: 102400 kB\nPss: 20480 kB\nAnonymous: 102400 kB\nLazyFree: 480 kB\nSwap: 0 kB\n"
  )
  let share = try KernelReader(roots: Roots(prefix: folder.bytes)).share(7)
  #expect(share.anonymous == .kib(20_000) && share.lazyFree == .kib(480) && share.file == .zero && share.isEstimate)
}

@Test func socketsAndZramAreReadOrAbsent() throws {
  #expect(absence { () throws(Absence) in try recorded("linux44").tcpMemory() } == .unsupported)
  #expect(recorded("linux44").zramMemory() == nil)
  let folder = TemporaryFolder()
  folder.write("proc/net/sockstat", "sockets: used 11\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 83\nUDP: inuse 0 mem 9\n")
  folder.write(
    "sys/block/zram0/mm_stat", "    4096       74    12288        0    12288        0        0        0        0\n")
  folder.write("sys/block/zram11/mm_stat", "4096 74 4096 0\n")
  folder.write(
    "proc/zoneinfo",
    "Node 0, zone      DMA\n  pages free     3840\n  pagesets\n    cpu: 0\n              count:    8655\n"
      + "              high:     9000\n    cpu: 1\n              count:    45\n  start_pfn: 1\n")
  let reader = KernelReader(roots: Roots(prefix: folder.bytes))
  #expect(try reader.freeOnCPULists() == ByteCount(8700 * reader.pageSize))
  #expect(parseCPULists(Array("pages free 1\n".utf8).span) == nil && parseCPULists(Array("count: x".utf8).span) == nil)
  #expect(try reader.tcpMemory() == ByteCount(83 * reader.pageSize))
  #expect(reader.zramMemory() == .kib(16))
  for text in [
    "", "TCP:", "TCP: inuse 1\nUDP: inuse 0 mem 5\n", "TCP: mem", "TCP: inuse 1 mem x\n", "sockets: mem 1\n",
  ] {
    #expect(parseTCPPages(Array(text.utf8).span) == nil, "\(text)")
  }
}

@Test func mountsWithSomebodyBehindThemAreIndirect() throws {
  let types = [
    "ext4": false, "fuse.sshfs": true, "fuseblk": true, "nfs4": true, "cifs": true, "9p": true, "overlay": true,
    "ubifs": false,
  ]
  for (type, isIndirect) in types {
    let line = Array("31 23 0:28 / /mnt rw shared:1 - \(type) source rw\n".utf8)
    let mounts = parseMounts(line.span)
    #expect(mounts?.first?.isIndirect == isIndirect, "\(type)")
  }
}

@Test func theCachedBytesOfAFileThatWasJustWrittenAreKnown() throws {
  let folder = TemporaryFolder()
  folder.write("file", String(repeating: "x", count: 3 << 20))
  let file = open(folder.path + "/file", O_RDONLY | O_CLOEXEC)
  defer { close(file) }
  do throws(Absence) {
    let bytes = try live.reader.cachedBytes(getpid(), descriptor: file, size: .mib(3))
    #expect(bytes > .zero && bytes <= .mib(3))
  } catch { #expect(error == .unsupported || error == .denied) }
  #expect(
    absence { () throws(Absence) in try live.reader.cachedBytes(getpid(), descriptor: 9999, size: .mib(3)) } != nil)
}

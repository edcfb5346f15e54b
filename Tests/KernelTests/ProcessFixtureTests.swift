import Foundation
import Samples
import Testing

@testable import Kernel

@Test func aProcessOfAModernKernelIsExactFromItsRollup() throws {
  let footprint = try recorded("modern").footprint(of: Identity(pid: 100, startTicks: 236069))
  #expect(footprint.rss == .exact(.kib(1848)))
  #expect(footprint.pss == .exact(.kib(286)))
  #expect(footprint.uss == .exact(.kib(36 + 108)))
  #expect(footprint.anon == .exact(.kib(108)))
  #expect(footprint.swap == .exact(.zero))
}

@Test func anotherStartTimeIsAnotherProcess() {
  let reader = recorded("modern")
  #expect(absence { () throws(Absence) in try reader.footprint(of: Identity(pid: 100, startTicks: 236068)) } == .gone)
}

@Test func withoutARollupTheMappingsAreSummed() throws {
  let sums = try recorded("linux44").rollup(100)
  #expect(sums.rss == .kib(2200))
  #expect(sums.pss == .kib(2100))
  #expect(sums.uss == .kib(2000))
  #expect(sums.anonymous == .kib(2000))
  #expect(sums.swap == .kib(128) && sums.swapPss == .kib(64))
}

@Test func theSumDoesNotDependOnWhereThePiecesAreCut() throws {
  let path = Bundle.module.resourcePath! + "/Fixtures/linux44/proc/100/smaps"
  let text = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  for piece in 1...200 {
    var sum = SmapsSum()
    var kept = Bytes()
    for start in stride(from: 0, to: text.count, by: piece) {
      kept += text[start..<min(start + piece, text.count)]
      let taken = sum.take(kept.span)
      kept.removeFirst(try #require(taken))
    }
    #expect(sum.result?.uss == .kib(2000))
  }
}

@Test func neitherRollupNorMappingsLeaveAnEstimateMarkedAsOne() throws {
  let footprint = try recorded("modern").footprint(of: Identity(pid: 900, startTicks: 236069))
  #expect(footprint.rss == .estimate(.kib(462 * 4)))
  #expect(footprint.uss == .estimate(.kib(27 * 4)))
  #expect(footprint.anon == .estimate(.kib(108)))
  #expect(footprint.swap == .estimate(.zero))
  #expect(footprint.pss == .absent(.unsupported))
}

@Test func aZombieAndAKernelThreadAreNotZeroBytes() {
  let reader = recorded("modern")
  #expect(absence { () throws(Absence) in try reader.statm(200) } == .zombie)
  #expect(absence { () throws(Absence) in try reader.rollup(200) } == .zombie)
  #expect(absence { () throws(Absence) in try reader.footprint(of: Identity(pid: 200, startTicks: 236070)) } == .zombie)
  #expect(absence { () throws(Absence) in try reader.statm(300) } == .kernelThread)
  #expect(absence { () throws(Absence) in try reader.rollup(300) } == .kernelThread)
  #expect(absence { () throws(Absence) in try KeptProcess(reader: reader, pid: 300) } == .kernelThread)
}

@Test func aLeaderThatExitedIsReadThroughALiveThread() throws {
  let reader = recorded("modern")
  let footprint = try reader.footprint(of: Identity(pid: 400, startTicks: 236069))
  #expect(footprint.rss == .exact(.kib(1488)))
  #expect(footprint.uss == .exact(.kib(248)))
  #expect(try reader.statm(400).resident == .kib(372 * 4))
  #expect(try KeptProcess(reader: reader, pid: 400).statm().resident == .kib(372 * 4))
}

@Test func aCommWithABracketAndANewlineDoesNotShiftTheFields() throws {
  let stat = try recorded("modern").stat(500)
  #expect(stat.comm.equals(Array(") R 1 1 (\n\"x".utf8)))
  #expect(stat.state == UInt8(ascii: "S"))
  #expect(stat.parent == 100)
  #expect(stat.startTicks == 236069)
}

@Test(arguments: [Int32(600), 700]) func emptyAndTruncatedFilesAreMalformedNeverZero(_ pid: Int32) {
  let reader = recorded("modern")
  #expect(absence { () throws(Absence) in try reader.stat(pid) } == .malformed)
  #expect(absence { () throws(Absence) in try reader.status(pid) } == .malformed)
  #expect(absence { () throws(Absence) in try reader.rollup(pid) } == .malformed)
  #expect(absence { () throws(Absence) in try reader.isInCgroup(pid, Bytes("/")) } == .malformed)
  #expect(absence { () throws(Absence) in try reader.statm(pid) } == .malformed)
}

@Test func everyTruncationOfEveryFileIsSurvived() throws {
  let folder = Bundle.module.resourcePath! + "/Fixtures/modern/proc/"
  func text(_ name: String) throws -> Bytes { try Array(Data(contentsOf: URL(fileURLWithPath: folder + name))) }
  let stat = try text("500/stat")
  for n in 0..<stat.count { _ = parseStat(stat.span.extracting(0..<n)) }
  let whole = try text("100/smaps_rollup")
  for n in 0..<whole.count {
    var sum = SmapsSum()
    let taken = sum.take(whole.span.extracting(0..<n))
    // Whatever says it is whole has every figure that uss is made of.
    if taken == n, let sums = sum.result { #expect(sums.uss == .kib(144)) }
  }
  for name in ["meminfo", "vmstat", "loadavg", "pressure/memory", "self/mountinfo", "100/status", "100/cgroup"] {
    let all = try text(name)
    for n in 0..<all.count {
      let cut = all.span.extracting(0..<n)
      _ = parseMemInfo(cut)
      _ = parseVMStat(cut)
      _ = parseLastPid(cut)
      _ = parsePressure(cut)
      _ = parseMounts(cut)
      _ = parseStatus(cut)
      _ = forEachCgroup(cut) { _ in }
    }
  }
}

@Test func figuresAtTheEdgeOfSixtyFourBitsSaturate() throws {
  let reader = recorded("modern")
  #expect(try reader.stat(800).startTicks == .max)
  #expect(try reader.statm(800).resident == ByteCount(.max))
  #expect(try reader.status(800).rss == ByteCount(.max))
  #expect(try reader.status(800).effectiveUid == .max)
  let sums = try reader.rollup(800)
  #expect(sums.uss == ByteCount(.max))
  #expect(sums.pss == ByteCount(18_014_398_509_481_983 * 1024))
  #expect(sums.swapPss == .kib(1))
}

@Test func aLazilyFreedPageIsNotUnique() throws {
  let text = Bytes("Rss: 900 kB\nPss: 900 kB\nPrivate_Dirty: 900 kB\nLazyFree: 300 kB\nSwap: 0 kB\n")
  var sum = SmapsSum()
  #expect(sum.take(text.span) == text.count)
  #expect(sum.result?.uss == .kib(600))
}

@Test func theStatusOfAnOldKernelLacksWhatItLacks() throws {
  let status = try recorded("linux44").status(100)
  #expect(status.uid == 33 && status.threads == 1)
  #expect(status.highWaterMark == .kib(3700) && status.rss == .kib(3600) && status.swap == .kib(128))
  #expect(status.rssAnon == nil)
}

@Test func aCommandLineIsOneLineOfText() throws {
  var line = Bytes()
  try recorded("linux44").commandLine(100, into: &line)
  #expect(line == Bytes("/usr/sbin/lighttpd -f /etc/lighttpd/lighttpd.conf"))
  try recorded("modern").commandLine(200, into: &line)
  #expect(line.isEmpty)
}

@Test func aReplacedExecutableKeepsItsName() throws {
  let tree = TemporaryFolder()
  tree.write("proc/7/x", "")
  tree.link("proc/7/exe", to: "/usr/sbin/lighttpd (deleted)")
  var file = Bytes()
  try KernelReader(roots: Roots(prefix: tree.bytes)).executable(7, into: &file)
  #expect(file == Bytes("/usr/sbin/lighttpd"))
}

@Test func processesAreTheNumericNames() throws {
  var pids: [Int32] = []
  try recorded("modern").forEachProcess { pids.append($0) }
  #expect(pids.sorted() == [1, 100, 200, 300, 400, 500, 600, 700, 800, 900])
}

@Test func aVanishedProcessIsGone() {
  let reader = recorded("modern")
  #expect(absence { () throws(Absence) in try reader.stat(4711) } == .gone)
  #expect(absence { () throws(Absence) in try reader.rollup(4711) } == .gone)
  #expect(absence { () throws(Absence) in try reader.descriptorCount(4711) } == .gone)
}

/// Needs root, to have rights to lose: setfsuid drops the file rights of this thread only.
@Test(.enabled(if: geteuid() == 0)) func aDeniedRollupIsAnEstimateWithTheReason() throws {
  let tree = TemporaryFolder()
  let source = Bundle.module.resourcePath! + "/Fixtures/modern/proc/100"
  try FileManager.default.createDirectory(atPath: tree.path + "/proc", withIntermediateDirectories: true)
  try FileManager.default.copyItem(atPath: source, toPath: tree.path + "/proc/100")
  chmod(tree.path + "/proc/100/smaps_rollup", 0o400)
  let reader = KernelReader(roots: Roots(prefix: tree.bytes))
  let before = setfsuid(65534)
  let rollup = absence { () throws(Absence) in try reader.rollup(100) }
  let footprint = try? reader.footprint(of: Identity(pid: 100, startTicks: 236069))
  let descriptors = absence { () throws(Absence) in try live.reader.descriptorCount(1) }
  _ = setfsuid(uid_t(before))
  #expect(rollup == .denied)
  #expect(footprint?.uss == .estimate(.kib(27 * 4)))
  #expect(footprint?.pss == .absent(.denied))
  #expect(descriptors == .denied)
}

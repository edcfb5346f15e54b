import Foundation
import Samples
import Testing

@testable import Kernel

@Test func memoryThatIsTouchedIsUnique() throws {
  let reader = live.reader
  let me = Identity(pid: getpid(), startTicks: try reader.stat(getpid()).startTicks)
  // So much that what other tests allocate and free meanwhile stays small beside it.
  let size = 256 << 20
  let before = try #require(try reader.footprint(of: me).uss.bytes)
  let block = try #require(mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
  memset(block, 1, size)
  let after = try #require(try reader.footprint(of: me).uss.bytes)
  munmap(block, size)
  let grown = (after - before).rawValue
  #expect(grown >= 224 << 20 && grown <= 288 << 20)
}

@Test func theSumOverMappingsIsTheRollup() throws {
  let child = Child("/bin/sleep", "100")
  let reader = live.reader
  // Asleep is the only thing it does after the loader has finished touching pages.
  #expect(
    eventually {
      guard let stat = try? reader.stat(child.pid) else { return false }
      return stat.comm.equals(Bytes("sleep")) && stat.state == UInt8(ascii: "S")
    })
  let exact = try reader.rollup(child.pid)
  let tree = TemporaryFolder()
  for file in ["smaps", "stat"] {
    tree.write("proc/7/\(file)", "")
    // Not through Foundation, which takes one page of it for the whole.
    Child("/bin/cp", "/proc/\(child.pid)/\(file)", tree.path + "/proc/7/\(file)").reap()
  }
  let sum = try KernelReader(roots: Roots(prefix: tree.bytes)).rollup(7)
  #expect(sum.rss == exact.rss && sum.privateDirty == exact.privateDirty && sum.anonymous == exact.anonymous)
  // Shares are rounded down to kB per mapping.
  #expect(sum.pss <= exact.pss && exact.pss - sum.pss <= .kib(64))
}

@Test func aSmapsFileOfMegabytesIsSummedInOneSmallBuffer() throws {
  let old = try Data(contentsOf: URL(fileURLWithPath: Bundle.module.resourcePath! + "/Fixtures/linux44/proc/100/smaps"))
  let tree = TemporaryFolder()
  let text = String(decoding: old, as: UTF8.self)
  tree.write("proc/7/smaps", String(repeating: text, count: 2000))
  tree.write("proc/7/stat", "7 (x) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n")
  let reader = KernelReader(roots: Roots(prefix: tree.bytes))
  #expect(try reader.rollup(7).uss == .kib(2000 * 2000))
  #expect(reader.buffer.count == 8192)
}

@Test func aKeptProcessAnswersGoneAfterItsEnd() throws {
  let child = Child("/bin/sleep", "100")
  let kept = try KeptProcess(reader: live.reader, pid: child.pid)
  #expect(kept.identity.pid == child.pid)
  #expect(try kept.statm().resident > .zero)
  child.kill()
  #expect(eventually { absence { () throws(Absence) in try kept.statm() } == .zombie })
  #expect(absence { () throws(Absence) in try live.reader.footprint(of: kept.identity) } == .zombie)
  child.reap()
  #expect(absence { () throws(Absence) in try kept.statm() } == .gone)
  #expect(absence { () throws(Absence) in try live.reader.footprint(of: kept.identity) } == .gone)
}

/// Needs a C compiler: no program at hand leaves its first thread while others live.
@Test(.enabled(if: access("/usr/bin/cc", X_OK) == 0)) func aRealLeaderThatExitedStillHasItsMemory() throws {
  let folder = TemporaryFolder()
  folder.write(
    "leader.c",
    """
    #include <pthread.h>
    #include <stdlib.h>
    #include <unistd.h>
    static void *work(void *p) {
      volatile char *m = malloc(8 << 20);
      for (int i = 0; i < 8 << 20; i += 4096) m[i] = 1;
      pause();
      return (void *)m;
    }
    int main(void) {
      pthread_t t;
      pthread_create(&t, 0, work, 0);
      pthread_exit(0);
    }
    """)
  let compiler = Child("/usr/bin/cc", "-o", folder.path + "/leader", folder.path + "/leader.c", "-pthread")
  compiler.reap()
  let child = Child(folder.path + "/leader")
  let reader = live.reader
  #expect(eventually { (try? reader.stat(child.pid).isDead) == true })
  let id = Identity(pid: child.pid, startTicks: try reader.stat(child.pid).startTicks)
  #expect(eventually { ((try? reader.footprint(of: id))?.uss.bytes ?? .zero) > .mib(8) })
  #expect(try KeptProcess(reader: reader, pid: child.pid).statm().resident > .mib(8))
}

@Test func everyHolderIsFoundWithTheWayItWrites() throws {
  let folder = TemporaryFolder()
  folder.write("log", "12345")
  let path = folder.path + "/log"
  let appends = open(path, O_WRONLY | O_APPEND), writes = open(path, O_RDWR), reads = open(path, O_RDONLY)
  defer { for fd in [appends, writes, reads] { close(fd) } }
  lseek(writes, 3, SEEK_SET)
  let reader = live.reader
  let status = try reader.fileStatus(folder.bytes("log"))
  let holders = reader.holders(of: status).holders.filter { $0.identity.pid == getpid() }
  let me = Identity(pid: getpid(), startTicks: try reader.stat(getpid()).startTicks)
  let expected = [
    FileHolder(identity: me, descriptor: appends, writes: true, appends: true, position: 0),
    FileHolder(identity: me, descriptor: writes, writes: true, appends: false, position: 3),
    FileHolder(identity: me, descriptor: reads, writes: false, appends: false, position: 0),
  ]
  #expect(holders.allSatisfy { $0.flags & 0o3 == ($0.descriptor == appends ? 1 : $0.writes ? 2 : 0) })
  func sorted(_ all: [FileHolder]) -> [FileHolder] {
    let plain = all.map { holder in
      var holder = holder
      holder.flags = 0
      return holder
    }
    return plain.sorted { $0.descriptor < $1.descriptor }
  }
  #expect(sorted(holders) == sorted(expected))
  // Deleted, it is held all the same. A child of another test may have inherited the descriptors.
  unlink(path)
  let everywhere = reader.holders(of: status).holders.filter { $0.identity == me }
  #expect(sorted(everywhere) == sorted(expected))
}

@Test func aSearchForHoldersEndsItsStepInTheMiddleOfAProcess() throws {
  let folder = TemporaryFolder()
  folder.write("log", "12345")
  let many = (0..<400).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
  let last = open(folder.path + "/log", O_RDWR | O_CLOEXEC)
  defer { for fd in many + [last] { close(fd) } }
  let search = HolderSearch(try live.reader.fileStatus(folder.bytes("log")), live.reader)
  var steps = 1
  while !search.step(for: .zero) { steps += 1 }
  #expect(steps > 400 / 16)
  #expect(search.scan.holders.contains { $0.identity.pid == getpid() && $0.descriptor == last })
}

@Test func aLinkIsReportedAsItself() throws {
  let folder = TemporaryFolder()
  folder.link("link", to: "/etc/passwd")
  #expect(try live.reader.fileStatus(folder.bytes("link")).mode & 0o170000 == 0o120000)
}

@Test func theRunningKernelIsReadWithoutASurprise() throws {
  let reader = live.reader
  let features = Features.probe(reader)
  #expect(try reader.memInfo().total > .mib(1))
  #expect(try reader.vmStat().majorFaults != nil)
  #expect(try reader.bootID().count == 36)
  #expect(try reader.mounts().contains { $0.point == Bytes("/proc") })
  #expect(try reader.descriptorCount(getpid()) > 2)
  if features.cgroup != nil, let memory = try? reader.cgroupMemory(getpid()) { #expect(memory.current > .zero) }
  var failures = 0
  try reader.forEachProcess { pid in
    do throws(Absence) { _ = try reader.stat(pid) } catch { if error != .gone { failures += 1 } }
  }
  #expect(failures == 0)
}

@Test func aNewProcessMovesTheLastPid() throws {
  let before = try live.reader.lastPid()
  let child = Child("/bin/sleep", "100")
  #expect(child.pid > 0)
  #expect(try live.reader.lastPid() != before)
}

// The heap walk against malloc's own account of real programs.
import Foundation
import Samples
import Testing

@testable import Kernel

/// Reading another process's memory needs root, or CAP_SYS_PTRACE.
let mayReadMemory = live.reader.hasPtrace

extension KernelReader {
  fileprivate var hasPtrace: Bool { Features.probe(self).readsOthers }
}

@Suite(.serialized, .enabled(if: mayReadMemory)) struct HeapLive {
  @Test func tenSmallBlocksThatHoldNinetyMegabytesAreSeen() throws {
    let subject = HeapSubject("crumbs")
    let malloc = try #require(subject.malloc(operations: 1))
    let usage = try walkHeap(subject.pid)
    #expect(usage.allocator == .glibc && usage.bits == 64 && usage.isComplete)
    #expect(usage.inUse.rawValue.distance(to: UInt64(malloc.inUse)).magnitude <= 4096)
    #expect(usage.system.rawValue == UInt64(malloc.system))
    #expect(usage.sums.trimmable > 80 << 20 && usage.sums.largestFree[0] > 9_000_000)
  }

  @Test func everyArenaOfEightThreadsIsFound() throws {
    let subject = HeapSubject("arenas", "8")
    let malloc = try #require(subject.malloc(operations: 8))
    let usage = try walkHeap(subject.pid)
    #expect(usage.isComplete && usage.arenas.count == 9)
    #expect(isWithin(2, of: malloc.system, usage.system, malloc.system))
    #expect(isWithin(2, of: malloc.system, usage.inUse, malloc.inUse + malloc.mapped))
    #expect(isWithin(2, of: malloc.system, usage.free, malloc.free))
  }

  @Test func aHeapUnderSteadyLoadIsSeenRightOrInPart() throws {
    let subject = HeapSubject("churn", "--rate", "100000")
    _ = try #require(subject.malloc(operations: 100_000))
    var seen = 0
    for _ in 0..<5 {
      let before = try #require(subject.malloc())
      let usage = try walkHeap(subject.pid)
      let after = try #require(subject.malloc())
      // What malloc says before and after differs too; the walk sees something in between, or says that it did not.
      let (low, high) = (min(before.inUse, after.inUse), max(before.inUse, after.inUse))
      let slack = after.system / 50
      let unread = Int(usage.unread.rawValue)
      let inUse = Int(usage.inUse.rawValue) - Int(usage.mapped)
      #expect(inUse + unread >= low - slack && inUse <= high + slack, "\(usage.gaps), \(before), \(after)")
      #expect(!usage.gaps.isEmpty || isWithin(2, of: after.system, usage.system, after.system))
      if usage.isComplete { seen += 1 }
    }
    #expect(seen > 0)
  }

  @Test(.enabled(if: access("/usr/bin/python3", X_OK) == 0)) func aPythonIsSeenAsMallocSeesIt() throws {
    let folder = TemporaryFolder()
    folder.write(
      "subject.py",
      """
      import ctypes, sys, time
      class M(ctypes.Structure):
          _fields_ = [(n, ctypes.c_size_t) for n in 'arena o s k mapped u f in_use free c'.split()]
      libc = ctypes.CDLL(None)
      libc.mallinfo2.restype = M
      kept = [{str(i): [i] * 5, 'x' * (i % 300): bytes(i % 5000)} for i in range(20000)][::3]
      big = bytearray(5000000)
      out = open(sys.argv[1] + '.new', 'w')
      m = libc.mallinfo2()
      out.write(f'{m.in_use} {m.free} {m.mapped} {m.arena}')
      out.close()
      import os
      os.rename(sys.argv[1] + '.new', sys.argv[1])
      time.sleep(1000)
      """)
    let child = Child("/usr/bin/python3", folder.path + "/subject.py", folder.path + "/said")
    #expect(eventually { FileManager.default.fileExists(atPath: folder.path + "/said") })
    let said = try String(contentsOfFile: folder.path + "/said", encoding: .utf8).split(separator: " ").map { Int($0)! }
    let usage = try walkHeap(child.pid)
    let system = said[2] + said[3]
    #expect(usage.isComplete)
    #expect(isWithin(2, of: system, usage.inUse, said[0] + said[2]))
    #expect(isWithin(2, of: system, usage.free, said[1]))
  }

  @Test func aProcessThatEndsIsGone() throws {
    let subject = HeapSubject("crumbs")
    _ = try #require(subject.malloc(operations: 1))
    let walk = try live.reader.heapWalk(subject.pid)
    _ = walk.step(for: Milliseconds(0))
    subject.child.kill()
    subject.child.reap()
    while !walk.step(for: Milliseconds(5)) {}
    #expect(walk.failure == .gone)
  }

  @Test func nothingIsFaultedIn() throws {
    // Pages that were given back stay away: the walk knows which are there.
    let subject = HeapSubject("arenas", "4")
    _ = try #require(subject.malloc(operations: 4))
    let before = try live.reader.rollup(subject.pid)
    _ = try walkHeap(subject.pid)
    let after = try live.reader.rollup(subject.pid)
    #expect(after.rss == before.rss && after.swap == before.swap)
  }
}

// The heap walk over heaps that were made up: every layout, every corruption, every way a process can change meanwhile.
import Foundation
import Samples
import Testing

@testable import Kernel

@Suite struct HeapWalkOverMadeUpHeaps {
  @Test(arguments: Glibc.all) func everyLayoutIsReadToTheByte(_ glibc: Glibc) throws {
    let scene = HeapScene(glibc)
    let usage = try #require(scene.model.walk(glibc)).usage
    #expect(usage.allocator == .glibc && usage.gaps == [])
    #expect(usage.inUse.rawValue == UInt64(scene.inUse))
    #expect(usage.free.rawValue == UInt64(scene.free))
    #expect(usage.fast.rawValue == UInt64(scene.fast))
    #expect(usage.sums.cached == UInt64(scene.cached))
    #expect(usage.arenas.count == 2 && usage.arenas[1].heaps == 2)
    #expect(usage.mappedChunks == 2 && usage.mapped == 3 * 4096 && usage.mappedFound == 3 * 4096)
    #expect(usage.sums.trimmable >= 2 * 4096)
  }

  @Test func aHeaderInSwapIsLeftThereAndTheRestIsUnread() throws {
    let glibc = Glibc.all[1]
    let scene = HeapScene(glibc)
    let before = try #require(scene.model.walk(glibc)).usage
    // The page of the chunk behind the free one.
    scene.model.swapped = [UInt64(HeapScene.heap / 4096 + 3)]
    let usage = try #require(scene.model.walk(glibc)).usage
    #expect(usage.gaps == .swapped)
    #expect(usage.unread > .zero && usage.inUse < before.inUse)
    #expect(usage.inUse + usage.free + usage.unread == usage.system)
  }

  @Test func aChangeThatPassesIsTriedAgain() throws {
    let glibc = Glibc.all[1]
    let scene = HeapScene(glibc)
    let broken = HeapScene.heap + glibc.tcache + glibc.word
    let right = scene.model.pieces[0].bytes[glibc.tcache + glibc.word]
    var reads = 0
    scene.model.meanwhile = { model in
      reads += 1
      model.put(reads < 400 && reads % 3 != 0 ? 0x1B : Int(right), at: broken, bytes: 1)
    }
    let usage = try #require(scene.model.walk(glibc)).usage
    #expect(usage.isComplete && usage.inUse.rawValue == UInt64(scene.inUse))
  }

  @Test func aCorruptHeapIsPartialAndSaysHowMuchIsUnread() throws {
    let glibc = Glibc.all[1]
    let scene = HeapScene(glibc)
    scene.model.put(0x1B, at: HeapScene.heap + glibc.tcache + glibc.word, bytes: 1)
    let usage = try #require(scene.model.walk(glibc)).usage
    #expect(usage.gaps == .changed)
    #expect(usage.unread.rawValue >= 60_000 && usage.arenas[1].unread == 0)
    #expect(usage.inUse + usage.free + usage.unread == usage.system)
  }

  /// 120 000 mutations, a few in each heap, some of them while it is walked.
  @Test(arguments: Glibc.all) func noCorruptionCrashesOrHoldsTheWalk(_ glibc: Glibc) throws {
    var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next(_ bound: Int) -> Int {
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      return Int(random % UInt64(bound))
    }
    let scene = HeapScene(glibc)
    let whole = scene.model.pieces
    var mutations = 0, complete = 0
    // What is worth breaking: the bytes that say something.
    let worthwhile = whole.map { piece in piece.bytes.indices.filter { piece.bytes[$0] != 0 } }
    func mutate() {
      mutations += 1
      let p = next(whole.count)
      let at = next(4) == 0 ? next(whole[p].bytes.count) : worthwhile[p][next(worthwhile[p].count)]
      let old = scene.model.pieces[p].bytes[at]
      scene.model.pieces[p].bytes[at] =
        switch next(4) {
        case 0: UInt8(next(256))
        case 1: old ^ UInt8(1 << next(8))
        case 2: 0xFF
        default: 0
        }
    }
    while mutations < 30_000 {
      scene.model.pieces = whole
      for _ in 0..<next(30) + 1 { mutate() }
      var budget = next(3) == 0 ? 40 : 0
      scene.model.meanwhile = { _ in
        guard budget > 0, next(8) == 0 else { return }
        budget -= 1
        mutate()
      }
      let walk = try #require(scene.model.walk(glibc), "after \(mutations) mutations")
      if walk.usage.isComplete { complete += 1 }
      let usage = walk.usage
      #expect(usage.inUse + usage.free + usage.unread == usage.system)
    }
    #expect(complete > 0)
  }
}

@Suite struct HeapMaps {
  @Test(arguments: [
    (
      "7f00-7f10 r-xp 0 0:0 1 /usr/lib/libc.so.6\n7f20-7f30 r-xp 0 0:0 1 /usr/lib/libjemalloc.so.2\n",
      Allocator.jemalloc
    ),
    ("7f00-7f10 r-xp 0 0:0 1 /usr/lib/libmimalloc.so.2.0\n7f20-7f30 r-xp 0 0:0 1 /lib/libc.so.6\n", .mimalloc),
    ("7f00-7f10 r-xp 0 0:0 1 /usr/lib/libtcmalloc_minimal.so.4\n", .tcmalloc),
    ("7f00-7f10 r-xp 0 0:0 1 /lib/ld-musl-armhf.so.1\n", .musl),
    ("c000000000-c000400000 rw-p 00000000 00:00 0 \n", .go),
    ("c000000000-c000400000 rw-p 00000000 00:00 0                  [anon: Go: heap]\n", .go),
    ("7f00-7f10 r-xp 0 0:0 1 /lib/libc-2.31.so\n", .glibc),
    ("7f00-7f10 r-xp 0 0:0 1 /home/x/libc.so.6/program\n", .unknown),
  ]) func theAllocatorIsKnownByItsMappings(_ text: String, _ expected: Allocator) {
    var map = HeapMap()
    let bytes = Bytes(text.utf8)
    #expect(map.take(bytes.span) == bytes.count)
    #expect(map.allocator == expected)
  }

  @Test func aForeignAllocatorIsNamedAndNotWalked() throws {
    let model = HeapModel(pieces: [], maps: "7f00-7f10 r-xp 00000000 00:00 1 /lib/libjemalloc.so.2\n")
    let usage = try #require(model.walk(Glibc.all[1])).usage
    #expect(usage.allocator == .jemalloc && usage.gaps == .unwalkable && usage.system == .zero)
  }
}

// A process made up: mappings and bytes in which a heap of glibc stands, laid out by numbers of its own.
import Foundation
import Samples

@testable import Kernel

/// Numbers of one glibc on one processor, written down here apart from the reader's own.
struct Glibc: Sendable {
  let name: String
  let word: Int, alignment: Int, machine: UInt16
  let heapInfo: Int, top: Int, bins: Int, next: Int, system: Int, state: Int
  let mappedCountBefore: Int, heapMaximum: Int, tcache: Int
  let mangles: Bool

  static let all = [
    Glibc(
      name: "2.31, 64 bits", word: 8, alignment: 16, machine: 62, heapInfo: 32, top: 96, bins: 112, next: 2160,
      system: 2184, state: 2200, mappedCountBefore: 32, heapMaximum: 64 << 20, tcache: 0x290, mangles: false),
    Glibc(
      name: "2.36 to 2.41, 64 bits", word: 8, alignment: 16, machine: 183, heapInfo: 48, top: 96, bins: 112, next: 2160,
      system: 2184, state: 2200, mappedCountBefore: 36, heapMaximum: 64 << 20, tcache: 0x290, mangles: true),
    Glibc(
      name: "2.31, ARM", word: 4, alignment: 8, machine: 40, heapInfo: 16, top: 52, bins: 60, next: 1092, system: 1104,
      state: 1112, mappedCountBefore: 24, heapMaximum: 1 << 20, tcache: 392, mangles: false),
    Glibc(
      name: "2.36 to 2.41, i386", word: 4, alignment: 16, machine: 3, heapInfo: 24, top: 56, bins: 64, next: 1096,
      system: 1108, state: 1116, mappedCountBefore: 24, heapMaximum: 1 << 20, tcache: 400, mangles: true),
  ]
  var header: Int { 2 * word }
}

final class HeapModel: HeapMemory {
  let pageSize: UInt64 = 4096
  struct Piece {
    var start: UInt64
    var bytes: [UInt8]
  }
  var pieces: [Piece]
  var maps: String
  /// Pages that are in swap.
  var swapped: Set<UInt64> = []
  /// Called before each read: a process that runs on.
  var meanwhile: ((HeapModel) -> Void)?
  private(set) var reads = 0
  private var mapsGiven = 0

  init(pieces: [Piece], maps: String) {
    self.pieces = pieces
    self.maps = maps
  }
  func rewind() { (mapsGiven, reads) = (0, 0) }

  func readMaps(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let text = Array(maps.utf8.dropFirst(mapsGiven).prefix(min(buffer.count, 100)))
    buffer.copyBytes(from: text)
    mapsGiven += text.count
    return text.count
  }
  func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> HeapRead {
    reads += 1
    meanwhile?(self)
    guard let piece = pieces.first(where: { address >= $0.start && address - $0.start < UInt64($0.bytes.count) }) else {
      return .nothing
    }
    if swapped.contains(address / pageSize) { return .swapped }
    let offset = Int(address - piece.start)
    var count = min(buffer.count, piece.bytes.count - offset)
    if !swapped.isEmpty {
      var page = address / pageSize + 1
      while Int(page * pageSize - address) < count {
        if swapped.contains(page) { count = Int(page * pageSize - address) }
        page += 1
      }
    }
    buffer.copyBytes(from: piece.bytes[offset..<offset + count])
    return .bytes(count)
  }
  func resident(from: UInt64, to: UInt64) -> UInt64 { to - from }

  func put(_ value: Int, at address: Int, bytes: Int) {
    guard
      let i = pieces.firstIndex(where: { UInt64(address) >= $0.start && UInt64(address) - $0.start < $0.bytes.count })
    else { fatalError("nothing at \(address)") }
    for k in 0..<bytes {
      pieces[i].bytes[address - Int(pieces[i].start) + k] = UInt8(truncatingIfNeeded: value >> (8 * k))
    }
  }

  /// Walks it to its end; nil when more steps are needed than any heap of this size deserves.
  func walk(_ glibc: Glibc) -> HeapWalk? {
    rewind()
    var now: Int64 = 0
    let walk = HeapWalk(
      self, HeapLayout(is64Bit: glibc.word == 8, machine: glibc.machine),
      clock: {
        now += 20; return now
      })
    for _ in 0..<20_000 { if walk.step(for: Milliseconds(5)) { return walk } }
    return nil
  }
}

/// A heap with known figures: a main arena of five chunks in use and two free, one of them in a fastbin; a thread arena of
/// two heaps; two mapped chunks in one mapping; the C library's variables that tell of all that.
struct HeapScene {
  let glibc: Glibc
  let model: HeapModel
  private(set) var inUse = 0, free = 0, fast = 0, cached = 0
  static let heap = 0x5640_0000, library = 0x7600_1000, thread = 0x6800_0000, mapped = 0x7000_0000
  static let heapSize = 64 * 1024, libraryData = 16 * 1024

  private func word(_ value: Int, at address: Int) { model.put(value, at: address, bytes: glibc.word) }
  private func chunk(_ at: Int, _ size: Int, flags: Int) { word(size | flags, at: at + glibc.word) }

  init(_ glibc: Glibc) {
    self.glibc = glibc
    typealias Scene = HeapScene
    let maximum = glibc.heapMaximum
    let first = Scene.thread, second = Scene.thread + maximum
    func line(_ start: Int, _ size: Int, _ permissions: String, _ path: String) -> String {
      "\(String(start, radix: 16))-\(String(start + size, radix: 16)) \(permissions) 00000000 00:00 0 \(path)\n"
    }
    model = HeapModel(
      pieces: [
        .init(start: UInt64(Scene.heap), bytes: .init(repeating: 0, count: Scene.heapSize)),
        .init(start: UInt64(first), bytes: .init(repeating: 0, count: 16384)),
        .init(start: UInt64(second), bytes: .init(repeating: 0, count: 8192)),
        .init(start: UInt64(Scene.mapped), bytes: .init(repeating: 0, count: 5 * 4096)),
        .init(start: UInt64(Scene.library), bytes: .init(repeating: 0, count: Scene.libraryData)),
      ],
      maps: line(Scene.heap, Scene.heapSize, "rw-p", "                          [heap]")
        + line(first, 16384, "rw-p", "") + line(first + 16384, maximum - 16384, "---p", "")
        + line(second, 8192, "rw-p", "") + line(second + 8192, maximum - 8192, "---p", "")
        + line(Scene.mapped, 5 * 4096, "rw-p", "")
        + line(Scene.library - 4096, 4096, "r-xp", "/lib/libc.so.6")
        + line(Scene.library, Scene.libraryData, "rw-p", "/lib/libc.so.6"))
    layMain()
    layThread(first, second)
    layVariables(first)
  }

  private mutating func layMain() {
    let top = glibc
    var at = HeapScene.heap
    // The first user pointer is aligned.
    while (at + top.header) % top.alignment != 0 { at += top.word }
    let start = at
    // A tcache that holds three chunks of one size: the first of them is below.
    let tcache = at
    chunk(at, top.tcache, flags: 1)
    at += top.tcache
    let small = 4 * top.word + 2 * top.alignment
    let cachedChunk = at
    model.put(3, at: tcache + top.header + 2 * 2, bytes: 2)
    word(cachedChunk + top.header, at: tcache + top.header + 128 + 2 * top.word)
    chunk(at, small, flags: 1)
    at += small
    cached = 3 * small
    // In a fastbin: looks in use.
    let fastChunk = at
    let fastSize = top.word == 8 ? 48 : 32
    chunk(at, fastSize, flags: 1)
    at += fastSize
    fast = fastSize
    // Free, 3 pages and a bit.
    let freeSize = 3 * 4096 + 64
    chunk(at, freeSize, flags: 1)
    at += freeSize
    word(freeSize, at: at)
    chunk(at, 1024, flags: 0)
    at += 1024
    let topSize = HeapScene.heap + HeapScene.heapSize - at
    chunk(at, topSize, flags: 1)
    inUse += at - start - freeSize - fastSize
    free += freeSize + topSize + fastSize
    let arena = HeapScene.library + 0x400
    word(at, at: arena + top.top)
    word(HeapScene.heapSize, at: arena + top.system)
    // Fastbins are indexed by size: two alignments of 8 or 16 below.
    let bin = (fastSize >> (top.word == 8 ? 4 : 3)) - 2
    word(fastChunk, at: arena + (top.word == 8 ? 16 : 12) + bin * top.word)
    // The end of that list: 0, or 0 mangled with the place it is at.
    if top.mangles { word((fastChunk + top.header) >> 12, at: fastChunk + top.header) }
  }

  private mutating func layThread(_ first: Int, _ second: Int) {
    let arena = first + glibc.heapInfo
    for (base, size, previous) in [(first, 16384, 0), (second, 8192, first)] {
      word(arena, at: base)
      word(previous, at: base + glibc.word)
      word(size, at: base + 2 * glibc.word)
      word(size, at: base + 3 * glibc.word)
    }
    // The first heap is full and was left: its old top is free, then what fences it off.
    var at = arena + glibc.state
    while (at + glibc.header) % glibc.alignment != 0 { at += glibc.word }
    chunk(at, 4096, flags: 5)
    at += 4096
    let rest = (first + 16384 - at - 2 * glibc.header) / glibc.alignment * glibc.alignment
    chunk(at, rest, flags: 1)
    at += rest
    word(rest, at: at)
    chunk(at, glibc.header, flags: 0)
    chunk(at + glibc.header, 0, flags: 1)
    inUse += 16384 - rest
    free += rest
    at = second + glibc.heapInfo
    while (at + glibc.header) % glibc.alignment != 0 { at += glibc.word }
    chunk(at, 512, flags: 5)
    at += 512
    let topSize = second + 8192 - at
    chunk(at, topSize, flags: 1)
    inUse += 8192 - topSize
    free += topSize
    word(at, at: arena + glibc.top)
    word(24576, at: arena + glibc.system)
  }

  private mutating func layVariables(_ first: Int) {
    let arena = HeapScene.library + 0x400
    for i in 0..<127 {
      let links = arena + glibc.bins + 2 * i * glibc.word
      word(links - 2 * glibc.word, at: links)
      word(links - 2 * glibc.word, at: links + glibc.word)
    }
    word(first + glibc.heapInfo, at: arena + glibc.next)
    word(arena, at: first + glibc.heapInfo + glibc.next)
    let base = HeapScene.library + 0x200
    word(HeapScene.heap, at: base)
    word(3 * 4096, at: base - 2 * glibc.word)
    word(4 * 4096, at: base - glibc.word)
    for (i, value) in [2, 65536, 3, 0].enumerated() {
      model.put(value, at: base - glibc.mappedCountBefore + 4 * i, bytes: 4)
    }
    for (i, value) in [64, glibc.word == 8 ? 1032 : 63 * glibc.alignment + 12, 7].enumerated() {
      word(value, at: base + (i + 1) * glibc.word)
    }
    // Two mapped chunks behind a page of something else.
    word(4096 | 2, at: HeapScene.mapped + 4096 + glibc.word)
    word(8192 | 2, at: HeapScene.mapped + 8192 + glibc.word)
    inUse += 3 * 4096
  }
}

// /proc/PID/maps, as far as the heap is concerned. Takes text; reads nothing.
import Samples

/// Addresses from `start` up to, not including, `end`.
struct HeapRegion: Equatable, Sendable {
  var start: UInt64, end: UInt64
  func contains(_ address: UInt64) -> Bool { address >= start && address < end }
}

/// What the mappings tell: where a heap can be, and whose. A line:
/// `55d0c0a3e000-55d0c0a5f000 rw-p 00000000 00:00 0                          [heap]`
struct HeapMap: Sendable {
  /// The brk heap; empty where there is none.
  var heap = HeapRegion(start: 0, end: 0)
  /// Anonymous, private, writable.
  private(set) var anonymous = [HeapRegion]()
  /// Writable data of the C library, or of the program itself when that holds the C library.
  private(set) var data = [HeapRegion]()
  /// There were more mappings than are kept.
  private(set) var isCut = false
  private var found = Allocator.unknown
  private var hasLoader = false
  private var program = [HeapRegion]()
  /// The writable data of libmemwarden-trim.so, where that is preloaded.
  private(set) var trimLibrary: HeapRegion?
  static let anonymousMaximum = 2048, dataMaximum = 4

  init() { anonymous.reserveCapacity(64) }

  /// The allocator, once all lines were taken. A library that replaces malloc counts, not the C library beneath it.
  var allocator: Allocator { found }
  /// No C library of its own among the mappings: it may be in the program.
  var isStatic: Bool { !hasLoader }
  /// Where glibc's variables can be.
  var variables: [HeapRegion] { data.isEmpty ? program : data }

  /// Takes the whole lines of `text`; how many bytes those were.
  mutating func take(_ text: Span<UInt8>) -> Int {
    var end = text.count
    while end > 0, text[end &- 1] != 0x0A { end &-= 1 }
    var s = ByteScanner(text.extracting(0..<end))
    while !s.isAtEnd {
      takeLine(&s)
      s.skipLine()
    }
    return end
  }

  private mutating func takeLine(_ s: inout ByteScanner) {
    guard let start = s.hexadecimal(), s.accept("-"), let end = s.hexadecimal(), end > start else { return }
    let region = HeapRegion(start: start, end: end)
    s.skipBlanks()
    let isWritable = s.accept("rw-p")
    if !isWritable { s.skipField() }
    for _ in 0..<3 { s.skipField() }
    s.skipBlanks()
    if s.accept("[heap]") {
      guard isWritable else { return }
      if heap.end == region.start { heap.end = region.end } else { heap = region }
      return
    }
    if s.accept("[anon:") {
      if s.accept(" Go:") { prefer(.go) }
      if isWritable { add(region) }
      return
    }
    guard s.next == UInt8(ascii: "/") else {
      // Go's heap begins here by its own choice on 64 bits.
      if start >> 32 == 0xC0, s.next == 0x0A || s.isAtEnd { prefer(.go) }
      if isWritable, s.next == 0x0A || s.isAtEnd { add(region) }
      return
    }
    takeFile(&s, region, isWritable)
  }

  private mutating func takeFile(_ s: inout ByteScanner, _ region: HeapRegion, _ isWritable: Bool) {
    var name = s.position
    var end = name
    while end < s.text.count, s.text[end] != 0x0A {
      if s.text[end] == UInt8(ascii: "/") { name = end + 1 }
      end += 1
    }
    s.move(to: name)
    var isLibrary = false
    if s.accept("libjemalloc") {
      prefer(.jemalloc)
    } else if s.accept("libtcmalloc") {
      prefer(.tcmalloc)
    } else if s.accept("libmimalloc") {
      prefer(.mimalloc)
    } else if s.accept("ld-musl-") || s.accept("libc.musl") {
      hasLoader = true
      if found == .unknown { found = .musl }
    } else if s.accept("libc.so.6") || s.accept("libc-2.") {
      hasLoader = true
      isLibrary = true
      if found == .unknown { found = .glibc }
    }
    guard isWritable else { return }
    if s.accept("libmemwarden-trim.so") { trimLibrary = region }
    if isLibrary, data.count < Self.dataMaximum { data.append(region) }
    if program.count < Self.dataMaximum { program.append(region) }
  }

  private mutating func prefer(_ allocator: Allocator) { found = allocator }
  private mutating func add(_ region: HeapRegion) {
    if anonymous.count < Self.anonymousMaximum { anonymous.append(region) } else { isCut = true }
  }
  func isAnonymous(_ address: UInt64) -> Bool {
    var low = 0, high = anonymous.count
    while low < high {
      let middle = (low + high) / 2
      if anonymous[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    return low < anonymous.count && anonymous[low].contains(address)
  }
}

// Chunks that are free and do not look it: glibc's fastbins and its per-thread caches. Reads; keeps no figures.
import Samples

/// One fastbin of an arena, followed as long as each chunk on it is of the list's size.
struct FastList {
  enum Progress: Equatable { case goesOn, end, broken }
  let layout: HeapLayout
  private let size: UInt64
  private var chunk: UInt64
  private(set) var bytes: UInt64 = 0
  /// Since 2.32 links are stored mangled with their own address; the first link tells.
  private var isMangled: Bool?

  init?(_ layout: HeapLayout, of arena: UInt64, bin: UInt64, _ window: HeapWindow) {
    guard let first = window.wordNow(arena &+ layout.fastbinsOffset &+ bin &* layout.word) else { return nil }
    self.layout = layout
    size = layout.fastbinSize(bin)
    chunk = first
  }

  /// One chunk further.
  mutating func step(_ window: HeapWindow) -> Progress {
    if chunk == 0 { return .end }
    guard layout.isChunk(chunk), let (field, raw) = window.pairNow(chunk &+ layout.word),
      field & ~HeapLayout.flags == size
    else { return .broken }
    bytes &+= size
    let plain = raw ^ (chunk &+ layout.header) >> 12
    if raw == 0 || plain == 0 {
      chunk = 0
      return .end
    }
    if isMangled == nil {
      let next = layout.isChunk(plain) ? window.wordNow(plain &+ layout.word) : nil
      isMangled = next.map { $0 & ~HeapLayout.flags == size } ?? false
    }
    chunk = isMangled == true ? plain : raw
    return .goesOn
  }
}

/// The caches of threads.
struct HeapLists {
  let layout: HeapLayout
  let window: HeapWindow

  private func hasSize(_ chunk: UInt64, _ size: UInt64) -> Bool {
    guard layout.isChunk(chunk), let field = window.wordNow(chunk &+ layout.word) else { return false }
    return field & ~HeapLayout.flags == size
  }

  /// The bytes a tcache holds, if the chunk is one: 64 counts and 64 lists, both or neither empty, and the first chunk of
  /// each list of its size. Nil when it is none.
  func cached(in chunk: UInt64) -> UInt64? {
    let counts = chunk + layout.header, entries = counts + 2 * HeapLayout.caches
    guard window.holds(counts, HeapLayout.caches * (2 + layout.word)) else { return nil }
    var sum: UInt64 = 0
    for i in 0..<HeapLayout.caches {
      guard let count = window.shortHeld(counts &+ 2 &* i), let entry = window.wordHeld(entries &+ i &* layout.word),
        (count == 0) == (entry == 0)
      else { return nil }
      if count == 0 { continue }
      let size = layout.cacheSize(i)
      guard entry > layout.header, hasSize(entry - layout.header, size) else { return nil }
      sum += UInt64(count) * size
    }
    return sum
  }
}

// Chunks that are free and do not look it: glibc's fastbins and its per-thread caches. Reads; keeps no figures.
import Samples

/// A list is followed as long as each chunk on it is of the list's size. Since 2.32 links are stored mangled with their
/// own address.
struct HeapLists {
  let layout: HeapLayout
  let window: HeapWindow

  private func next(_ chunk: UInt64, field: UInt64, isLink: (UInt64) -> Bool) -> UInt64? {
    guard let raw = window.wordNow(field) else { return nil }
    let plain = raw ^ (field >> 12)
    if raw == 0 || plain == 0 { return 0 }
    if isLink(plain) { return plain }
    return isLink(raw) ? raw : nil
  }
  private func hasSize(_ chunk: UInt64, _ size: UInt64) -> Bool {
    guard layout.isChunk(chunk), let field = window.wordNow(chunk &+ layout.word) else { return false }
    return field & ~HeapLayout.flags == size
  }

  /// Bytes in one fastbin of an arena. `chunks` is how many may still be looked at; nil when the list cannot be
  /// followed to its end.
  func fast(of arena: UInt64, bin: UInt64, chunks: inout Int) -> UInt64? {
    let size = layout.fastbinSize(bin)
    guard var chunk = window.wordNow(arena &+ layout.fastbinsOffset &+ bin &* layout.word) else { return nil }
    if chunk != 0, !hasSize(chunk, size) { return nil }
    var sum: UInt64 = 0
    while chunk != 0 {
      guard chunks > 0 else { return nil }
      chunks -= 1
      sum += size
      guard let following = next(chunk, field: chunk + layout.header, isLink: { hasSize($0, size) }) else { return nil }
      chunk = following
    }
    return sum
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

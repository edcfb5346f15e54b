// Finds glibc's arenas: the main arena among the C library's variables, by what its fields must be, for they have no
// names here; the others by where their heaps must begin. Reads; keeps no figures.
import Samples

/// A heap to walk: of the main arena, or one of a thread's arena.
struct HeapPlace {
  /// struct malloc_state; nil when it was not found.
  var arena: UInt64?
  var first: UInt64, end: UInt64, limit: UInt64
  /// Bytes before the first chunk: heap_info, and malloc_state in an arena's first heap.
  var overhead: UInt64
  var isMain: Bool
}

struct HeapArenas {
  let layout: HeapLayout
  let map: HeapMap
  private(set) var mainArena: UInt64?
  /// mp_.sbrk_base: where it stands, and its value.
  private(set) var parameters: UInt64?
  /// How far before it mp_.n_mmaps stands.
  private(set) var countBefore: UInt64 = 0
  private(set) var heapStart: UInt64?
  /// Thread arenas' heaps, in ascending order.
  private(set) var heaps = [HeapPlace]()
  private(set) var isCut = false
  static let heapMaximum = 1024

  // How far the search is.
  private var dataAt = 0, dataOffset: UInt64 = 0
  private var regionAt = 0, nextBase: UInt64 = 0

  init(_ layout: HeapLayout, _ map: HeapMap) {
    self.layout = layout
    self.map = map
  }

  // MARK: The C library's variables

  /// Looks through one window of them. True when all were seen or both were found.
  mutating func searchVariables(_ window: HeapWindow) -> Bool {
    guard dataAt < map.variables.count, mainArena == nil || parameters == nil, map.heap.end > map.heap.start else {
      return true
    }
    let region = map.variables[dataAt]
    let start = region.start + dataOffset
    window.load(start, end: region.end)
    let overlap = layout.arenaSize
    // Variables that are not resident were never used.
    let seen = max(window.count, min(window.memory.pageSize, region.end - start))
    var offset: UInt64 = 0
    while offset + layout.word <= window.count {
      look(at: start + offset, window)
      offset += layout.word
    }
    if start + seen >= region.end {
      dataAt += 1
      dataOffset = 0
    } else {
      dataOffset += seen > overlap * 2 ? (seen - overlap) & ~(layout.word - 1) : seen
    }
    return false
  }

  private mutating func look(at address: UInt64, _ window: HeapWindow) {
    if mainArena == nil, let top = window.wordHeld(address &+ layout.topOffset), map.heap.contains(top),
      layout.isChunk(top), isMainArena(address, window)
    {
      mainArena = address
    }
    if parameters == nil, let base = window.wordHeld(address), base >= map.heap.start, base - map.heap.start < 65_536,
      let before = mappedCountBefore(address, window)
    {
      parameters = address
      countBefore = before
      heapStart = base
    }
  }

  /// Every bin is a ring: an empty one points to itself, and both its ends do.
  private func isMainArena(_ address: UInt64, _ window: HeapWindow) -> Bool {
    guard window.holds(address, layout.arenaSize), let mutex = window.integerHeld(address), mutex <= 2,
      let flags = window.integerHeld(address &+ 4), flags < 16,
      let next = window.wordHeld(address &+ layout.nextOffset), next != 0
    else { return false }
    var empty = 0
    for i in 0..<HeapLayout.bins {
      let links = address + layout.binsOffset + i * 2 * layout.word
      let bin = links - 2 * layout.word
      guard let forward = window.wordHeld(links), let back = window.wordHeld(links &+ layout.word),
        (forward == bin) == (back == bin)
      else { return false }
      if forward == bin { empty += 1 } else if !layout.isChunk(forward) { return false }
    }
    return empty > 0
  }

  /// struct malloc_par around its sbrk_base: how far before that n_mmaps stands.
  private func mappedCountBefore(_ address: UInt64, _ window: HeapWindow) -> UInt64? {
    let page = window.memory.pageSize
    guard let mapped = window.wordHeld(address &- layout.mappedBytesBefore),
      let most = window.wordHeld(address &- layout.word), mapped <= most, mapped & (page - 1) == 0,
      most & (page - 1) == 0,
      // tcache_bins and tcache_max_bytes.
      let caches = window.wordHeld(address &+ layout.word), caches >= 1, caches <= HeapLayout.caches,
      let cacheable = window.wordHeld(address &+ 2 &* layout.word), cacheable <= layout.cacheSize(HeapLayout.caches)
    else { return nil }
    for before in layout.mappedCountsBefore {
      // n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold
      guard let count = window.integerHeld(address &- before), let maximum = window.integerHeld(address &- before &+ 4),
        let highest = window.integerHeld(address &- before &+ 8),
        let fixed = window.integerHeld(address &- before &+ 12)
      else { continue }
      if count <= highest, fixed <= 1, maximum > 0 || fixed == 1, (mapped == 0) == (count == 0),
        mapped >= UInt64(count) * page
      {
        return before
      }
    }
    return nil
  }

  // MARK: Heaps

  /// The brk heap, where there is one.
  var mainHeap: HeapPlace? {
    guard map.heap.end > map.heap.start else { return nil }
    let first = layout.firstChunk(heapStart ?? map.heap.start)
    guard first < map.heap.end else { return nil }
    return HeapPlace(
      arena: mainArena, first: first, end: map.heap.end, limit: first &+ 1 << 40, overhead: 0, isMain: true)
  }

  /// Looks at up to `count` places where a heap of a thread's arena could begin. True when all were seen.
  mutating func searchHeaps(_ window: HeapWindow, places count: Int) -> Bool {
    var left = count
    while regionAt < map.anonymous.count {
      let region = map.anonymous[regionAt]
      let maximum = layout.heapMaximum
      let (sum, overflow) = max(region.start, nextBase).addingReportingOverflow(maximum - 1)
      let base = sum & ~(maximum - 1)
      guard !overflow, base < region.end else {
        regionAt += 1
        continue
      }
      if left == 0 { return false }
      left -= 1
      nextBase = base &+ maximum
      if let heap = heap(at: base, in: region, window) {
        if heaps.count < Self.heapMaximum { heaps.append(heap) } else { isCut = true }
      }
    }
    return true
  }

  /// heap_info: ar_ptr, prev, size, mprotect_size.
  private func heap(at base: UInt64, in region: HeapRegion, _ window: HeapWindow) -> HeapPlace? {
    let page = window.memory.pageSize, maximum = layout.heapMaximum
    guard let (arena, previous) = window.pairNow(base), let (size, protected) = window.pairNow(base &+ layout.header)
    else { return nil }
    guard size >= page, size & (page - 1) == 0, size <= maximum, size <= region.end - base,
      protected >= size, protected <= maximum, protected & (page - 1) == 0, previous & (maximum - 1) == 0,
      layout.isHeapInfo(arena & (maximum - 1)), map.isAnonymous(arena), previous == 0 || map.isAnonymous(previous)
    else { return nil }
    let info = arena & (maximum - 1)
    // The arena itself is in the heap that has none before it.
    guard (arena == base + info) == (previous == 0) else { return nil }
    guard let top = window.wordNow(arena &+ layout.topOffset), layout.isChunk(top), map.isAnonymous(top) else {
      return nil
    }
    let behind = previous == 0 ? arena + layout.arenaSize : base + info
    let first = layout.firstChunk(behind)
    return HeapPlace(
      arena: arena, first: first, end: base + size, limit: base &+ maximum, overhead: first - base, isMain: false)
  }
}

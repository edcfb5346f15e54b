// Finds the chunks of glibc's malloc that have a mapping of their own. Reads; a slice at a time.
import Samples

/// A mapped chunk begins a page, has prev_size 0, the size of whole pages and its own flag. Neighbours may share one
/// mapping, and a mapping begin with something else.
struct HeapMapped {
  private(set) var bytes: UInt64 = 0, chunks: UInt64 = 0
  private var regionAt = 0, offset: UInt64 = 0

  /// Looks at 64 places at most. True when all were seen.
  mutating func step(_ window: HeapWindow, _ map: HeapMap, _ arenas: HeapArenas, sums: inout HeapSums) -> Bool {
    guard regionAt < map.anonymous.count else { return true }
    let region = map.anonymous[regionAt], page = window.memory.pageSize
    var address = region.start + offset
    var tries = 64
    while address < region.end, tries > 0 {
      tries -= 1
      if let heap = arenas.heaps.first(where: { address >= $0.first - $0.overhead && address < $0.end }) {
        address = heap.end
      } else if let length = chunk(at: address, window), length <= region.end - address {
        bytes &+= length
        chunks &+= 1
        sums.inUse.add(length)
        address += length
      } else {
        // Without their sum, only those at the start are looked for: anything can look like one.
        address = arenas.parameters == nil ? region.end : address + page
      }
    }
    (regionAt, offset) = address >= region.end ? (regionAt + 1, 0) : (regionAt, address - region.start)
    return false
  }

  private func chunk(at address: UInt64, _ window: HeapWindow) -> UInt64? {
    guard let (previous, field) = window.pairNow(address), previous == 0,
      field & HeapLayout.flags == HeapLayout.isMapped
    else { return nil }
    let length = field & ~HeapLayout.flags
    let page = window.memory.pageSize
    return length >= page && length & (page - 1) == 0 ? length : nil
  }
}

// The chunks of one contiguous heap of glibc, one after the other, while the process goes on changing them. Every header
// is held against its neighbours; nothing of it is believed alone.
//
//   chunk     size   P: the chunk before is in use   M: own mapping   A: of a thread's arena
//   next      prev_size is the chunk's size when the chunk is free, and only then P of next is 0
//   the end   the arena's top chunk, or after a heap that is full a chunk of two words followed by size 0
import Samples

final class HeapChain {
  enum Progress: Equatable {
    case goesOn
    /// At the top or at the heap's last chunk: all was seen.
    case done
    case stuck(HeapGaps)
  }
  let isMain: Bool
  /// The first chunk, and the end of the heap, which may move meanwhile, but never above `limit`.
  let first: UInt64
  private(set) var end: UInt64
  private let limit: UInt64
  private(set) var sums = HeapSums()
  /// The next chunk to look at.
  private(set) var position: UInt64
  /// The chunk at the top and its size, once reached.
  private(set) var topSize: UInt64 = 0
  private(set) var retries = 0

  private let window: HeapWindow
  private let layout: HeapLayout
  /// Where the arena keeps the address of its top chunk; nil where the arena was not found.
  private let topPointer: UInt64?
  private var top: UInt64?

  private struct Checkpoint {
    var position: UInt64
    var sums: HeapSums
    var wasFree: Bool
  }
  private var checkpoints = [Checkpoint]()
  private static let checkpointMaximum = 6
  /// Failures since the walk last got further than ever before, and how far that was.
  private var failures = 0, furthest: UInt64 = 0
  private static let failureMaximum = 40, retryMaximum = 4000
  private var size = HeapWindow.maximum
  private var wasFree = false
  private let isRecognisedCache: (UInt64) -> UInt64?

  /// `cached`: the bytes in the tcache that the chunk at this address holds, if it is one.
  init(
    _ window: HeapWindow, _ layout: HeapLayout, first: UInt64, end: UInt64, limit: UInt64, isMain: Bool,
    topPointer: UInt64?, cached: @escaping (UInt64) -> UInt64?
  ) {
    self.window = window
    self.layout = layout
    self.first = first
    self.end = end
    self.limit = limit
    self.isMain = isMain
    self.topPointer = topPointer
    isRecognisedCache = cached
    position = first
    checkpoints.reserveCapacity(Self.checkpointMaximum + 1)
  }

  /// Bytes of the heap that were walked.
  var walked: UInt64 { position - first }

  /// Reads one window and goes through it: at most 64 KiB, some 100 µs.
  func step() -> Progress {
    refreshTop()
    let read = window.load(position, end: end, size: size)
    if case .bytes(let n) = read, UInt64(n) >= layout.header {
      keepCheckpoint()
      return goThrough()
    }
    if window.failure != nil { return .stuck([]) }
    if read == .swapped { return fail(.swapped) }
    return fail(.changed)
  }

  private func goThrough() -> Progress {
    while true {
      if position == top { return reachTop() }
      guard let sizeField = window.wordHeld(position + layout.word) else { return succeed() }
      let flags = sizeField & HeapLayout.flags
      let length = sizeField & ~HeapLayout.flags
      if length == 0, position > first { return reachLast() }
      guard length >= layout.header, length <= end - position, flags & HeapLayout.isMapped == 0 else {
        return fail(.changed)
      }
      let next = position + length
      // Without a known arena, the chunk that ends with the heap is its top, of whatever size.
      if next == end, topPointer == nil { return reachTop() }
      // What fences off a heap's end is a header only.
      guard length & (layout.alignment - 1) == 0 || length == layout.header, end - next >= layout.header else {
        return fail(.changed)
      }
      var previousSize: UInt64, nextField: UInt64
      if window.holds(next, layout.header), let a = window.wordHeld(next), let b = window.wordHeld(next + layout.word) {
        (previousSize, nextField) = (a, b)
      } else {
        // The neighbour first, then this one again: had it been merged or split meanwhile, that shows.
        guard let pair = window.pairNow(next) else {
          // A header that is not resident: the next window says why.
          return window.failure != nil ? .stuck([]) : fail(isSwapped(next) ? .swapped : .changed)
        }
        guard window.wordNow(position + layout.word) == sizeField else { return fail(.changed) }
        (previousSize, nextField) = pair
      }
      let isFree = nextField & HeapLayout.previousInUse == 0
      if isFree {
        guard previousSize == length, !wasFree, length >= layout.minimum, flags & HeapLayout.previousInUse != 0 else {
          return fail(.changed)
        }
      } else {
        guard (flags & HeapLayout.previousInUse == 0) == wasFree,
          isMain ? flags & HeapLayout.nonMain == 0 : flags & HeapLayout.nonMain != 0 || length < 3 * layout.minimum
        else { return fail(.changed) }
      }
      account(length, isFree: isFree)
      wasFree = isFree
      position = next
    }
  }

  private func account(_ length: UInt64, isFree: Bool) {
    if isFree {
      sums.addFree(length)
      addTrimmable(from: position + layout.freeHeader, to: position + length)
    } else {
      sums.inUse.add(length)
      if length == layout.cacheChunk, let cached = isRecognisedCache(position) { sums.cached &+= cached }
    }
  }

  private func addTrimmable(from: UInt64, to: UInt64) {
    let page = window.memory.pageSize
    let start = (from + page - 1) / page * page, stop = to / page * page
    if stop > start { sums.trimmable &+= window.memory.resident(from: start, to: stop) }
  }

  // MARK: Ends

  private func reachTop() -> Progress {
    guard let field = window.wordNow(position + layout.word) else { return fail(.changed) }
    let length = field & ~HeapLayout.flags
    guard length <= end - position, length >= layout.header, field & HeapLayout.isMapped == 0, !wasFree else {
      return fail(.changed)
    }
    // A top that does not end with the heap is not the top of this heap.
    guard position + length == end || isMain else { return fail(.changed) }
    topSize = length
    // What sbrk could take back: malloc_trim leaves the smallest chunk and a byte.
    if isMain { addTrimmable(from: position + layout.minimum + 1, to: position + length) }
    return .done
  }

  /// Size 0: the last chunk of a heap that its arena has left for a new one. The rest is less than a chunk.
  private func reachLast() -> Progress {
    if !isMain, end - position <= 4 * layout.minimum { return .done }
    return fail(.changed)
  }

  /// The heap may have grown or shrunk since it was last looked at, or its arena have left it for another.
  private func refreshTop() {
    guard let topPointer, let now = window.wordNow(topPointer), layout.isChunk(now) else { return }
    guard now >= first, now < limit, let field = window.wordNow(now + layout.word) else {
      top = nil
      return
    }
    top = now
    let (newEnd, overflow) = now.addingReportingOverflow(field & ~HeapLayout.flags)
    if !overflow, newEnd & (window.memory.pageSize - 1) == 0, newEnd > now, newEnd <= limit { end = newEnd }
    if now < position {
      retries += 1
      rollBack(to: now)
    }
  }

  // MARK: Trying again

  private func keepCheckpoint() {
    if let last = checkpoints.last, position <= last.position { return }
    if checkpoints.count == Self.checkpointMaximum { checkpoints.removeFirst() }
    checkpoints.append(Checkpoint(position: position, sums: sums, wasFree: wasFree))
  }

  private func succeed() -> Progress {
    if position > furthest {
      furthest = position
      failures = 0
      size = min(size * 2, HeapWindow.maximum)
    }
    return retries < Self.retryMaximum ? .goesOn : .stuck(.changed)
  }

  private func fail(_ gap: HeapGaps) -> Progress {
    retries += 1
    failures += 1
    furthest = max(furthest, position)
    // A smaller window is less likely to change while it is copied.
    size = max(size / 2, HeapWindow.minimum)
    if failures % 4 == 0, checkpoints.count > 1 { checkpoints.removeLast() }
    if failures == Self.failureMaximum / 2 { checkpoints.removeAll(keepingCapacity: true) }
    if let last = checkpoints.last { restore(last) } else { startOver() }
    let isHopeless = failures >= Self.failureMaximum || retries >= Self.retryMaximum
    return isHopeless || (gap == .swapped && failures >= 3) ? .stuck(gap) : .goesOn
  }

  private func rollBack(to address: UInt64) {
    while let last = checkpoints.last, last.position > address { checkpoints.removeLast() }
    if let last = checkpoints.last { restore(last) } else { startOver() }
  }
  private func restore(_ checkpoint: Checkpoint) {
    position = checkpoint.position
    sums = checkpoint.sums
    wasFree = checkpoint.wasFree
  }
  private func startOver() {
    position = first
    sums = HeapSums()
    wasFree = false
  }

  private func isSwapped(_ address: UInt64) -> Bool {
    var byte: UInt8 = 0
    return withUnsafeMutableBytes(of: &byte) { window.memory.read(address, into: $0) } == .swapped
  }
}

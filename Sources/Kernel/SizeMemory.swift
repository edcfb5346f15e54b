// Remembers how large files were at the last walk, to find those that grow. Bounded: 16 bytes per file and half of the
// places free, 2048 files at most.
import Samples

struct SizeMemory {
  private struct Place {
    /// 0: free. Inode numbers of RAM filesystems fit into 32 bits for as long as a board is up; a collision costs a
    /// wrong grower for one walk.
    var inode: UInt32 = 0
    /// Allocated pages, and in the lowest bit the generation that saw it last.
    var mark: UInt32 = 0
    var size: UInt64 = 0
  }
  private var places: [Place] = []
  private var count = 0, seen = 0
  private var generation: UInt32 = 0
  /// A whole walk was remembered: what is not known is new.
  private var isWhole = false, overflowed = false
  /// Of a tree with more files than can be remembered, only those that hold this much.
  private var floor = ByteCount.zero
  static let maximum = 2048

  /// What the file gained since the last walk; all it holds when it is new; zero when nothing is known of it.
  mutating func gained(_ file: FileStatus) -> ByteCount {
    guard file.allocated >= floor else { return .zero }
    if places.isEmpty { rebuild(size: 64, keepingUnseen: true) }
    let key = max(UInt32(truncatingIfNeeded: file.inode ^ (file.inode >> 32)), 1)
    var i = place(of: key)
    let isNew = places[i].inode == 0
    if isNew, count * 2 >= places.count {
      guard places.count < Self.maximum * 2 else {
        overflowed = true
        return .zero
      }
      rebuild(size: places.count * 2, keepingUnseen: true)
      i = place(of: key)
    }
    let before = (size: ByteCount(places[i].size), allocated: ByteCount(UInt64(places[i].mark >> 1) * 4096))
    if isNew { count += 1 }
    if isNew || places[i].mark & 1 != generation { seen += 1 }
    let pages = UInt32(clamping: file.allocated.rawValue / 4096) & (.max >> 1)
    places[i] = Place(inode: key, mark: pages << 1 | generation, size: file.size.rawValue)
    if isNew { return isWhole ? min(file.size, file.allocated) : .zero }
    return FileStatus.gain(size: file.size, allocated: file.allocated, since: before)
  }

  /// The walk is over: files that it did not meet are forgotten, when they are many.
  mutating func endWalk(complete: Bool) {
    if complete {
      if overflowed, floor == .zero { floor = .kib(64) }
      if overflowed || count - seen > 16 + count / 4 { rebuild(size: places.count, keepingUnseen: false) }
    }
    isWhole = complete && !overflowed
    overflowed = false
    generation ^= 1
    seen = 0
  }

  private mutating func rebuild(size: Int, keepingUnseen: Bool) {
    let old = places
    places = [Place](repeating: Place(), count: size)
    count = 0
    for entry in old where entry.inode != 0 && (keepingUnseen || entry.mark & 1 == generation) {
      guard UInt64(entry.mark >> 1) * 4096 >= floor.rawValue else { continue }
      places[place(of: entry.inode)] = entry
      count += 1
    }
  }

  /// Its place, or the free one where it belongs. The number of places is a power of two, half of them free.
  private func place(of inode: UInt32) -> Int {
    var i = Int((inode &* 2_654_435_761) >> 7) & (places.count - 1)
    while places[i].inode != 0, places[i].inode != inode { i = (i + 1) & (places.count - 1) }
    return i
  }
}

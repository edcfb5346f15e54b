// The few files that matter most of very many: fixed places, whose memory is used again and again.

public struct RankedFile: Sendable {
  /// Absolute.
  public var path = Bytes()
  public var inode: UInt64 = 0
  /// st_blocks × 512, and st_size.
  public var allocated = ByteCount.zero, size = ByteCount.zero
  /// What it is ranked by: the bytes it holds, or those it gained.
  public var rank = ByteCount.zero
  public init() {}
}

/// The files of the highest rank, the highest first. Allocates until every place was used once, then only for a path
/// that is longer than all before it.
public struct FileRanking: Sendable {
  private var places = [RankedFile]()
  private let capacity: Int
  public private(set) var count = 0

  public init(capacity: Int) { self.capacity = max(capacity, 1) }

  public subscript(i: Int) -> RankedFile { places[i] }
  public var isEmpty: Bool { count == 0 }
  public mutating func clear() { count = 0 }

  /// Whether a file of this rank would get a place.
  public func admits(_ rank: ByteCount) -> Bool {
    rank > .zero && (count < capacity || places[count - 1].rank < rank)
  }

  /// Takes the file in, in place of the last one when all places are taken. `path` writes it into an empty buffer.
  public mutating func insert(_ status: FileStatus, rank: ByteCount, path: (inout Bytes) -> Void) {
    guard admits(rank) else { return }
    if count < capacity { addPlace() }
    var i = count - 1
    places[i].path.removeAll(keepingCapacity: true)
    path(&places[i].path)
    places[i].inode = status.inode
    places[i].allocated = status.allocated
    places[i].size = status.size
    places[i].rank = rank
    while i > 0, places[i - 1].rank < rank {
      places.swapAt(i, i - 1)
      i -= 1
    }
  }

  private mutating func addPlace() {
    if count == places.count { places.append(RankedFile()) }
    count += 1
  }

  /// Becomes a copy of another ranking, in its own memory.
  public mutating func copy(_ other: borrowing FileRanking) {
    clear()
    for i in 0..<min(other.count, capacity) {
      addPlace()
      places[i].path.removeAll(keepingCapacity: true)
      places[i].path.append(contentsOf: other.places[i].path)
      places[i].inode = other.places[i].inode
      places[i].allocated = other.places[i].allocated
      places[i].size = other.places[i].size
      places[i].rank = other.places[i].rank
    }
  }
}

/// What the regular files of a tree come to.
public struct TreeSums: Equatable, Sendable {
  /// Sum of st_size: a sparse file of 1 GB counts whole.
  public var apparent = ByteCount.zero
  /// What is allocated beyond the files' ends: the rest of each last page. 1000 files of 2 bytes lose 4 MB.
  public var rounding = ByteCount.zero
  /// The bytes that were written and are still held: the lesser of size and allocated, file by file. Grows by 70 when
  /// 70 bytes are appended, where `allocated` grows by a page now and then.
  public var exact = ByteCount.zero
  public var regularFiles: UInt64 = 0
  public init() {}

  public mutating func add(_ file: FileStatus) {
    apparent += file.size
    rounding += file.allocated - file.size
    exact += min(file.size, file.allocated)
    regularFiles += 1
  }
}

extension FileStatus {
  /// What was written between two looks at a file. By size, so that it is exact; but no more than a page beyond what was
  /// allocated, for a writer without O_APPEND makes the size of an emptied file jump by gigabytes. A size that fell is
  /// somebody's cut: what is in it now was gained.
  public static func gain(
    size: ByteCount, allocated: ByteCount, since before: (size: ByteCount, allocated: ByteCount)
  ) -> ByteCount {
    guard before.size <= size else { return min(size, allocated) }
    let written = size - before.size
    guard before.allocated <= allocated else { return written }
    let more = allocated - before.allocated
    return written == .zero ? more : min(written, more + .kib(4))
  }
}

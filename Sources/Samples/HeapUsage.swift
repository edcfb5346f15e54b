// What a walk over a process's heap found, as plain values.

/// Who manages a process's heap, as its mappings tell.
public enum Allocator: UInt8, Equatable, Sendable {
  case glibc, musl, jemalloc, tcmalloc, mimalloc, go, unknown
}

/// Why a walk did not see all.
public struct HeapGaps: OptionSet, Equatable, Sendable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// Chunk headers are in swap, where they were left.
  public static let swapped = HeapGaps(rawValue: 1)
  /// The heap changed under the walk more often than it was tried again, or is corrupt.
  public static let changed = HeapGaps(rawValue: 2)
  /// A bound of the walk was reached: time, mappings, heaps, or free-list entries.
  public static let bound = HeapGaps(rawValue: 4)
  /// An arena has memory that was not found.
  public static let elsewhere = HeapGaps(rawValue: 8)
  /// The allocator is not one whose heap can be walked.
  public static let unwalkable = HeapGaps(rawValue: 16)
}

/// Chunks by size; class i holds sizes from 2^(i+4) up to, not including, 2^(i+5) bytes, the last all larger ones.
public struct SizeClasses: Equatable, Sendable {
  public static let count = 24
  public var chunks = InlineArray<24, UInt64>(repeating: 0), bytes = InlineArray<24, UInt64>(repeating: 0)
  public init() {}
  public mutating func add(_ size: UInt64) {
    let bits = 63 - (size | 16).leadingZeroBitCount
    let i = min(bits - 4, Self.count - 1)
    chunks[i] &+= 1
    bytes[i] &+= size
  }
  public mutating func add(_ other: SizeClasses) {
    for i in 0..<Self.count {
      chunks[i] &+= other.chunks[i]
      bytes[i] &+= other.bytes[i]
    }
  }
  /// The size that the chunks of a class are below; nil for the last class.
  public static func bound(_ i: Int) -> UInt64? { i + 1 < count ? 1 << UInt64(i + 5) : nil }
  public static func == (a: SizeClasses, b: SizeClasses) -> Bool {
    for i in 0..<count where a.chunks[i] != b.chunks[i] || a.bytes[i] != b.bytes[i] { return false }
    return true
  }
}

/// What the chunks of one heap, or of all, come to.
public struct HeapSums: Equatable, Sendable {
  /// Sizes with their headers, as mallinfo2(3) counts them. What lies in a tcache or a fastbin looks in use.
  public var inUse = SizeClasses(), free = SizeClasses()
  /// Bytes of whole resident pages in free chunks and at the main arena's top: what malloc_trim(0) would give back.
  public var trimmable: UInt64 = 0
  /// The sizes of the largest free chunks, the largest first.
  public var largestFree = InlineArray<8, UInt64>(repeating: 0)
  /// In tcaches, as far as they were recognised; part of what looks in use.
  public var cached: UInt64 = 0
  public init() {}

  public mutating func addFree(_ size: UInt64) {
    free.add(size)
    rank(size)
  }
  public mutating func add(_ other: HeapSums) {
    inUse.add(other.inUse)
    free.add(other.free)
    trimmable &+= other.trimmable
    cached &+= other.cached
    for i in 0..<8 { rank(other.largestFree[i]) }
  }
  private mutating func rank(_ size: UInt64) {
    guard size > largestFree[7] else { return }
    var i = 7
    while i > 0, largestFree[i - 1] < size {
      largestFree[i] = largestFree[i - 1]
      i -= 1
    }
    largestFree[i] = size
  }
  public static func == (a: HeapSums, b: HeapSums) -> Bool {
    for i in 0..<8 where a.largestFree[i] != b.largestFree[i] { return false }
    return a.inUse == b.inUse && a.free == b.free && a.trimmable == b.trimmable && a.cached == b.cached
  }
}

/// One arena of glibc's malloc.
public struct ArenaUsage: Equatable, Sendable {
  public var isMain: Bool
  /// Contiguous heaps it is made of.
  public var heaps = 0
  /// What it got from the kernel; in use (with its bookkeeping and tcaches); free (with its fastbins); at its top.
  public var system: UInt64 = 0, inUse: UInt64 = 0, free: UInt64 = 0, top: UInt64 = 0
  /// Of `free`, in its fastbins.
  public var fast: UInt64 = 0
  /// Not seen: neither in use nor free as far as is known.
  public var unread: UInt64 = 0
  public init(isMain: Bool) { self.isMain = isMain }
}

/// The whole of it. in use + free + unread = system.
public struct HeapUsage: Equatable, Sendable {
  public var allocator = Allocator.unknown
  /// 64 or 32: the process's word.
  public var bits: UInt8 = 0
  public var gaps = HeapGaps()
  /// The main arena first.
  public var arenas = [ArenaUsage]()
  public var sums = HeapSums()
  /// Chunks with a mapping of their own: in number, in bytes, and as many bytes as were found one by one.
  public var mappedChunks: UInt64 = 0, mapped: UInt64 = 0, mappedFound: UInt64 = 0
  /// What the walk cost: bytes read, tries after a change, microseconds of work, slices.
  public var bytesRead: UInt64 = 0, retries = 0, microseconds: Int64 = 0, slices = 0
  public init() {}

  public var isComplete: Bool { gaps.isEmpty }
  private func sum(_ part: (ArenaUsage) -> UInt64) -> UInt64 {
    var sum: UInt64 = 0
    for arena in arenas { sum &+= part(arena) }
    return sum
  }
  /// From the kernel, with the mapped chunks.
  public var system: ByteCount { ByteCount(sum { $0.system } &+ mapped) }
  public var inUse: ByteCount { ByteCount(sum { $0.inUse } &+ mapped) }
  public var free: ByteCount { ByteCount(sum { $0.free }) }
  public var top: ByteCount { ByteCount(sum { $0.top }) }
  public var fast: ByteCount { ByteCount(sum { $0.fast }) }
  public var unread: ByteCount { ByteCount(sum { $0.unread }) }
}

// What only the ledger asks of the kernel: figures of the board that nothing watches, and what one process is booked
// with. Plain values.

/// The lines of /proc/meminfo beyond MemInfo. A line this kernel does not have is nil.
public struct MemInfoRest: Sendable {
  /// In the order of their names in the parser.
  public enum Line: UInt8, Sendable {
    /// On the lists of file pages that can be dropped; MADV_FREE pages stand there too.
    case activeFile, inactiveFile
    /// Pages of vmalloc, kernel stacks among them. Before Linux 4.4 an address range, then vmallocChunk is not 0.
    case vmallocUsed, vmallocChunk
    case secondaryPageTables
    /// What zswap's compressed pages take (Linux 5.19).
    case zswap
    /// All huge pages in bytes (Linux 4.16), else their number (a count, not bytes) and the size of one.
    case hugetlb, hugePages, hugePageSize
  }
  public static let count = 9
  private var values = InlineArray<9, UInt64>(repeating: .max)
  public init() {}
  public subscript(line: Line) -> ByteCount? {
    @inline(never) get {
      let value = values[Int(line.rawValue)]
      return value == .max ? nil : ByteCount(value)
    }
  }
  public mutating func set(_ line: Int, _ value: ByteCount) { values[line] = value.rawValue }
}

/// What the ledger books to a process, or to several together. Shared pages are divided among those who map them, as PSS
/// does, so that sums count nothing twice.
public struct ProcessShare: Equatable, Sendable {
  /// Anonymous pages, less those given back with MADV_FREE; those; mapped pages of files; mapped shared memory.
  public var anonymous = ByteCount.zero, lazyFree = ByteCount.zero
  public var file = ByteCount.zero, shared = ByteCount.zero
  /// Not in RAM.
  public var swap = ByteCount.zero
  /// Of RSS, or of a PSS that this kernel does not take apart: too high where processes share pages.
  public var isEstimate = false
  public init() {}

  public static func += (a: inout ProcessShare, b: ProcessShare) {
    a.anonymous += b.anonymous
    a.lazyFree += b.lazyFree
    a.file += b.file
    a.shared += b.shared
    a.swap += b.swap
    a.isEstimate = a.isEstimate || b.isEstimate
  }
}

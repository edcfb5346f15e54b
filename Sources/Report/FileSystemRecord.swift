// What is known of everything that lives in RAM as files. The loop fills it; nothing here does I/O or judges.
public import Policy
public import Samples

/// One RAM filesystem: everything on it is memory.
public final class FileSystemRecord {
  public let point: Bytes
  public let kind: Mount.Kind
  /// Where else it is mounted, whole or in part.
  public var alsoAt = [Bytes]()
  /// Another mount lies over it: what it holds cannot be seen, and costs memory all the same.
  public var isCovered = false
  /// statfs for a tmpfs with a size; otherwise the last whole walk and what is held deleted. Its size is the size= of a
  /// tmpfs.
  public var usage: FileSystemUsage?
  public var absence: Absence?
  /// Of the last whole walk; nil before it.
  public var sums: TreeSums?
  /// Its files that hold most, and those that grow, the fastest of the last ten minutes first.
  public var largest = FileRanking(capacity: listed)
  public var growers = [GrowerRecord]()
  /// Files without a name that processes hold open.
  public var deleted = ByteCount.zero
  /// What it can hold at most: its size, or what it holds and RAM has left, whichever is less.
  public var limit: ByteCount?
  public var rate = FillRate()
  public var untilFull: Milliseconds?
  public static let listed = 8

  public init(point: Bytes, kind: Mount.Kind, usage: FileSystemUsage?, absence: Absence?) {
    self.point = point
    self.kind = kind
    self.usage = usage
    self.absence = absence
  }

  /// Held by it, and by no file that a walk meets or a process holds open: files that only a mapping holds, or under
  /// another mount. nil where nobody can know.
  public var unaccounted: ByteCount? {
    guard kind == .tmpfs, let usage, usage.size != nil, let sums else { return nil }
    return usage.used - sums.exact - sums.rounding - deleted
  }
}

/// A file that grew while memwarden looked.
public struct GrowerRecord: Sendable {
  public var path: Bytes
  public var inode: UInt64
  public var allocated: ByteCount, size: ByteCount
  /// Between the last two walks.
  public var bytesPerSecond: UInt64 = 0
  public var growth = LogGrowth()
  /// What the last ten to twenty minutes come to in a day.
  public var bytesPerDay = ByteCount.zero
  /// One that has it open for writing, and how many do; nil while none is known.
  public var writer: WriterRecord?
  public var writers = 0
  /// When its writers were looked for last.
  public var searchedAt: Instant?
  public init(path: Bytes, inode: UInt64, allocated: ByteCount, size: ByteCount) {
    self.path = path
    self.inode = inode
    self.allocated = allocated
    self.size = size
  }
}

/// A file without a name, and a process that holds it.
public struct HeldFileRecord: Sendable {
  /// The path it had, or the name of the memfd.
  public var path: Bytes
  public var status: FileStatus
  public var pid: Int32, descriptor: Int32
  public var comm: Bytes
  /// The worker it belongs to; empty when it is none's.
  public var worker: Bytes
  public var writes: Bool
  /// How many descriptors were met, and whether all that write append.
  public var holders = 1, appends: Bool
  /// Its former path is that of a watched log: it is kept within that log's budget.
  public var isLog = false
  /// An event told of it.
  public var isTold = false
  public init(
    path: Bytes, status: FileStatus, pid: Int32, descriptor: Int32, comm: Bytes, worker: Bytes, writes: Bool,
    appends: Bool
  ) {
    self.path = path
    self.status = status
    self.pid = pid
    self.descriptor = descriptor
    self.comm = comm
    self.worker = worker
    self.writes = writes
    self.appends = appends
  }
}

/// A System V segment, and who made it.
public struct SegmentRecord: Sendable {
  public var segment: SharedSegment
  /// Of the process that made it; empty when that has ended.
  public var comm: Bytes
  public init(segment: SharedSegment, comm: Bytes) {
    self.segment = segment
    self.comm = comm
  }
}

public protocol HoldsMemory {
  var held: ByteCount { get }
}
extension HeldFileRecord: HoldsMemory {
  public var held: ByteCount { status.allocated }
}
extension SegmentRecord: HoldsMemory {
  public var held: ByteCount { segment.held }
}

/// The largest of each kind, at most `listed`; number and bytes are of all.
public struct HeldList<Record: HoldsMemory & Sendable>: Sendable {
  public var list = [Record]()
  public var count = 0, bytes = ByteCount.zero
  public init() {}
  public mutating func clear() {
    list.removeAll(keepingCapacity: true)
    count = 0
    bytes = .zero
  }
  public mutating func add(_ record: Record) {
    count += 1
    bytes += record.held
    if list.count < HeldMemory.listed { return list.append(record) }
    var least = 0
    for i in list.indices where list[i].held < list[least].held { least = i }
    if list[least].held < record.held { list[least] = record }
  }
}

/// Memory of files that no path leads to.
public struct HeldMemory: Sendable {
  public var deleted = HeldList<HeldFileRecord>(), memfds = HeldList<HeldFileRecord>()
  public var segments = HeldList<SegmentRecord>()
  /// Processes whose descriptors could not be read: there may be more.
  public var unreadable = 0
  /// When all descriptors were looked at last; nil before the first time.
  public var searchedAt: Instant?
  public static let listed = 16
  public init() {}
}

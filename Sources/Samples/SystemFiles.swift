// What the kernel says of the whole board, a type per kernel file.

/// /proc/meminfo. A line this kernel does not have is nil.
public struct MemInfo: Equatable, Sendable {
  public var total = ByteCount.zero, free = ByteCount.zero
  public var available: ByteCount?
  public var buffers: ByteCount?, cached: ByteCount?, shmem: ByteCount?
  public var unevictable: ByteCount?, mlocked: ByteCount?
  public var anonPages: ByteCount?, slab: ByteCount?, slabReclaimable: ByteCount?, slabUnreclaimable: ByteCount?
  public var kernelStack: ByteCount?, pageTables: ByteCount?, percpu: ByteCount?
  public var swapTotal: ByteCount?, swapFree: ByteCount?
  public init() {}

  public var swapUsed: ByteCount? {
    guard let swapTotal, let swapFree else { return nil }
    return swapTotal - swapFree
  }

  /// MemAvailable (Linux 3.14); before it free + buffers + cached less what lives in RAM filesystems, which counts as
  /// cached and can never be dropped: Shmem holds tmpfs, Unevictable − Mlocked holds ramfs.
  public var usable: ByteCount {
    if let available { return available }
    let ramfs = (unevictable ?? .zero) - (mlocked ?? .zero)
    return free + (buffers ?? .zero) + ((cached ?? .zero) - (shmem ?? .zero) - ramfs)
  }
}

/// /proc/pressure/memory (Linux 4.20, CONFIG_PSI): shares of time stalled, and stall time since boot in µs.
public struct Pressure: Equatable, Sendable {
  public var someAvg10 = Permyriad(0), someAvg60 = Permyriad(0), someTotalMicroseconds: UInt64 = 0
  public var fullAvg10 = Permyriad(0), fullAvg60 = Permyriad(0), fullTotalMicroseconds: UInt64 = 0
  public init() {}
}

/// /proc/vmstat: the counters that stand in for pressure where there is no PSI. Absent lines are nil.
public struct VMStat: Equatable, Sendable {
  /// Sum of pgscan_direct*, of allocstall*; pgmajfault; oom_kill (Linux 4.13). Events since boot.
  public var directScans: UInt64?, allocationStalls: UInt64?, majorFaults: UInt64?, oomKills: UInt64?
  public init() {}
}

/// The memory controller of one cgroup, version 1 or 2. A limit the kernel calls "max", or the v1 huge number, is nil.
public struct CgroupMemory: Equatable, Sendable {
  public enum Version: UInt8, Sendable { case v1 = 1, v2 = 2 }
  public var version: Version
  /// memory.current, or memory.usage_in_bytes.
  public var current = ByteCount.zero
  /// memory.max or memory.limit_in_bytes; memory.high (v2 only).
  public var max: ByteCount?, high: ByteCount?
  /// memory.peak (Linux 5.19) or memory.max_usage_in_bytes.
  public var peak: ByteCount?
  /// memory.stat: inactive_file (droppable), shmem (tmpfs pages, charged to whoever touched them first), anon (v1: rss).
  public var inactiveFile: ByteCount?, shmem: ByteCount?, anon: ByteCount?
  /// memory.events.local (v2): high, max, oom_kill. memory.oom_control oom_kill (v1, Linux 4.13).
  public var highEvents: UInt64?, maxEvents: UInt64?, oomKills: UInt64?
  public init(version: Version) { self.version = version }
}

/// A device number as st_dev and mountinfo know it.
public struct Device: Equatable, Hashable, Sendable {
  public var major: UInt32, minor: UInt32
  public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }
}

/// One line of /proc/PID/mountinfo, e.g. `31 23 0:28 / /var/log rw,relatime shared:1 - tmpfs tmpfs rw,size=1024k`,
/// its \040 escapes undone.
public struct Mount: Equatable, Sendable {
  public enum Kind: UInt8, Sendable { case ramfs, tmpfs, other }
  public var device: Device
  /// The part of the filesystem that is mounted here; not "/" for a bind mount of a folder.
  public var root: Bytes, point: Bytes
  public var kind: Kind
  public var readOnly: Bool
  /// Behind it is a server or another process, which may never answer, or another filesystem, which may be in RAM.
  public var isIndirect = false
  public init(device: Device, root: Bytes, point: Bytes, kind: Kind, readOnly: Bool) {
    self.device = device
    self.root = root
    self.point = point
    self.kind = kind
    self.readOnly = readOnly
  }
}

/// Bytes and files on one filesystem: statfs(2) for tmpfs, a walk for ramfs, whose statfs says 0 of 0.
public struct FileSystemUsage: Equatable, Sendable {
  /// nil for ramfs: it has no size of its own, only the board's RAM.
  public var size: ByteCount?
  public var used = ByteCount.zero
  public var files: UInt64 = 0
  /// nil where the filesystem sets no bound.
  public var filesMaximum: UInt64?
  /// False while a walk has not yet seen every directory.
  public var complete = true
  public init() {}
}

/// What stat(2) says of one file, in the numbers that matter here.
public struct FileStatus: Equatable, Sendable {
  public var device: Device
  public var inode: UInt64
  public var links: UInt64
  public var mode: UInt32
  public var uid: UInt32
  /// st_size, and st_blocks × 512: on a sparse file they differ by gigabytes.
  public var size: ByteCount, allocated: ByteCount
  public init(
    device: Device, inode: UInt64, links: UInt64, mode: UInt32, uid: UInt32, size: ByteCount, allocated: ByteCount
  ) {
    self.device = device
    self.inode = inode
    self.links = links
    self.mode = mode
    self.uid = uid
    self.size = size
    self.allocated = allocated
  }
  public var isRegular: Bool { mode & 0o170000 == 0o100000 }
}

/// One process that has a file open, from /proc/PID/fd/N and /proc/PID/fdinfo/N.
public struct FileHolder: Equatable, Sendable {
  public var identity: Identity
  public var descriptor: Int32
  /// O_WRONLY or O_RDWR in the octal `flags:` line; O_APPEND is octal 02000 on every Linux.
  public var writes: Bool, appends: Bool
  /// The `pos:` line: where the next write of a descriptor without O_APPEND lands.
  public var position: UInt64
  /// The whole `flags:` line: O_* of this processor, and O_CLOEXEC.
  public var flags: UInt64 = 0
  public init(identity: Identity, descriptor: Int32, writes: Bool, appends: Bool, position: UInt64) {
    self.identity = identity
    self.descriptor = descriptor
    self.writes = writes
    self.appends = appends
    self.position = position
  }
}

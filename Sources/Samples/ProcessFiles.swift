// What one process says of itself, a type per kernel file (proc(5), Documentation/filesystems/proc.rst).

/// A process's comm: at most 15 bytes for user processes, up to 63 for kernel workers; any byte but NUL. Held in place
/// so that a scan of /proc allocates nothing.
public struct Comm: Sendable {
  public private(set) var bytes = InlineArray<64, UInt8>(repeating: 0)
  public private(set) var count = 0
  public init() {}
  public mutating func append(_ byte: UInt8) {
    guard count < 64 else { return }
    bytes[count] = byte
    count &+= 1
  }
  public func equals(_ name: Bytes) -> Bool {
    guard name.count == count else { return false }
    for i in 0..<count where bytes[i] != name[i] { return false }
    return true
  }
  public var array: Bytes {
    var out = Bytes()
    for i in 0..<count { out.append(bytes[i]) }
    return out
  }
}

/// /proc/PID/stat, e.g. `7 (sh) S 1 7 7 0 -1 4194560 …`. comm may hold blanks, brackets and newlines: fields are
/// counted after the last `)`.
public struct Stat: Sendable {
  public var comm = Comm()
  /// Field 3: R S D T t Z X I …
  public var state: UInt8 = 0
  public var parent: Int32 = 0
  public var processGroup: Int32 = 0
  public var session: Int32 = 0
  /// Field 9, PF_* of include/linux/sched.h.
  public var flags: UInt32 = 0
  /// Fields 14 and 15, in clock ticks.
  public var userTicks: UInt64 = 0, systemTicks: UInt64 = 0
  public var threads: Int32 = 0
  public var startTicks: UInt64 = 0
  /// Field 38, 0 when it is not there.
  public var exitSignal: Int32 = 0
  public init() {}
  /// /proc/TID/stat can be read of every thread, though /proc does not list it: only a leader has an exit signal.
  public var isThread: Bool { exitSignal == -1 }
  public var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
  /// Z (zombie) or X (dead).
  public var isDead: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
}

/// /proc/PID/statm, e.g. `1068 252 213 11 0 110 0`, in pages there, in bytes here.
public struct Statm: Equatable, Sendable {
  public var size = ByteCount.zero, resident = ByteCount.zero
  /// Resident file-backed and shared-memory pages.
  public var shared = ByteCount.zero
  public init() {}
  /// resident − shared: RssAnon, the cheapest stand-in for what is this process's own.
  public var anonymous: ByteCount { resident - shared }
}

/// The lines of /proc/PID/status that are used. Absent lines (kernel threads, zombies, old kernels) are nil.
public struct Status: Sendable {
  /// Real and effective user id.
  public var uid: UInt32?, effectiveUid: UInt32?
  public var threads: UInt32?
  /// SigCgt: a bit for each signal that has a handler, signal 1 the lowest.
  public var caught: UInt64?
  /// VmHWM, VmRSS, VmSwap; RssAnon, RssFile and RssShmem from Linux 4.5.
  public var highWaterMark: ByteCount?, rss: ByteCount?, swap: ByteCount?
  public var rssAnon: ByteCount?, rssFile: ByteCount?, rssShmem: ByteCount?
  public init() {}
}

/// /proc/PID/smaps_rollup (Linux 4.14), or the sum over /proc/PID/smaps where that is missing.
public struct SmapsRollup: Equatable, Sendable {
  public var rss = ByteCount.zero, pss = ByteCount.zero
  /// What pss is made of (Linux 5.3, rollup only).
  public var pssAnon: ByteCount?, pssFile: ByteCount?, pssShmem: ByteCount?
  public var privateClean = ByteCount.zero, privateDirty = ByteCount.zero, privateHugetlb = ByteCount.zero
  /// Anonymous: pages with no file behind them.
  public var anonymous = ByteCount.zero
  /// MADV_FREE pages the kernel may take back (Linux 4.12): still counted in rss, pss and uss.
  public var lazyFree = ByteCount.zero
  public var swap = ByteCount.zero, swapPss = ByteCount.zero
  public init() {}
  /// What the process's end would free: Private_Clean + Private_Dirty + Private_Hugetlb, less LazyFree.
  public var uss: ByteCount { privateClean + privateDirty + privateHugetlb - lazyFree }
}

/// What is known of one process's memory at one instant, by the dearest file that could be read.
public struct Footprint: Equatable, Sendable {
  public var rss = Reading.absent(.notRead)
  public var pss = Reading.absent(.notRead)
  public var uss = Reading.absent(.notRead)
  public var anon = Reading.absent(.notRead)
  public var swap = Reading.absent(.notRead)
  public init() {}
}

// Units: the values every floor speaks. Plain numbers with a name; nothing here reads, writes or knows the time.

/// Text as the kernel gives it: a name, a path or a command line is bytes, not necessarily UTF-8.
public typealias Bytes = [UInt8]

/// A number of bytes. Kernel files speak kB and pages; everything above the parsers speaks bytes.
public struct ByteCount: Equatable, Comparable, Hashable, Sendable {
  public var rawValue: UInt64
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  public static let zero = ByteCount(0)
  /// Saturates at 2^64-1: a kB figure from the kernel may be any 64-bit number.
  public static func kib(_ n: UInt64) -> ByteCount { ByteCount(saturating: n, times: 1024) }
  public static func mib(_ n: UInt64) -> ByteCount { ByteCount(saturating: n, times: 1024 * 1024) }
  public init(saturating n: UInt64, times unit: UInt64) {
    let (product, overflow) = n.multipliedReportingOverflow(by: unit)
    self.rawValue = overflow ? .max : product
  }

  public static func < (a: ByteCount, b: ByteCount) -> Bool { a.rawValue < b.rawValue }
  /// Saturating: sums of hostile figures must not trap.
  public static func + (a: ByteCount, b: ByteCount) -> ByteCount {
    let (sum, overflow) = a.rawValue.addingReportingOverflow(b.rawValue)
    return ByteCount(overflow ? .max : sum)
  }
  public static func += (a: inout ByteCount, b: ByteCount) { a = a + b }
  /// Never below zero: a counter that fell is a new life, not a negative amount.
  public static func - (a: ByteCount, b: ByteCount) -> ByteCount {
    ByteCount(a.rawValue > b.rawValue ? a.rawValue &- b.rawValue : 0)
  }
  /// `share` hundredths of a per cent of this amount.
  public func share(_ share: Permyriad) -> ByteCount {
    let (high, low) = rawValue.multipliedFullWidth(by: UInt64(share.rawValue))
    return ByteCount(high >= 10_000 ? .max : UInt64(10_000).dividingFullWidth((high, low)).quotient)
  }
}

/// Hundredths of a per cent: 8500 is 85 %. Decisions are made in integers.
public struct Permyriad: Equatable, Comparable, Sendable {
  public var rawValue: UInt32
  public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (a: Permyriad, b: Permyriad) -> Bool { a.rawValue < b.rawValue }
}

/// A length of time in milliseconds.
public struct Milliseconds: Equatable, Comparable, Sendable {
  public var rawValue: Int64
  public init(_ rawValue: Int64) { self.rawValue = rawValue }
  public static let zero = Milliseconds(0)
  public static func seconds(_ n: Int64) -> Milliseconds { Milliseconds(n &* 1000) }
  public static func < (a: Milliseconds, b: Milliseconds) -> Bool { a.rawValue < b.rawValue }
}

/// An instant on CLOCK_BOOTTIME, in milliseconds. Passed in, never read, outside the loop: the wall clock starts in
/// 1970 on a board without a battery and jumps; this one only goes forward, through suspend too.
public struct Instant: Equatable, Comparable, Sendable {
  public var milliseconds: Int64
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }
  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }
  public static func + (a: Instant, b: Milliseconds) -> Instant {
    let (sum, overflow) = a.milliseconds.addingReportingOverflow(b.rawValue)
    return Instant(milliseconds: overflow ? .max : sum)
  }
  public static func - (a: Instant, b: Instant) -> Milliseconds { Milliseconds(a.milliseconds &- b.milliseconds) }
}

/// What one process is, for as long as the machine is up: a pid is reused, a pid with its start time is not.
/// The third part, the boot id, is one per run of the kernel and is kept beside whatever outlives a boot.
public struct Identity: Equatable, Hashable, Sendable {
  public var pid: Int32
  /// Field 22 of /proc/PID/stat: clock ticks (USER_HZ, 100 per second) after boot.
  public var startTicks: UInt64
  public init(pid: Int32, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }
}

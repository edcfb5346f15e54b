// What is known of one worker at one instant, as plain numbers: what the conditions of a trigger speak of.
public import Samples

/// One figure. Its name is the word in the configuration; its unit is that of `FactUnit`.
public enum Fact: UInt8, CaseIterable, Sendable {
  /// As for Metric; `peak` is VmHWM of /proc/PID/status. Of the worst process, or of all together (`of = sum`).
  case uss, pss, rss, anon, swap, peak
  /// How fast the floor of the figure rises, bytes per hour; known only when it is told from noise (Growth).
  case growth
  /// Until the worker's first limit, or the board, is full at that growth.
  case exhaustion
  /// Open descriptors, threads, and established TCP connections of the worker's sockets.
  case descriptors, threads, connections
  /// Since the oldest process started.
  case age
  /// Share of one processor since the last sample.
  case cpu
  /// MemAvailable, and the `some avg10` of /proc/pressure/memory: the board's, not the worker's.
  case available, pressure

  public var name: StaticString {
    switch self {
    case .uss: "uss"
    case .pss: "pss"
    case .rss: "rss"
    case .anon: "anon"
    case .swap: "swap"
    case .peak: "peak"
    case .growth: "growth"
    case .exhaustion: "exhaustion"
    case .descriptors: "descriptors"
    case .threads: "threads"
    case .connections: "connections"
    case .age: "age"
    case .cpu: "cpu"
    case .available: "available"
    case .pressure: "pressure"
    }
  }

  public var unit: FactUnit {
    switch self {
    case .uss, .pss, .rss, .anon, .swap, .peak, .available: .bytes
    case .growth: .bytesPerHour
    case .exhaustion, .age: .milliseconds
    case .descriptors, .threads, .connections: .count
    case .cpu, .pressure: .permyriad
    }
  }

  /// The same as a limit's metric; nil for what is none.
  public var metric: Metric? {
    switch self {
    case .uss: .uss
    case .pss: .pss
    case .rss: .rss
    case .anon: .anon
    case .swap: .swap
    default: nil
    }
  }
  /// A memory figure of the worker's own: it can be compared with what it held after its warm-up.
  public var hasBaseline: Bool { metric != nil || self == .peak }
}

public enum FactUnit: Equatable, Sendable { case bytes, bytesPerHour, milliseconds, count, permyriad }

/// The facts of one instant. A fact that could not be read, or is not yet known, is nil: nothing is concluded from it.
public struct Facts: Sendable {
  private var known: UInt32 = 0
  private var values = InlineArray<16, Int64>(repeating: 0)
  /// MemTotal, for shares of it.
  public var memoryTotal = ByteCount.zero
  /// What the worker held after its warm-up; nil before that.
  public var baseline: ByteCount?
  public init() {}

  public subscript(fact: Fact) -> Int64? {
    get { known & 1 << UInt32(fact.rawValue) == 0 ? nil : values[Int(fact.rawValue)] }
    set {
      let bit: UInt32 = 1 << UInt32(fact.rawValue)
      known = newValue == nil ? known & ~bit : known | bit
      values[Int(fact.rawValue)] = newValue ?? 0
    }
  }
}

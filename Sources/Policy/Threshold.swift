// One figure against its limits: hold time and hysteresis. Pure; its memory is the struct itself.
public import Samples

/// The limits of one worker in bytes, shares of RAM resolved.
public struct Limits: Equatable, Sendable {
  public var soft: ByteCount?, hard: ByteCount?
  public init(soft: ByteCount? = nil, hard: ByteCount? = nil) {
    self.soft = soft
    self.hard = hard
  }
  public init(_ rules: WorkerRules, memTotal: ByteCount) {
    self.init(soft: rules.soft?.resolved(of: memTotal), hard: rules.hard?.resolved(of: memTotal))
  }
  /// The first limit a growing figure meets: hard may be below soft where one of them is a share of RAM.
  public var first: ByteCount? {
    guard let soft, let hard else { return soft ?? hard }
    return min(soft, hard)
  }
}

/// Where a figure stands towards its limits, from best to worst.
public enum Crossing: Equatable, Sendable {
  /// The figure could not be read: nothing is concluded from it, in either direction.
  case unknown
  case below
  /// Over the soft limit, not yet for as long as `hold`; also while it has not fallen under the clear line.
  case holding(since: Instant)
  case softHeld(since: Instant)
  case hard

  /// For the worst of a group.
  public var severity: Int {
    switch self {
    case .unknown: 0
    case .below: 1
    case .holding: 2
    case .softHeld: 3
    case .hard: 4
    }
  }
}

/// What is remembered of one figure between ticks: one per process (`of = each`) or per worker (`of = sum`).
public struct Threshold: Equatable, Sendable {
  /// When the soft limit was first exceeded, while the figure has not been below the clear line since.
  public private(set) var overSince: Instant?
  private var lastJudged: Instant?
  public init() {}

  /// A tick at which nothing could be concluded, for an exact figure is dear: the hold runs on over it.
  public mutating func wait(gap: Milliseconds, now: Instant) {
    if let last = lastJudged, now - last <= gap { lastJudged = now }
  }

  /// Judges one figure. `gap` is the longest pause between two samples over which the hold may run on: a machine that
  /// was suspended has not been over its limit all night.
  public mutating func judge(
    _ value: ByteCount?, limits: Limits, hold: Milliseconds, clear: Permyriad, gap: Milliseconds, now: Instant
  ) -> Crossing {
    guard let value else { return .unknown }
    if let last = lastJudged, now - last > gap, overSince != nil { overSince = now }
    lastJudged = now
    if let hard = limits.hard, value >= hard {
      overSince = overSince ?? now
      return .hard
    }
    guard let line = limits.soft ?? limits.hard else { return .below }
    if value < (overSince == nil ? line : line.share(clear)) {
      overSince = nil
      return .below
    }
    // With a hard limit alone there is no hold to wait out below it: only the way back down.
    guard limits.soft != nil, let since = overSince ?? (value >= line ? now : nil) else { return .below }
    overSince = since
    // Between the clear line and the limit the hold neither fires nor ends.
    guard value >= line else { return .holding(since: since) }
    return now - since >= hold ? .softHeld(since: since) : .holding(since: since)
  }
}

// What an operator asks for one worker. Values only; the judgement is in Threshold and Gate.
public import Samples

/// The figure a limit is set on. DESIGN.md section 5: as the kernel and smem use the words.
public enum Metric: UInt8, CaseIterable, Equatable, Sendable {
  /// What the end of the process would free: the fair figure for one process.
  case uss
  /// Shared pages divided among their users: the fair figure for a sum.
  case pss
  case rss
  /// RssAnon: resident pages with no file behind them.
  case anon
  /// Swapped out, by share (SwapPss) or whole (VmSwap).
  case swap
}

/// What a limit is compared with: each process of the worker, or all of them together.
public enum Scope: UInt8, Equatable, Sendable { case each, sum }

/// An amount of memory as it stands in the configuration: bytes, or a share of MemTotal.
public enum Limit: Equatable, Sendable {
  case bytes(ByteCount)
  case share(Permyriad)
  public func resolved(of total: ByteCount) -> ByteCount {
    switch self {
    case .bytes(let n): n
    case .share(let s): total.share(s)
    }
  }
}

/// At most `count` acts in any window of `per`; then the worker is parked. Count is 1 to 32.
public struct RestartBudget: Equatable, Sendable {
  public var count: Int
  public var per: Milliseconds
  public init(count: Int, per: Milliseconds) {
    self.count = count
    self.per = per
  }
}

public struct WorkerRules: Equatable, Sendable {
  public var metric = Metric.uss
  public var scope = Scope.each
  /// nil: no such limit. soft ≤ hard, checked where the configuration is read.
  public var soft: Limit?, hard: Limit?
  /// Any of them that is due leads to an act, like the soft limit. At most 8.
  public var triggers: [TriggerRules] = []
  /// How long the soft limit must be exceeded before it counts. The hard limit counts at once.
  public var hold = Milliseconds.seconds(30)
  /// A limit is left only below this share of it (hysteresis).
  public var clear = Permyriad(8500)
  /// After an act, this long nothing is done to the worker, whatever it holds.
  public var coolDown = Milliseconds.seconds(60)
  /// Wait before a repeated act after a failure or crash: doubles from `backoff` to `backoffMaximum`.
  public var backoff = Milliseconds.seconds(1), backoffMaximum = Milliseconds.seconds(300)
  public var budget = RestartBudget(count: 5, per: .seconds(3600))
  public var timing = TimingRules()
  /// Say what would have been done, do nothing.
  public var observe = false
  public init() {}
}

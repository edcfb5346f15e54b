// One trigger of a worker: an expression that must hold, for so long, in so many samples. Pure; its memory is a struct.
public import Samples

public struct TriggerRules: Equatable, Sendable {
  public var name: Bytes
  public var when: Expression
  /// How long it must be met before it counts.
  public var hold = Milliseconds.zero
  /// Met when `needed` of the last `of` samples are; 1 ≤ needed ≤ of ≤ 32.
  public var needed = 1, of = 1
  /// Once met it ends only at this share of each bound.
  public var clear = Permyriad(8500)
  public init(name: Bytes, when: Expression) {
    self.name = name
    self.when = when
  }
}

/// Where a trigger stands.
public enum TriggerState: Equatable, Sendable {
  /// A fact that decides could not be read.
  case unknown
  case quiet
  case holding(since: Instant)
  case due(since: Instant)
}

public struct TriggerMemory: Equatable, Sendable {
  /// Samples, the newest in the lowest bit.
  private var samples: UInt32 = 0
  private var since: Instant?
  private var lastJudged: Instant?
  public init() {}

  /// Judges one sample. `gap` is the longest pause between two over which the hold and the samples count on: a machine
  /// that was suspended has not met a condition all night.
  public mutating func judge(_ rules: TriggerRules, _ facts: Facts, gap: Milliseconds, now: Instant) -> TriggerState {
    guard let holds = rules.when.holds(facts, clear: since == nil ? Permyriad(10_000) : rules.clear) else {
      return .unknown
    }
    if let lastJudged, now - lastJudged > gap {
      samples = 0
      since = nil
    }
    lastJudged = now
    samples = samples << 1 | (holds ? 1 : 0)
    let window: UInt32 = rules.of >= 32 ? .max : 1 << UInt32(rules.of) - 1
    guard (samples & window).nonzeroBitCount >= rules.needed else {
      since = nil
      return .quiet
    }
    let start = since ?? now
    since = start
    return now - start >= rules.hold ? .due(since: start) : .holding(since: start)
  }
}

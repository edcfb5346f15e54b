// When may a worker be recycled that is due? Maintenance windows, idleness and a minimum life hold up what a soft limit or
// a trigger asks for, no longer than it may be postponed. Hard limits and people are not held up. Pure.
public import Samples

public struct TimingRules: Equatable, Sendable {
  /// Only within one of these; empty: at any time. While the clock is not synchronised nobody knows: then not.
  public var windows: [MaintenanceWindow] = []
  /// Only while this holds.
  public var onlyWhen: Expression?
  /// Not before its youngest process has lived so long.
  public var minimumLife = Milliseconds.zero
  /// What is due for this long is done whatever windows and `onlyWhen` say.
  public var postpone = Milliseconds.seconds(86_400)
  public init() {}
}

/// What the rules above are held against.
public struct Circumstances: Sendable {
  /// nil while the wall clock is not synchronised.
  public var wall: WallTime?
  /// When the youngest process of the worker started.
  public var youngest: Instant?
  public var facts: Facts
  public init(wall: WallTime?, youngest: Instant?, facts: Facts) {
    self.wall = wall
    self.youngest = youngest
    self.facts = facts
  }
}

public struct Timing: Equatable, Sendable {
  /// Since when an act has been due without pause.
  public private(set) var dueSince: Instant?
  public init(dueSince: Instant? = nil) { self.dueSince = dueSince }

  /// The verdict as it stands in the light of the hour.
  public mutating func judge(
    _ verdict: Verdict, _ rules: TimingRules, _ circumstances: Circumstances, now: Instant
  ) -> Verdict {
    switch verdict {
    case .recycle(let reason) where reason.canWait, .wouldRecycle(let reason) where reason.canWait:
      let since = dueSince ?? now
      dueSince = since
      return objection(rules, circumstances, since: since, now: now).map { .blocked(reason, by: $0) } ?? verdict
    case .recycle, .wouldRecycle, .blocked, .park, .unknown: return verdict
    case .below, .holding:
      dueSince = nil
      return verdict
    }
  }

  /// After an act: what is due from now on is due anew.
  public mutating func acted() { dueSince = nil }

  private func objection(
    _ rules: TimingRules, _ circumstances: Circumstances, since: Instant, now: Instant
  ) -> Obstacle? {
    if rules.minimumLife > .zero, let youngest = circumstances.youngest, now - youngest < rules.minimumLife {
      return .young(until: youngest + rules.minimumLife)
    }
    if now - since >= rules.postpone { return nil }
    if !rules.windows.isEmpty {
      guard let wall = circumstances.wall else { return .clockUnset }
      let isWithin = rules.windows.contains { $0.contains(weekday: wall.weekday, minute: wall.minute) }
      if !isWithin { return .outsideWindow }
    }
    if let onlyWhen = rules.onlyWhen, onlyWhen.holds(circumstances.facts, clear: Permyriad(10_000)) != true {
      return .busy
    }
    return nil
  }
}

extension Reason {
  /// A crash is over already, a hard limit is one, and a person knows what they ask for.
  fileprivate var canWait: Bool {
    switch self {
    case .softLimitHeld, .trigger: true
    case .hardLimit, .asked, .crashed: false
    }
  }
}

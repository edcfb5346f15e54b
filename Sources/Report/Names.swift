// The names of enumerated values in the API, and their words for people.
public import Policy
public import Samples

extension EventClass {
  public var name: StaticString {
    switch self {
    case .seen: "seen"
    case .judged: "judged"
    case .acted: "acted"
    case .failed: "failed"
    case .recovered: "recovered"
    }
  }
}
extension Metric {
  public var name: StaticString {
    switch self {
    case .uss: "uss"
    case .pss: "pss"
    case .rss: "rss"
    case .anon: "anon"
    case .swap: "swap"
    }
  }
}
extension Scope {
  public var name: StaticString { self == .each ? "each" : "sum" }
}
extension CutMethod {
  public var name: StaticString {
    switch self {
    case .punch: "punch"
    case .tailKeep: "tail-keep"
    case .putBack: "put-back"
    case .truncate: "truncate"
    case .rename: "rename"
    }
  }
}
extension Reason {
  public var name: StaticString {
    switch self {
    case .softLimitHeld: "soft_limit_held"
    case .hardLimit: "hard_limit"
    case .trigger: "trigger"
    case .asked: "asked"
    case .crashed: "crashed"
    }
  }
  var words: StaticString {
    switch self {
    case .softLimitHeld: "over the soft limit for too long"
    case .hardLimit: "over the hard limit"
    case .trigger: "one of its triggers is due"
    case .asked: "asked for"
    case .crashed: "it ended by itself"
    }
  }
}
extension ChildEnd.Cause {
  public var name: StaticString {
    switch self {
    case .exited: "exited"
    case .crashed: "crashed"
    case .outOfMemory: "oom_killed"
    case .operatorEnded: "operator"
    case .unknown: "unknown"
    }
  }
}
extension TriggerState {
  public var name: StaticString {
    switch self {
    case .unknown: "unknown"
    case .quiet: "quiet"
    case .holding: "holding"
    case .due: "due"
    }
  }
  public var since: Instant? {
    switch self {
    case .unknown, .quiet: nil
    case .holding(let since), .due(let since): since
    }
  }
}
extension Obstacle {
  public var name: StaticString {
    switch self {
    case .paused: "paused"
    case .parked: "parked"
    case .coolingDown: "cooling_down"
    case .backingOff: "backing_off"
    case .acting: "acting"
    case .noMeans: "no_means"
    case .stepsSpent: "steps_spent"
    case .outsideWindow: "outside_window"
    case .clockUnset: "clock_unset"
    case .young: "young"
    case .busy: "busy"
    case .groupBusy: "group_busy"
    case .groupThin: "group_thin"
    }
  }
  public func words(now: Instant) -> Sentence {
    switch self {
    case .paused: "it is paused"
    case .parked(.budgetUsedUp): "it is parked until an operator says otherwise"
    case .parked(.remedyUseless): "it is parked, for restarting does not help, until it is resumed or configured anew"
    case .coolingDown(let until): "it cools down for another \(until - now)"
    case .backingOff(let until): "the last try failed, the next may begin in \(until - now)"
    case .acting: "a recycle is under way"
    case .noMeans: "the configuration gives no way to recycle it (run, restart or respawn)"
    case .stepsSpent: "its steps brought nothing twice, and there is no recycle among them"
    case .outsideWindow: "it waits for its maintenance window"
    case .clockUnset: "it has a maintenance window, and the clock is not synchronised"
    case .young(let until): "it is young: its minimum life is over in \(until - now)"
    case .busy: "it waits until its only_when holds"
    case .groupBusy: "another of its group is being recycled"
    case .groupThin: "too few others of its group are up"
    }
  }
}
extension ParkReason {
  public var name: StaticString { self == .budgetUsedUp ? "budget_used_up" : "remedy_useless" }
}
extension Phase {
  public var name: StaticString {
    switch self {
    case .armed: "armed"
    case .acting: "acting"
    case .coolingDown: "cooling_down"
    case .backingOff: "backing_off"
    case .parked: "parked"
    }
  }
}
extension Absence {
  public var name: StaticString {
    switch self {
    case .notRead: "not_read"
    case .gone: "gone"
    case .zombie: "zombie"
    case .kernelThread: "kernel_thread"
    case .denied: "denied"
    case .unsupported: "unsupported"
    case .malformed: "malformed"
    case .failed: "failed"
    }
  }
}
extension TurnPart {
  public var name: StaticString {
    switch self {
    case .signals: "signals"
    case .logs: "logs"
    case .output: "output"
    case .tick: "tick"
    case .acts: "acts"
    case .walks: "walks"
    case .answers: "answers"
    case .reload: "reload"
    case .fileSystems: "filesystems"
    }
  }
}

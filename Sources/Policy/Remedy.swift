// Did it help? What is remembered of the last recycle and of the steps before it. Pure; docs/decisions/0058.
public import Samples

/// What became of the last recycle that memory asked for.
public struct Remedy: Equatable, Sendable {
  /// When the new process had come up; nil: there was none.
  public private(set) var at: Instant?
  public private(set) var freed = ByteCount.zero
  /// How long it took until the worker was over again; nil: it has not been.
  public private(set) var backAfter: Milliseconds?
  /// Recycles in a row that did not help.
  public private(set) var useless = 0
  static let patience = 2
  public init() {}
  /// As it was saved.
  public init(at: Instant, freed: ByteCount, backAfter: Milliseconds?, useless: Int) {
    self.at = at
    self.freed = freed
    self.backAfter = backAfter
    self.useless = useless
  }

  mutating func recycled(freed: ByteCount, now: Instant) {
    at = now
    self.freed = freed
    backAfter = nil
  }
  /// True when this makes it one too many. `relapse`: what is over again so soon was not helped; zero: nobody asks.
  mutating func follow(isOver: Bool, relapse: Milliseconds, now: Instant) -> Bool {
    guard isOver, let at, backAfter == nil else { return false }
    backAfter = now - at
    useless = relapse > .zero && now - at <= relapse ? min(useless + 1, Remedy.patience) : 0
    return useless >= Remedy.patience
  }
}

/// Which steps brought nothing in the present life of a worker: after the second time in a row they are left out.
public struct StepMemory: Equatable, Sendable {
  public private(set) var life = Identity(pid: 0, startTicks: 0)
  /// A bit for each step, the first in the lowest.
  public private(set) var once: UInt8 = 0, spent: UInt8 = 0
  public init() {}
  /// As it was saved.
  public init(life: Identity, once: UInt8, spent: UInt8) {
    (self.life, self.once, self.spent) = (life, once, spent)
  }

  public mutating func note(_ step: Int, of present: Identity, broughtNothing: Bool) {
    if life != present { self = StepMemory(life: present, once: 0, spent: 0) }
    let bit: UInt8 = 1 << UInt8(step)
    if !broughtNothing { once &= ~bit } else if once & bit == 0 { once |= bit } else { spent |= bit }
  }
  public func spent(in present: Identity) -> UInt8 { life == present ? spent : 0 }
}

extension WorkerRules {
  /// A recycle after which the worker is over again so soon did not help: within the cool-down, for the next one would be
  /// due as soon as it may be, but no more than a minute; or within a tenth of the life that a process is to have.
  public var relapse: Milliseconds {
    max(min(coolDown, .seconds(60)), Milliseconds(timing.minimumLife.rawValue / 10))
  }
}

extension Fact {
  /// The fact of the same name, which has the same number.
  public init(_ metric: Metric) {
    self = Fact(rawValue: metric.rawValue) ?? .uss
  }
  /// Whether a step that took it from one value to the other brought nothing: less than a hundredth of it.
  public func isUnmoved(_ before: Int64, _ after: Int64) -> Bool {
    let (gain, overflow) = (self == .available ? after : before).subtractingReportingOverflow(
      self == .available ? before : after)
    return !overflow && gain < max(1, before / 100)
  }
}

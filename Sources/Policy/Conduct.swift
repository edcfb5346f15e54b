// Whether a worker may be acted upon now: cool-down, backoff, restart budget, parking, pausing. Pure: what happened is
// told to it (`began`, `ended`), the time is an argument.
//
//              began            succeeded
//   armed ───────────▶ acting ───────────▶ coolingDown(until) ──▶ armed
//     ▲                  │ failed, or an own child crashed
//     │                  ▼
//     └──────────── backingOff(until)         any ──budget used up──▶ parked ──unpark──▶ armed
public import Samples

public enum ParkReason: UInt8, Equatable, Sendable {
  /// As many restarts as the budget allows, and another one is due.
  case budgetUsedUp
  /// The last two recycles did not help (Remedy).
  case remedyUseless
}

public enum Phase: Equatable, Sendable {
  case armed
  case acting
  case coolingDown(until: Instant)
  case backingOff(until: Instant)
  case parked(ParkReason)
}

/// What led to an act.
public enum Reason: UInt8, Equatable, Sendable {
  case softLimitHeld, hardLimit
  /// One of the rules' own triggers.
  case trigger
  /// A person asked over the API.
  case asked
  /// An own child ended by itself.
  case crashed
}

/// Why an act that is due is not done now.
public enum Obstacle: Equatable, Sendable {
  case paused
  case parked(ParkReason)
  case coolingDown(until: Instant)
  case backingOff(until: Instant)
  case acting
  /// The worker has no way to be recycled: it is watched only.
  case noMeans
  /// No recycle is among its steps, and each of them brought nothing twice in this life.
  case stepsSpent
  /// Timing: outside its maintenance windows; nobody knows the hour; its life is short yet; `only_when` does not hold.
  case outsideWindow, clockUnset
  case young(until: Instant)
  case busy
  /// Group: as many of it as may are being recycled; so few of it are up that none may go.
  case groupBusy, groupThin

  /// The same kind of obstacle, whatever its time.
  public func isSameKind(as other: Obstacle) -> Bool {
    switch (self, other) {
    case (.paused, .paused), (.parked, .parked), (.coolingDown, .coolingDown), (.backingOff, .backingOff),
      (.acting, .acting), (.noMeans, .noMeans), (.outsideWindow, .outsideWindow), (.clockUnset, .clockUnset),
      (.young, .young), (.busy, .busy), (.groupBusy, .groupBusy), (.groupThin, .groupThin), (.stepsSpent, .stepsSpent):
      true
    default: false
    }
  }
}

/// What the judgement concluded for one worker.
public enum Verdict: Equatable, Sendable {
  /// No figure could be read, or no process is there.
  case unknown
  case below
  case holding(since: Instant)
  case recycle(Reason)
  /// Observe-only: what would have been done.
  case wouldRecycle(Reason)
  case blocked(Reason, by: Obstacle)
  /// The act is due and the budget is used up: the worker is parked from here on.
  case park(ParkReason)
}

/// The instants of the last acts, oldest out first: the restart budget counts in it.
public struct Tally: Equatable, Sendable {
  public static let capacity = 32
  public private(set) var instants = [Instant]()
  public init() { instants.reserveCapacity(Tally.capacity) }
  /// As it was saved, oldest first.
  public init(_ saved: [Instant]) {
    self.init()
    for instant in saved { add(instant) }
  }
  public mutating func add(_ now: Instant) {
    if instants.count == Tally.capacity { instants.removeFirst() }
    instants.append(now)
  }
  public func count(since start: Instant) -> Int {
    var n = 0
    for i in instants where i > start { n += 1 }
    return n
  }
  public mutating func clear() { instants.removeAll(keepingCapacity: true) }
}

public struct Conduct: Equatable, Sendable {
  public private(set) var phase = Phase.armed
  public private(set) var parkedBefore: ParkReason?
  public var paused = false
  /// Acts and crashes that count against the budget.
  public var tally = Tally()
  /// Failures in a row: the backoff doubles with each.
  public private(set) var failures = 0
  public var remedy = Remedy()
  public var steps = StepMemory()
  public init() {}
  /// As it was saved.
  public init(phase: Phase, parkedBefore: ParkReason?, paused: Bool, tally: Tally, failures: Int) {
    self.phase = phase
    self.parkedBefore = parkedBefore
    self.paused = paused
    self.tally = tally
    self.failures = failures
  }
  /// Nothing has happened that would have to be remembered.
  public var isPristine: Bool {
    phase == .armed && !paused && failures == 0 && tally.instants.isEmpty && remedy.at == nil && steps.life.pid == 0
  }

  /// The verdict on a crossing: pure apart from letting waits that are over lapse.
  public mutating func judge(_ crossing: Crossing, rules: WorkerRules, hasMeans: Bool, now: Instant) -> Verdict {
    lapse(now)
    switch crossing {
    case .unknown: return .unknown
    case .below: return .below
    case .holding(let since): return .holding(since: since)
    case .softHeld: return permit(.softLimitHeld, rules: rules, hasMeans: hasMeans, now: now)
    case .hard: return permit(.hardLimit, rules: rules, hasMeans: hasMeans, now: now)
    }
  }

  /// May an act for this reason begin now? What a person asks for is not held up by cool-down, pause or observing.
  public mutating func permit(_ reason: Reason, rules: WorkerRules, hasMeans: Bool, now: Instant) -> Verdict {
    lapse(now)
    guard hasMeans else { return .blocked(reason, by: .noMeans) }
    if phase == .acting { return .blocked(reason, by: .acting) }
    if reason == .asked { return .recycle(.asked) }
    if paused { return .blocked(reason, by: .paused) }
    switch phase {
    case .parked(let why): return .blocked(reason, by: .parked(why))
    case .coolingDown(let until): return .blocked(reason, by: .coolingDown(until: until))
    case .backingOff(let until): return .blocked(reason, by: .backingOff(until: until))
    case .armed, .acting: break
    }
    if rules.observe && reason != .crashed { return .wouldRecycle(reason) }
    if used(rules.budget, now: now) >= rules.budget.count { return .park(.budgetUsedUp) }
    return .recycle(reason)
  }

  /// Acts within the budget's window that ends now.
  public func used(_ budget: RestartBudget, now: Instant) -> Int {
    tally.count(since: Instant(milliseconds: now.milliseconds &- budget.per.rawValue))
  }

  /// A worker that is parked is acted upon when a person asks, and is parked again afterwards: only `unpark` ends that.
  public mutating func began(now: Instant) {
    beganSteps()
    tally.add(now)
  }
  /// What comes before a recycle does not count against the budget.
  public mutating func beganSteps() {
    if case .parked(let why) = phase { parkedBefore = why }
    phase = .acting
  }
  public mutating func succeeded(rules: WorkerRules, now: Instant) {
    failures = 0
    phase = .coolingDown(until: now + rules.coolDown)
    parkAgain()
  }
  /// Returns the wait: `backoff` doubled with each failure in a row, up to `backoffMaximum`. A parked worker stays so.
  @discardableResult
  public mutating func failed(rules: WorkerRules, now: Instant) -> Milliseconds {
    let doublings = min(failures, 32)
    failures += 1
    let (wait, overflow) = rules.backoff.rawValue.multipliedReportingOverflow(by: Int64(1) << Int64(doublings))
    let bounded = Milliseconds(overflow ? rules.backoffMaximum.rawValue : min(wait, rules.backoffMaximum.rawValue))
    if case .parked = phase { return bounded }
    phase = .backingOff(until: now + bounded)
    parkAgain()
    return bounded
  }
  /// An own child that had ended by itself was started again: that counts against the budget. The failures stay, until
  /// `ranStably`.
  public mutating func restartedAfterCrash(now: Instant) {
    tally.add(now)
    phase = .armed
  }
  /// The act under way was given up and how it would have ended is not known.
  public mutating func abandoned() {
    if phase == .acting { phase = .armed }
    parkAgain()
  }
  private mutating func parkAgain() {
    guard let why = parkedBefore else { return }
    phase = .parked(why)
    parkedBefore = nil
  }
  public mutating func park(_ reason: ParkReason) { phase = .parked(reason) }
  /// A recycle that memory asked for has ended well.
  public mutating func recycled(freed: ByteCount, now: Instant) { remedy.recycled(freed: freed, now: now) }
  /// What is seen of the worker since. True when the second recycle in a row did not help: it is parked from here on.
  public mutating func follow(isOver: Bool, rules: WorkerRules, now: Instant) -> Bool {
    guard phase != .acting, remedy.follow(isOver: isOver, relapse: rules.relapse, now: now) else { return false }
    if case .parked = phase { return false }
    phase = .parked(.remedyUseless)
    return true
  }
  /// A person, or another configuration, says: go on. A budget that is used up stays so.
  public mutating func resume() {
    paused = false
    remedy = Remedy()
    if phase == .parked(.remedyUseless) { phase = .armed }
    if parkedBefore == .remedyUseless { parkedBefore = nil }
  }
  /// A stretch without trouble: the next failure waits the shortest backoff again.
  public mutating func ranStably() { failures = 0 }
  /// A person says: try again, with a fresh budget.
  public mutating func unpark() {
    phase = .armed
    parkedBefore = nil
    failures = 0
    tally.clear()
    remedy = Remedy()
    steps = StepMemory()
  }

  private mutating func lapse(_ now: Instant) {
    switch phase {
    case .coolingDown(let until) where now >= until: phase = .armed
    case .backingOff(let until) where now >= until: phase = .armed
    case .armed, .acting, .parked, .coolingDown, .backingOff: break
    }
  }
}

// One recycle as a list of steps, each with its allowed time, that ends in a new identity or a named failure. It orders;
// the loop carries out and reports back what it sees. No clock, no signal in here.
//
//   respawn, child:  stopping ──gone──▶ verifying ──up──▶ done          command:  commanding ──exit 0──▶ outliving
//                      │ grace over        │ too late                                  │ exit ≠ 0,          │ old gone
//                      ▼                   ▼                                           ▼ too late           ▼
//                    killing ──alive──▶ failed                                       failed             verifying
//                              still
//
// A replacement that is up settles, then answers its health gate where it has one; both within start_timeout.
public import Samples

public enum RecycleFailure: Equatable, Sendable {
  /// SIGKILL was sent and the process is still there (it hangs in the kernel).
  case unkillable
  case signalFailed(errno: Int32)
  case spawnFailed(errno: Int32)
  case commandFailed(ExitStatus)
  /// The restart command ran longer than start_timeout; its process group was killed.
  case commandTimedOut
  /// Nothing new came up within start_timeout.
  case noReplacement
  /// The new process came up and ended again at once.
  case replacementDied
  /// It came up and did not answer within start_timeout; it came up and holds too much at once.
  case noAnswer, stillLarge
}

/// What the loop sees when it calls `step`.
public struct Sighting: Equatable, Sendable {
  /// Is any process that is to go still alive?
  public var oldAlive: Bool
  /// A live process of the worker that was not there when the recycle began.
  public var replacement: Identity?
  /// How the restart command ended, once it has.
  public var commandExit: ExitStatus?
  /// The replacement passed its health gate, or there is none.
  public var isHealthy: Bool
  /// The first act that failed since the last step.
  public var failure: RecycleFailure?
  public init(
    oldAlive: Bool, replacement: Identity? = nil, commandExit: ExitStatus? = nil, isHealthy: Bool = true,
    failure: RecycleFailure? = nil
  ) {
    self.isHealthy = isHealthy
    self.oldAlive = oldAlive
    self.replacement = replacement
    self.commandExit = commandExit
    self.failure = failure
  }
}

public enum Order: Equatable, Sendable {
  /// Nothing before this instant, unless something happens.
  case wait(until: Instant)
  case sendStop
  /// SIGKILL to the process and all it started.
  case kill
  case startChild
  case runCommand
  /// Kill the restart command's process group.
  case abandonCommand
  case done(Identity)
  case failed(RecycleFailure)
}

public struct Recycling: Equatable, Sendable {
  private enum Stage: Equatable, Sendable {
    case asked
    case stopping(killAt: Instant)
    case killing(giveUpAt: Instant)
    case commanding(until: Instant)
    case abandoned
    case outliving(killAt: Instant)
    case verifying(until: Instant)
    case settling(Identity, until: Instant, giveUpAt: Instant)
    case answering(Identity, giveUpAt: Instant)
  }
  private var stage = Stage.asked
  private let plan: RecyclePlan
  public let began: Instant
  /// Whether SIGKILL was needed.
  public private(set) var killed = false

  /// How long SIGKILL may take to be seen: a process in an uninterruptible wait ends when the wait does.
  static let killTime = Milliseconds.seconds(10)

  public init(_ plan: RecyclePlan, now: Instant) {
    self.plan = plan
    self.began = now
  }

  /// The next thing to do. Called again after each order was carried out, when something happened, and at the instant
  /// of the last `wait`.
  public mutating func step(_ seen: Sighting, now: Instant) -> Order {
    if let failure = seen.failure { return .failed(failure) }
    switch stage {
    case .asked:
      if case .command = plan.means {
        stage = .commanding(until: now + plan.startTimeout)
        return .runCommand
      }
      stage = .stopping(killAt: now + plan.grace)
      return seen.oldAlive ? .sendStop : afterExit(now)
    case .stopping(let killAt), .outliving(let killAt):
      if !seen.oldAlive { return afterExit(now) }
      if now < killAt { return .wait(until: killAt) }
      stage = .killing(giveUpAt: now + Recycling.killTime)
      killed = true
      return .kill
    case .killing(let giveUpAt):
      if !seen.oldAlive { return afterExit(now) }
      return now < giveUpAt ? .wait(until: giveUpAt) : .failed(.unkillable)
    case .commanding(let until):
      guard let status = seen.commandExit else {
        if now < until { return .wait(until: until) }
        stage = .abandoned
        return .abandonCommand
      }
      if status != ExitStatus(code: 0, signal: 0) { return .failed(.commandFailed(status)) }
      stage = .outliving(killAt: now + plan.grace)
      return step(seen, now: now)
    case .abandoned: return .failed(.commandTimedOut)
    case .verifying(let until):
      guard let new = seen.replacement else {
        return now < until ? .wait(until: until) : .failed(.noReplacement)
      }
      return settle(new, giveUpAt: max(until, now + plan.settle), now)
    case .settling(let new, let until, let giveUpAt):
      guard let present = seen.replacement else { return .failed(.replacementDied) }
      if present == new {
        if now < until { return .wait(until: until) }
        stage = .answering(new, giveUpAt: giveUpAt)
        return step(seen, now: now)
      }
      // One that makes itself a daemon changes its pid once; one that crashes in a loop, for ever.
      return now < giveUpAt ? settle(present, giveUpAt: giveUpAt, now) : .failed(.replacementDied)
    case .answering(let new, let giveUpAt):
      guard seen.replacement == new else { return .failed(.replacementDied) }
      if seen.isHealthy { return .done(new) }
      return now < giveUpAt ? .wait(until: giveUpAt) : .failed(.noAnswer)
    }
  }

  private mutating func settle(_ new: Identity, giveUpAt: Instant, _ now: Instant) -> Order {
    stage = .settling(new, until: now + plan.settle, giveUpAt: giveUpAt)
    return .wait(until: now + plan.settle)
  }

  private mutating func afterExit(_ now: Instant) -> Order {
    stage = .verifying(until: now + plan.startTimeout)
    if case .child = plan.means { return .startChild }
    return .wait(until: now)
  }
}

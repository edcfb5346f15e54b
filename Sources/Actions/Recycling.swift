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

/// How far a recycle has come, for the memwarden that goes on with it.
public struct RecycleProgress: Equatable, Sendable {
  /// 0 asked, 1 stopping, 2 killing, 3 commanding, 4 abandoned, 5 outliving, 6 verifying.
  public var stage: UInt8
  /// When that stage is over.
  public var until: Instant
  public var began: Instant
  public var killed: Bool
  public init(stage: UInt8, until: Instant, began: Instant, killed: Bool) {
    self.stage = stage
    self.until = until
    self.began = began
    self.killed = killed
  }
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
  /// How the restart command ended is not known: if the old process lives on, it may be meant to.
  private var isBlind = false

  /// How long SIGKILL may take to be seen: a process in an uninterruptible wait ends when the wait does.
  static let killTime = Milliseconds.seconds(10)

  public init(_ plan: RecyclePlan, now: Instant) {
    self.plan = plan
    self.began = now
  }

  /// Goes on with one that another memwarden began.
  public init(_ plan: RecyclePlan, goingOn from: RecycleProgress) {
    self.init(plan, now: from.began)
    killed = from.killed
    switch from.stage {
    case 1: stage = .stopping(killAt: from.until)
    case 2: stage = .killing(giveUpAt: from.until)
    case 3: stage = .commanding(until: from.until)
    case 4: stage = .abandoned
    case 5: stage = .outliving(killAt: from.until)
    case 6: stage = .verifying(until: from.until)
    default: stage = .asked
    }
  }

  /// A replacement that settles or is asked for its health is looked for anew.
  public var progress: RecycleProgress {
    let (number, until): (UInt8, Instant) =
      switch stage {
      case .asked: (0, began)
      case .stopping(let killAt): (1, killAt)
      case .killing(let giveUpAt): (2, giveUpAt)
      case .commanding(let until): (3, until)
      case .abandoned: (4, began)
      case .outliving(let killAt): (isBlind ? 3 : 5, killAt)
      case .verifying(let until), .settling(_, _, let until), .answering(_, let until): (6, until)
      }
    return RecycleProgress(stage: number, until: until, began: began, killed: killed)
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
      if isBlind { return .failed(.commandFailed(.unknown)) }
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
      isBlind = status == .unknown
      if !isBlind, status != ExitStatus(code: 0, signal: 0) { return .failed(.commandFailed(status)) }
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

// The order of a worker's steps: each begins, has its time, is followed by a look at the memory, and ends the list where
// that is enough. It orders; the loop carries out and reports back what it sees. No clock, no figure in here.
//
//   between ──begin──▶ working ──done──▶ looking ──not enough──▶ between ──none left──▶ recycle or spent
//                        │ time over ──giveUp──▶ │ enough
//                        ▼ enough                ▼
//                      enough                  enough
public import Samples

public struct Stepping: Equatable, Sendable {
  public enum Order: Equatable, Sendable {
    case begin(Int)
    /// Nothing before this instant, unless something happens.
    case wait(until: Instant)
    /// Its time is over: end it, then look.
    case giveUp(Int)
    /// Measure what it brought.
    case look(Int)
    case enough
    case recycle
    /// None is left, and no recycle is to follow.
    case spent
  }
  /// What came of the last order.
  public enum Seen: Equatable, Sendable { case atWork, done, enough, notEnough }

  private enum Stage: Equatable, Sendable {
    case between(next: Int)
    case working(Int, until: Instant)
    case looking(Int)
  }
  private var stage: Stage
  private let count: Int, skipped: UInt8, endsWithRecycle: Bool, timeout: Milliseconds

  /// `first`: where in the plan it begins; `skipped`: the steps that are left out, the first in the lowest bit.
  public init(_ plan: StepPlan, from first: Int = 0, skipped: UInt8 = 0) {
    stage = .between(next: first)
    (count, self.skipped) = (plan.steps.count, skipped)
    (endsWithRecycle, timeout) = (plan.endsWithRecycle, plan.timeout)
  }

  public mutating func step(_ seen: Seen, now: Instant) -> Order {
    switch stage {
    case .between(let next):
      var i = next
      while i < count, skipped >> UInt8(i) & 1 == 1 { i += 1 }
      guard i < count else { return endsWithRecycle ? .recycle : .spent }
      stage = .working(i, until: now + timeout)
      return .begin(i)
    case .working(let i, let until):
      switch seen {
      case .enough: return .enough
      case .done:
        stage = .looking(i)
        return .look(i)
      case .atWork, .notEnough:
        if now < until { return .wait(until: until) }
        stage = .looking(i)
        return .giveUp(i)
      }
    case .looking(let i):
      if seen == .enough { return .enough }
      stage = .between(next: i + 1)
      return step(.notEnough, now: now)
    }
  }
}

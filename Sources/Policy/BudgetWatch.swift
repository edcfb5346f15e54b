// When must several logs together give way, and how far? Pure: what they hold and how fast they grow in, how much must
// go out. The budget is entered at its line, less what is written before the loop can answer, and left an eighth below.
public import Samples

public struct BudgetWatch: Sendable {
  /// When to look again, however silent inotify is; nil: when one of the logs was looked at, or at the next tick.
  public private(set) var nextLook: Instant?
  /// What is over the budget cannot go: told once, until it is within again.
  public private(set) var isUnreachable = false
  private var stuckUntil: Instant?

  /// As LogWatch: how late the loop may be.
  private static let latency: UInt64 = 10
  private static let shortest: Int64 = 2, longest: Int64 = 250
  private static let rateMaximum: UInt64 = 1 << 40
  public init() {}

  /// How much must go, or nil. `rate`: bytes per second of all together.
  public mutating func look(total: ByteCount, budget: ByteCount, rate: UInt64, now: Instant) -> ByteCount? {
    let rate = min(rate, Self.rateMaximum)
    if let stuckUntil, now < stuckUntil {
      nextLook = rate > 0 ? stuckUntil : nil
      return nil
    }
    stuckUntil = nil
    nextLook = nil
    let reserve = min(Self.risk(rate, Self.latency), ByteCount(budget.rawValue / 8 * 3))
    guard total + reserve < budget else {
      // What brought it here may go on: how fast, the look after the acts shows.
      nextLook = now + Milliseconds(Self.shortest)
      let margin = max(
        ByteCount(budget.rawValue / 8), min(Self.risk(rate, 2 * Self.latency), ByteCount(budget.rawValue / 2)))
      return max(total - (budget - margin), ByteCount(1))
    }
    let headroom = (budget - total).rawValue
    if rate > 0, headroom < rate * 2 * UInt64(Self.longest) / 1000 {
      nextLook = now + Milliseconds(max(Self.shortest, Int64(headroom * 1000 / (rate * 2))))
    }
    return nil
  }

  /// What could go has gone. True when this is to be told: it is not enough, for the first time.
  public mutating func fellShort(now: Instant) -> Bool {
    stuckUntil = now + .seconds(1)
    nextLook = stuckUntil
    defer { isUnreachable = true }
    return !isUnreachable
  }

  /// It is only observed: told again in a second at the earliest.
  public mutating func waits(now: Instant) {
    stuckUntil = now + .seconds(1)
    nextLook = nil
  }

  /// No more can go, and none must yet: until half of the room is used up.
  public mutating func rests(total: ByteCount, budget: ByteCount, rate: UInt64, now: Instant) {
    let rate = max(1, min(rate, Self.rateMaximum))
    let room = min((budget - total).rawValue, rate * 2)
    stuckUntil = now + Milliseconds(max(Self.shortest, Int64(room * 1000 / (rate * 2))))
    nextLook = stuckUntil
  }

  /// Another slice of acts is due at once.
  public mutating func goesOn(now: Instant) { nextLook = now }

  /// It is within its budget. True when this is to be told.
  public mutating func isWithin() -> Bool {
    defer { isUnreachable = false }
    return isUnreachable
  }

  private static func risk(_ rate: UInt64, _ milliseconds: UInt64) -> ByteCount {
    ByteCount(rate * 2 * milliseconds / 1000)
  }
}

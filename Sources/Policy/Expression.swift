// `uss > 24M and (age > 7d or not connections > 0)`: conditions on facts, joined. Pure; the configuration's reader makes
// it from text.
public import Samples

/// What a fact is compared with.
public enum Bound: Equatable, Sendable {
  /// In the fact's unit.
  case absolute(Int64)
  /// Of MemTotal; facts in bytes only.
  case share(Permyriad)
  /// Hundredths of the learned baseline, or so many bytes above it; facts with a baseline only.
  case times(UInt32)
  case above(ByteCount)
}

/// `fact > bound`, or `fact < bound`.
public struct Condition: Equatable, Sendable {
  public var fact: Fact
  public var isAbove: Bool
  public var bound: Bound
  public init(_ fact: Fact, isAbove: Bool, _ bound: Bound) {
    self.fact = fact
    self.isAbove = isAbove
    self.bound = bound
  }

  /// nil: the fact or what it is compared with is not known. `clear` moves the line towards where the condition ends:
  /// the share of the bound at which one that held before is over (hysteresis); the whole of it for one that did not.
  func holds(_ facts: Facts, clear: Permyriad) -> Bool? {
    guard let value = facts[fact], let line = resolved(facts) else { return nil }
    return isAbove ? isLess(line, clear, than: value, whole) : isLess(value, clear, than: line, whole)
  }

  /// The bound in the fact's unit; nil while the baseline is not known.
  public func resolved(_ facts: Facts) -> Int64? {
    switch bound {
    case .absolute(let n): return n
    case .share(let share): return Int64(clamping: facts.memoryTotal.share(share).rawValue)
    case .times(let hundredths):
      guard let baseline = facts.baseline else { return nil }
      let (high, low) = baseline.rawValue.multipliedFullWidth(by: UInt64(hundredths))
      return high >= 100 ? .max : Int64(clamping: UInt64(100).dividingFullWidth((high, low)).quotient)
    case .above(let more):
      guard let baseline = facts.baseline else { return nil }
      return Int64(clamping: (baseline + more).rawValue)
    }
  }
}

/// In the order in which a pocket calculator would be told: operands first.
public struct Expression: Equatable, Sendable {
  public enum Step: Equatable, Sendable {
    case condition(Condition)
    case not, and, or
  }
  public private(set) var steps: [Step]
  /// Operands that wait at the same time, at most.
  public static let depthMaximum = 16

  /// nil when an operator lacks an operand, or more than one value is left, or too many wait.
  public init?(_ steps: [Step]) {
    var waiting = 0
    for step in steps {
      switch step {
      case .condition: waiting += 1
      case .not: if waiting < 1 { return nil }
      case .and, .or:
        if waiting < 2 { return nil }
        waiting -= 1
      }
      if waiting > Self.depthMaximum { return nil }
    }
    guard waiting == 1 else { return nil }
    self.steps = steps
  }

  /// Kleene's three values: what is not known decides nothing, unless the rest decides already. Allocates nothing.
  public func holds(_ facts: Facts, clear: Permyriad) -> Bool? {
    // Two stacks of bits: is the value known, is it true.
    var known: UInt32 = 0, value: UInt32 = 0
    func top(_ bits: UInt32) -> Bool { bits & 1 != 0 }
    for step in steps {
      switch step {
      case .condition(let condition):
        let result = condition.holds(facts, clear: clear)
        known = known << 1 | (result == nil ? 0 : 1)
        value = value << 1 | (result == true ? 1 : 0)
      case .not: value = (value ^ 1) & (known | ~1)
      case .and, .or:
        let (knownB, b) = (top(known), top(value))
        known >>= 1
        value >>= 1
        let (knownA, a) = (top(known), top(value))
        let deciding = step == .or
        let decided = (knownA && a == deciding) || (knownB && b == deciding)
        known = known & ~1 | (decided || (knownA && knownB) ? 1 : 0)
        value = value & ~1 | (decided == deciding && (decided || (knownA && knownB)) ? 1 : 0)
      }
    }
    return top(known) ? top(value) : nil
  }
}

private let whole = Permyriad(10_000)

/// a × share < b × of, whatever the numbers.
private func isLess(_ a: Int64, _ share: Permyriad, than b: Int64, _ of: Permyriad) -> Bool {
  let (high, low) = a.multipliedFullWidth(by: Int64(share.rawValue))
  let (highB, lowB) = b.multipliedFullWidth(by: Int64(of.rawValue))
  return high < highB || (high == highB && low < lowB)
}

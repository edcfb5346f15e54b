// When the costly file is worth reading. statm is read every tick; smaps_rollup walks every page of the process, so it is
// read near a limit, after the process changed, and at a slow base rate. Between two readings the figure follows the
// resident size.
public import Samples

public struct Sampling: Equatable, Sendable {
  /// The figure at the last exact reading, the resident size then, when, and what the reading cost.
  private var exact: ByteCount?
  private var residentThen = ByteCount.zero
  private var readAt = Instant(milliseconds: 0)
  private var cost = Milliseconds.zero

  /// The base rate: an exact figure at least this often.
  static let base = Milliseconds.seconds(60)
  /// A reading may take at most one part in this of the time: a 500 MB process costs 5 ms, so once in 250 ms.
  static let share: Int64 = 50

  public init() {}

  /// The last exact figure moved by what the resident size moved since. Nil before the first reading.
  public func estimate(resident: ByteCount) -> ByteCount? {
    guard let exact else { return nil }
    return resident >= residentThen ? exact + (resident - residentThen) : exact - (residentThen - resident)
  }

  public enum Due: Equatable, Sendable {
    case no
    /// By its age: the loop may do so when it has time. `first`: nothing is known before.
    case soon(first: Bool)
    case now
  }
  /// Is an exact reading due? Always at first; then when the estimate comes within 10 % of the first limit, when the
  /// resident size moved by a sixteenth (and 1 MiB), or after a minute; never above its share of the time.
  public func due(resident: ByteCount, limit: ByteCount?, now: Instant) -> Due {
    guard let estimate = estimate(resident: resident) else { return .soon(first: true) }
    let age = now - readAt
    if age.rawValue < cost.rawValue &* Sampling.share { return .no }
    if let limit, estimate >= limit.share(Permyriad(9000)) { return .now }
    let moved = resident >= residentThen ? resident - residentThen : residentThen - resident
    if moved > max(.mib(1), ByteCount(residentThen.rawValue / 16)) { return .now }
    return age >= Sampling.base ? .soon(first: false) : .no
  }

  /// Was the exact figure read in this very tick?
  public func isFresh(_ now: Instant) -> Bool { exact != nil && readAt == now }

  public mutating func took(_ figure: ByteCount, resident: ByteCount, now: Instant, cost: Milliseconds) {
    exact = figure
    residentThen = resident
    readAt = now
    self.cost = cost
  }
}

// How fast a RAM filesystem fills: a forecast for people. What was cut or deleted meanwhile counts against what was
// written, for a log that is kept within its budget fills nothing up.
public import Samples

/// The net growth of the last ten to twenty minutes; of less while it has not grown for that long. Pure.
public struct FillRate: Equatable, Sendable {
  private struct Point: Equatable, Sendable {
    var at: Instant
    /// TreeSums.exact, and what is allocated.
    var exact: ByteCount, used: ByteCount
  }
  /// The beginning of the window, its middle, and its end.
  private var older: Point?, newer: Point?, last: Point?
  private static let period = Milliseconds.seconds(600)
  /// Each growing file has a last page that is not full. Beyond eight of them it is many small files that take the room.
  private static let rounding: Int64 = 8 * 4096

  public init() {}

  /// Both figures belong to one moment.
  public mutating func add(exact: ByteCount, used: ByteCount, now: Instant) {
    let point = Point(at: now, exact: exact, used: used)
    if let older, let newer, let last {
      let stood = older.exact == last.exact && older.used == last.used
      if stood, exact != last.exact || used != last.used {
        // What begins to grow now is not slowed down by the silence before it.
        (self.older, self.newer) = (last, last)
      } else if Self.period < now - newer.at {
        (self.older, self.newer) = (newer, last)
      }
    } else {
      (older, newer) = (point, point)
    }
    last = point
  }

  /// 0 when it shrinks.
  public var perSecond: UInt64 { scaled(to: 1000) }
  public var perDay: ByteCount { ByteCount(scaled(to: 86_400_000)) }

  /// Until this much room is used up; nil when it does not grow.
  public func timeToFill(_ room: ByteCount) -> Milliseconds? {
    guard let (gained, elapsed) = growth else { return nil }
    let (high, low) = room.rawValue.multipliedFullWidth(by: elapsed)
    return Milliseconds(high >= gained ? .max : Int64(clamping: gained.dividingFullWidth((high, low)).quotient))
  }

  private func scaled(to milliseconds: UInt64) -> UInt64 {
    guard let (gained, elapsed) = growth else { return 0 }
    let (high, low) = gained.multipliedFullWidth(by: milliseconds)
    return high >= elapsed ? .max : elapsed.dividingFullWidth((high, low)).quotient
  }

  /// nil when there is none.
  private var growth: (gained: UInt64, elapsed: UInt64)? {
    guard let older, let last, last.at > older.at else { return nil }
    let exact = difference(last.exact, older.exact), used = difference(last.used, older.used)
    let net = (used &- exact).magnitude > UInt64(Self.rounding) ? used : exact
    return net > 0 ? (UInt64(net), UInt64((last.at - older.at).rawValue)) : nil
  }

  private func difference(_ a: ByteCount, _ b: ByteCount) -> Int64 {
    a >= b ? Int64(clamping: (a - b).rawValue) : -Int64(clamping: (b - a).rawValue)
  }
}

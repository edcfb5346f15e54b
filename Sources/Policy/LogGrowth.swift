// How fast a log grows in the long run: a forecast for people, exact for lines that come once a second. Not what the
// cadence of looking goes by; that is LogWatch.rate.
public import Samples

/// Bytes gained in the present and the previous period of ten minutes.
public struct LogGrowth: Equatable, Sendable {
  private var previous: UInt64 = 0, present: UInt64 = 0
  /// The beginning of the previous period, or of the first; the beginning of the present one.
  private var since = Instant(milliseconds: 0), begun = Instant(milliseconds: 0)
  private static let period = Milliseconds.seconds(600)
  /// Bytes gained since the last full second was counted, and what that second came to.
  private var recent: UInt64 = 0, recentSince = Instant(milliseconds: 0), lastSecond: UInt64 = 0
  public init() {}

  public mutating func start(now: Instant) {
    recentSince = now
    since = now
    begun = now
  }

  public mutating func add(_ gained: ByteCount, now: Instant) {
    if Self.period < now - begun {
      // After a long silence the bytes of the previous period belong to the whole of it.
      previous = present
      present = 0
      since = begun
      begun = now
    }
    present = (ByteCount(present) + gained).rawValue
    if now - recentSince >= .seconds(1) {
      lastSecond = perSecond(now: now)
      recentSince = now
      recent = 0
    }
    recent = (ByteCount(recent) + gained).rawValue
  }

  /// Averaged over a second or more: what is written now, as people count it.
  public func perSecond(now: Instant) -> UInt64 {
    let elapsed = UInt64(max((now - recentSince).rawValue, 1))
    guard elapsed >= 1000 else { return lastSecond }
    let (high, low) = recent.multipliedFullWidth(by: 1000)
    return high >= elapsed ? .max : elapsed.dividingFullWidth((high, low)).quotient
  }

  /// Nothing was gained in the last ten minutes.
  public var isSilent: Bool { previous == 0 && present == 0 }

  /// Extrapolated from the last ten to twenty minutes, silence included.
  public func perDay(now: Instant) -> ByteCount { scaled(to: 86_400_000, now: now) }

  /// nil when nothing was gained, or nothing is known yet.
  func timeToFill(_ room: ByteCount, now: Instant) -> Milliseconds? {
    let gained = (ByteCount(previous) + ByteCount(present)).rawValue
    let elapsed = (now - since).rawValue
    guard gained > 0, elapsed > 0 else { return nil }
    let (high, low) = room.rawValue.multipliedFullWidth(by: UInt64(elapsed))
    return Milliseconds(high >= gained ? .max : Int64(clamping: gained.dividingFullWidth((high, low)).quotient))
  }

  private func scaled(to milliseconds: UInt64, now: Instant) -> ByteCount {
    let elapsed = UInt64(max((now - since).rawValue, 1))
    let gained = (ByteCount(previous) + ByteCount(present)).rawValue
    let (high, low) = gained.multipliedFullWidth(by: milliseconds)
    return ByteCount(high >= elapsed ? .max : elapsed.dividingFullWidth((high, low)).quotient)
  }
}

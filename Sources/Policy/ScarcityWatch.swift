// Must logs give way because the board is short of memory, whatever their budgets say? Pure.
public import Samples

public enum Scarcity: UInt8, Equatable, Sendable {
  case available, pressure
}

/// Two states, told by `reason`: nil, or short of memory. It is entered at the operator's line and left an eighth above
/// it (MemAvailable) or at 85 % of it (pressure).
public struct ScarcityWatch: Sendable {
  public private(set) var reason: Scarcity?
  private var waitsUntil = Instant(milliseconds: 0)

  /// MemAvailable is read once a second; an average over 10 s answers an act after 10 s.
  private static let availableGap = Milliseconds.seconds(1), pressureGap = Milliseconds.seconds(10)
  public init() {}

  /// How much must go, or nil. `line` and `limit`: the operator's, nil where there is none. `held`: by all RAM
  /// filesystems; under pressure, which says nothing of bytes, an eighth of it must go at a time.
  public mutating func look(
    available: ByteCount, line: ByteCount?, pressure: Permyriad?, limit: Permyriad?, held: ByteCount, now: Instant
  ) -> ByteCount? {
    let clear = line.map { $0 + ByteCount($0.rawValue / 8) }
    let isLow = line.map { available < (reason == .available ? $0 + ByteCount($0.rawValue / 8) : $0) } ?? false
    var isPressed = false
    if let pressure, let limit {
      isPressed = reason == .pressure ? pressure.rawValue > limit.rawValue / 100 * 85 : pressure > limit
    }
    reason = isLow ? .available : isPressed ? .pressure : nil
    guard let reason, now >= waitsUntil else { return nil }
    waitsUntil = now + (reason == .available ? Self.availableGap : Self.pressureGap)
    switch reason {
    case .available: return clear.map { min(held, $0 - available) }
    case .pressure: return ByteCount(held.rawValue / 8)
    }
  }
}

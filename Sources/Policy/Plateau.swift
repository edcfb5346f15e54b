// Has a figure settled? A process that rose and then stays level is not leaking: the verdict "left alone" rests on it.
public import Samples

/// Follows a figure and remembers since when it has been level: within 256 KiB or a sixty-fourth of where it settled.
public struct Plateau: Equatable, Sendable {
  public private(set) var level: ByteCount?
  public private(set) var since = Instant(milliseconds: 0)
  public init() {}

  public mutating func follow(_ value: ByteCount, now: Instant) {
    if let level {
      let distance = value >= level ? value - level : level - value
      if distance <= max(.kib(256), ByteCount(level.rawValue / 64)) { return }
    }
    level = value
    since = now
  }
  /// How long it has been level.
  public func duration(_ now: Instant) -> Milliseconds { level == nil ? .zero : now - since }
}

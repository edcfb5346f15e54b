// Does a figure grow in the long run? Not its samples are judged but the floors of fixed windows: what a collector or a
// pool gives back does not count as growth, and a spike is not seen at all. Pure; fixed memory, nothing allocated.
public import Samples

/// What is needed before growth is spoken of.
public struct GrowthRules: Equatable, Sendable {
  /// Each window's minimum is one point.
  public var window = Milliseconds.seconds(300)
  /// After the first sample nothing counts for so long: programs fill their caches when they start.
  public var warmUp = Milliseconds.seconds(600)
  /// Points before anything is concluded; 4 to 24.
  public var points = 6
  public init() {}
}

public struct Growth: Sendable {
  /// What the points say; nil before there are enough of them.
  public struct Trend: Equatable, Sendable {
    /// Of the line of least squares.
    public var bytesPerHour: Int64
    /// How well the points lie on that line: 10 000 is perfectly.
    public var r2: Permyriad
    /// Rises in a row up to the newest point.
    public var rises: Int
    /// What the line gains from the first point to the last.
    public var gained: Int64
    public var points: Int
  }
  public static let capacity = 24

  private var floors = InlineArray<24, UInt64>(repeating: 0)
  private var count = 0, next = 0
  private var begun: Instant?, windowEnd = Instant(milliseconds: 0), last = Instant(milliseconds: 0)
  private var floor: UInt64 = .max
  /// What the process held when its warm-up was over: the lowest of the first window after it.
  public private(set) var baseline: ByteCount?
  /// `baseline`: where the process is an old acquaintance.
  public init(baseline: ByteCount? = nil) { self.baseline = baseline }

  /// One sample. `gap`: a longer pause (suspend, a stopped guard) closes the window and begins a new series, for what
  /// happened meanwhile is not known; so does the caller with `restart` when the process is another one.
  public mutating func add(_ value: ByteCount, _ rules: GrowthRules, gap: Milliseconds, now: Instant) {
    if begun == nil {
      begun = now
    } else if now - last > gap {
      count = 0
      floor = .max
      windowEnd = now + rules.window
    }
    last = now
    guard let begun, now - begun >= rules.warmUp else { return }
    if floor == .max, count == 0, windowEnd <= now { windowEnd = now + rules.window }
    if now >= windowEnd {
      close()
      // Windows without a sample are left out rather than filled: the line knows points by their number.
      windowEnd = windowEnd + rules.window
      if now >= windowEnd { windowEnd = now + rules.window }
    }
    floor = min(floor, value.rawValue)
  }

  public mutating func restart() { self = Growth() }

  private mutating func close() {
    guard floor != .max else { return }
    if baseline == nil { baseline = ByteCount(floor) }
    floors[next] = floor
    next = (next + 1) % Self.capacity
    count = min(count + 1, Self.capacity)
    floor = .max
  }

  private func point(_ i: Int) -> UInt64 { floors[(next + Self.capacity - count + i) % Self.capacity] }

  public func trend(_ rules: GrowthRules) -> Trend? {
    guard count >= max(rules.points, 4) else { return nil }
    // Kilobytes around the first point: squares of them stay within a double's 53 bits.
    let n = Double(count), first = Double(point(0) / 1024)
    var sumX = 0.0, sumY = 0.0, sumXX = 0.0, sumXY = 0.0, sumYY = 0.0
    for i in 0..<count {
      let x = Double(i), y = Double(point(i) / 1024) - first
      sumX += x
      sumY += y
      sumXX += x * x
      sumXY += x * y
      sumYY += y * y
    }
    let spreadX = n * sumXX - sumX * sumX, spreadY = n * sumYY - sumY * sumY, both = n * sumXY - sumX * sumY
    let slope = both / spreadX
    let r2 = spreadY <= 0 ? 0 : both * both / (spreadX * spreadY)
    var rises = 0
    while rises < count - 1, point(count - 1 - rises) > point(count - 2 - rises) { rises += 1 }
    let perHour = slope * 1024 * 3_600_000 / Double(max(rules.window.rawValue, 1))
    return Trend(
      bytesPerHour: Int64(clamping: perHour), r2: Permyriad(UInt32(max(0, min(1, r2)) * 10_000)), rises: rises,
      gained: Int64(clamping: slope * (n - 1) * 1024), points: count)
  }

  /// The growth that may be acted upon: told from noise, and large enough to matter on this board (1 % of RAM, 256 KiB at
  /// least). nil: not known, or none.
  public func significant(_ rules: GrowthRules, memoryTotal: ByteCount) -> Trend? {
    guard let trend = trend(rules), trend.bytesPerHour > 0, trend.r2 >= Permyriad(8000), trend.rises >= 3,
      ByteCount(UInt64(max(0, trend.gained))) >= max(.kib(256), memoryTotal.share(Permyriad(100)))
    else { return nil }
    return trend
  }
}

extension Int64 {
  /// Of a double of any size.
  fileprivate init(clamping value: Double) {
    self = value >= 9.2e18 ? .max : value <= -9.2e18 ? .min : Int64(value)
  }
}

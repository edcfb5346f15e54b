// Why does a worker hold what it holds? From its history, its trend and, where somebody looked, its heap: a name for it with
// the numbers it rests on. Conservative: where two explanations fit, both are given. Pure.
public import Samples

/// What the memory of a worker is, as this field speaks of it.
public enum Cause: UInt8, CaseIterable, Sendable {
  /// The floors of five minutes rise steadily: what is allocated is not given back.
  case leak
  /// Freed by the program, kept by its allocator.
  case retention
  /// It rose once and has stood since, near its peak: a balloon that does not deflate.
  case plateau
  /// It rises and falls again and again to the same floor: a collector or a pool at work.
  case sawtooth
  /// It was much higher for a while and came back by itself.
  case spike
  /// Most of it belongs to others too: a parent it was forked from, libraries, shared memory.
  case shared
  /// Its own memory does not grow; a log that it writes does.
  case logGrowth
  /// The board is short of memory, and this worker is not why.
  case elsewhere
  /// Level for half an hour or longer.
  case steady
  /// It was not watched long enough to tell.
  case unknown
}

/// What a judgement of this kind looks at. What is not known is nil, and nothing is concluded from it.
public struct Observations: Sendable {
  /// The figure that is judged, now.
  public var value: ByteCount
  /// Of the last hour; nil before the first sample.
  public var shape: HistoryShape?
  /// The line through the floors, and whether it is growth that may be acted upon.
  public var trend: Growth.Trend?, isGrowing = false
  /// What it held when its warm-up was over.
  public var baseline: ByteCount?
  /// Since when it has been level.
  public var level = Milliseconds.zero
  public var rss: ByteCount?, uss: ByteCount?
  /// Its heap when it was last looked at: from the kernel, and of that in use by the program.
  public var heap: HeapFigures?
  /// What the logs that it writes grow by in a day.
  public var logsPerDay = ByteCount.zero
  public var available: ByteCount?, memoryTotal = ByteCount.zero
  public init(value: ByteCount) { self.value = value }
}

/// What an allocator was seen to hold.
public struct HeapFigures: Equatable, Sendable {
  public var system: ByteCount, inUse: ByteCount
  public init(system: ByteCount, inUse: ByteCount) {
    self.system = system
    self.inUse = inUse
  }
  public var free: ByteCount { system - inUse }
  /// Of what it has from the kernel.
  var freeShare: UInt64 { system.rawValue < 100 ? 0 : min(100, free.rawValue / (system.rawValue / 100)) }
}

public struct Diagnosis: Equatable, Sendable {
  /// In percent: 100 would be certain.
  public struct Finding: Equatable, Sendable {
    public var cause: Cause, confidence: UInt64
    public init(cause: Cause, confidence: UInt64) {
      self.cause = cause
      self.confidence = confidence
    }
  }
  public var first: Finding
  /// Another explanation that fits too.
  public var other: Finding?

  /// Below this nothing is worth an explanation.
  private static let small = ByteCount.mib(1)
  private static let longEnough = Milliseconds.seconds(1800), levelEnough = Milliseconds.seconds(600)

  public init(of seen: Observations) {
    first = Finding(cause: .unknown, confidence: 0)
    // An allocator that keeps half of what it has, and enough of it to matter.
    let keeps = seen.heap.map { $0.freeShare >= 50 && $0.free >= Self.small } ?? false
    let inUse = seen.heap.map { $0.freeShare < 20 } ?? false
    if let trend = seen.trend, seen.isGrowing {
      let certainty = UInt64(trend.r2.rawValue) / 100
      if keeps, let heap = seen.heap {
        add(.retention, min(95, heap.freeShare))
        add(.leak, certainty / 3)
      } else {
        add(.leak, inUse ? certainty : certainty * 4 / 5)
        // Fragmentation looks the same from outside.
        if !inUse { add(.retention, certainty / 3) }
      }
      return
    }
    if keeps, let heap = seen.heap { add(.retention, min(98, heap.freeShare)) }
    if let shape = seen.shape { judge(shape, seen, inUse: inUse) }
    let worthTelling = max(.mib(1), seen.memoryTotal.share(Permyriad(100)))
    if seen.logsPerDay >= worthTelling { add(.logGrowth, 80) }
    if let rss = seen.rss, let uss = seen.uss, rss >= Self.small,
      rss.rawValue - min(uss, rss).rawValue > rss.rawValue / 2
    {
      add(.shared, 70)
    }
    // One that holds a quarter of the board is not innocent.
    if let available = seen.available, available < seen.memoryTotal.share(Permyriad(1000)),
      seen.value < seen.memoryTotal.share(Permyriad(2500))
    {
      add(.elsewhere, 60)
    }
    if first.cause == .unknown, let shape = seen.shape, shape.watched >= Self.longEnough, !Self.swings(shape) {
      add(.steady, 80)
    }
  }

  private mutating func judge(_ shape: HistoryShape, _ seen: Observations, inUse: Bool) {
    let range = shape.maximum - shape.minimum
    guard range >= Self.small || seen.value >= Self.small else { return }
    let swings = Self.swings(shape)
    if swings, shape.drops >= 3 { return add(.sawtooth, min(90, 50 + UInt64(shape.drops) * 5)) }
    let isBack = seen.value.rawValue <= shape.minimum.rawValue + range.rawValue / 4
    if swings, isBack, shape.drops > 0, shape.maximum.rawValue / 3 * 2 >= seen.value.rawValue { return add(.spike, 80) }
    guard let floor = seen.baseline.map({ min($0, shape.minimum) }), seen.level >= Self.levelEnough,
      seen.value.rawValue / 3 * 2 >= floor.rawValue, seen.value - floor >= Self.small
    else { return }
    add(.plateau, inUse ? 90 : 70)
    // Whether the program or its allocator holds it is not seen from outside.
    if seen.heap == nil { add(.retention, 40) }
  }

  private static func swings(_ shape: HistoryShape) -> Bool {
    let range = shape.maximum - shape.minimum
    return range >= small && range.rawValue >= shape.maximum.rawValue / 8
  }

  private mutating func add(_ cause: Cause, _ confidence: UInt64) {
    let new = Finding(cause: cause, confidence: confidence)
    if first.cause == .unknown || confidence > first.confidence {
      if first.cause != .unknown { other = first }
      first = new
    } else if other.map({ confidence > $0.confidence }) ?? true {
      other = new
    }
  }
}

// A series in fixed memory: an hour in detail, a day and a week as minimum, maximum and mean. Nothing is allocated after
// init. Values are kept in KiB with 13 significant bits, 2 bytes each: exact below 8 MiB, at most 0.012 % too low above;
// 3.3 kB for one series.

/// One aged stretch of a series.
public struct Stretch: Equatable, Sendable {
  public var minimum: ByteCount, maximum: ByteCount, mean: ByteCount
  public init(minimum: ByteCount, maximum: ByteCount, mean: ByteCount) {
    self.minimum = minimum
    self.maximum = maximum
    self.mean = mean
  }
}

public struct History: Sendable {
  /// Seconds per slot and number of slots: 720 × 5 s, 144 × 10 min, 168 × 1 h.
  public static let hour = (seconds: 5, slots: 720)
  public static let day = (seconds: 600, slots: 144), week = (seconds: 3600, slots: 168)

  /// Slots are numbered from boot.
  private var raw: [Coarse]
  private var rawSlot: Int64 = -1
  private var days: Aged, weeks: Aged

  public init() {
    raw = [Coarse](repeating: Coarse(), count: History.hour.slots)
    days = Aged(History.day)
    weeks = Aged(History.week)
  }

  /// The last value within a slot is the slot's value. Time never goes back (Instant); a pause leaves empty slots.
  public mutating func record(_ value: ByteCount, at now: Instant) {
    let kib = UInt32(clamping: value.rawValue / 1024)
    let slot = now.milliseconds / 1000 / Int64(History.hour.seconds)
    advance(&raw, from: rawSlot, to: slot, width: 1)
    rawSlot = max(rawSlot, slot)
    raw[Int(slot % Int64(History.hour.slots))] = Coarse(kib)
    days.record(kib, now)
    weeks.record(kib, now)
  }

  /// Calls `body` for every slot of the last hour that has a value, oldest first, with the slot's start.
  public func forEachRaw(_ body: (Instant, ByteCount) -> Void) {
    forEach(raw, width: 1, last: rawSlot, seconds: History.hour.seconds) { at, i in
      body(at, raw[i].value)
    }
  }
  public func forEachOfDay(_ body: (Instant, Stretch) -> Void) { days.forEach(body) }
  public func forEachOfWeek(_ body: (Instant, Stretch) -> Void) { weeks.forEach(body) }
}

/// How the last hour went.
public struct HistoryShape: Equatable, Sendable {
  public var minimum: ByteCount, maximum: ByteCount
  /// How often it fell by half of all that lies between them, or more.
  public var drops: Int
  /// From the first value to the last.
  public var watched: Milliseconds
  public init(minimum: ByteCount, maximum: ByteCount, drops: Int, watched: Milliseconds) {
    self.minimum = minimum
    self.maximum = maximum
    self.drops = drops
    self.watched = watched
  }
}

extension History {
  /// nil before the first value.
  public func shape() -> HistoryShape? {
    var minimum = ByteCount(.max), maximum = ByteCount.zero
    var first: Instant?, last = Instant(milliseconds: 0)
    forEachRaw { at, value in
      minimum = min(minimum, value)
      maximum = max(maximum, value)
      first = first ?? at
      last = at
    }
    guard let first else { return nil }
    let fall = max(1, (maximum - minimum).rawValue / 2)
    var crest = ByteCount.zero, drops = 0
    forEachRaw { _, value in
      if crest.rawValue >= value.rawValue + fall {
        drops += 1
        crest = value
      }
      crest = max(crest, value)
    }
    return HistoryShape(minimum: minimum, maximum: maximum, drops: drops, watched: last - first)
  }
}

/// Minimum, maximum and mean per slot, three numbers side by side.
private struct Aged: Sendable {
  let seconds: Int
  var slots: [Coarse]
  var slot: Int64 = -1
  // The slot being filled: written into `slots` when it is over, until then only marked there as not empty.
  var minimum: UInt32 = .max, maximum: UInt32 = 0, sum: UInt64 = 0, count: UInt64 = 0

  init(_ shape: (seconds: Int, slots: Int)) {
    seconds = shape.seconds
    slots = [Coarse](repeating: Coarse(), count: shape.slots * 3)
  }
  mutating func record(_ kib: UInt32, _ now: Instant) {
    let current = now.milliseconds / 1000 / Int64(seconds)
    if current != slot {
      if slot >= 0 { write(at: index) }
      advance(&slots, from: slot, to: current, width: 3)
      slot = current
      (minimum, maximum, sum, count) = (.max, 0, 0, 0)
      slots[index] = Coarse(kib)
    }
    minimum = min(minimum, kib)
    maximum = max(maximum, kib)
    sum &+= UInt64(kib)
    count &+= 1
  }
  func forEach(_ body: (Instant, Stretch) -> Void) {
    let filling = slot >= 0 ? index : -1
    Samples.forEach(slots, width: 3, last: slot, seconds: seconds) { at, i in
      body(
        at,
        i == filling
          ? Stretch(minimum: Coarse(minimum).value, maximum: Coarse(maximum).value, mean: Coarse(mean).value)
          : Stretch(minimum: slots[i].value, maximum: slots[i + 1].value, mean: slots[i + 2].value))
    }
  }
  private var index: Int { Int(slot % Int64(slots.count / 3)) * 3 }
  private var mean: UInt32 { UInt32(clamping: sum / max(count, 1)) }
  private mutating func write(at i: Int) {
    slots[i] = Coarse(minimum)
    slots[i + 1] = Coarse(maximum)
    slots[i + 2] = Coarse(mean)
  }
}

/// Empties the slots that were passed over, at most one round.
private func advance(_ slots: inout [Coarse], from old: Int64, to new: Int64, width: Int) {
  guard old >= 0, new > old else { return }
  let count = Int64(slots.count / width)
  var slot = max(old + 1, new - count + 1)
  while slot <= new {
    for i in 0..<width { slots[Int(slot % count) * width + i] = Coarse() }
    slot += 1
  }
}

private func forEach(
  _ slots: [Coarse], width: Int, last: Int64, seconds: Int, _ body: (Instant, Int) -> Void
) {
  guard last >= 0 else { return }
  let count = Int64(slots.count / width)
  var slot = max(0, last - count + 1)
  while slot <= last {
    let i = Int(slot % count) * width
    if !slots[i].isEmpty { body(Instant(milliseconds: slot * Int64(seconds) * 1000), i) }
    slot += 1
  }
}

/// A number of KiB in 16 bits, rounded down: as it is below 8192, otherwise 4 bits of exponent and 12 of mantissa, whose
/// leading 1 is left out. One is added, so that 0 is a slot without a sample; 128 GiB are the most.
private struct Coarse: Sendable {
  private var stored: UInt16 = 0
  init() {}
  init(_ kib: UInt32) {
    let shift = UInt32(max(0, 19 - kib.leadingZeroBitCount))
    let code = shift == 0 ? kib : (shift + 1) << 12 | (kib >> shift & 0xFFF)
    stored = UInt16(min(code, 0xFFFE)) + 1
  }
  var isEmpty: Bool { stored == 0 }
  var value: ByteCount {
    let code = UInt64(stored - 1)
    return .kib(code < 8192 ? code : (4096 + code & 0xFFF) << (code >> 12 - 1))
  }
}

// The last events, in a bounded ring that counts what fell out of it.
public import Samples

public final class Journal {
  private var ring = [Event]()
  private var oldest = 0
  public private(set) var capacity: Int
  /// The number of the newest event; 0 before the first.
  public private(set) var newest: UInt64 = 0

  public init(capacity: Int) {
    self.capacity = max(1, capacity)
    // Else it grows by doubling, and what it grew out of stays with the allocator.
    ring.reserveCapacity(min(self.capacity, 1024))
  }

  /// Keeps as many from now on; of more, the newest.
  public func resize(_ wanted: Int) {
    guard wanted != capacity else { return }
    ring = Array((Array(ring[oldest...]) + Array(ring[..<oldest])).suffix(max(1, wanted)))
    oldest = 0
    capacity = max(1, wanted)
  }

  /// Events that were overwritten by newer ones.
  public var dropped: UInt64 { newest - UInt64(ring.count) }

  /// Numbers the event and keeps it. The event as kept.
  @discardableResult
  public func add(_ event: Event) -> Event {
    newest += 1
    var numbered = event
    numbered.number = newest
    if ring.count < capacity {
      ring.append(numbered)
    } else {
      ring[oldest] = numbered
      oldest = (oldest + 1) % capacity
    }
    return numbered
  }

  /// Calls `body` for events with a number above `after`, oldest first, at most `limit` of them.
  public func forEach(after: UInt64, limit: Int, _ body: (Event) -> Void) {
    var left = limit
    for i in 0..<ring.count {
      let event = ring[(oldest + i) % ring.count]
      if event.number <= after { continue }
      if left == 0 { return }
      left -= 1
      body(event)
    }
  }
  /// The newest event of this subject with this name.
  public func last(of subject: Event.Subject, _ name: Bytes, where wanted: (Happening) -> Bool) -> Event? {
    for i in stride(from: ring.count - 1, through: 0, by: -1) {
      let event = ring[(oldest + i) % ring.count]
      if event.subject == subject, event.name == name, wanted(event.what) { return event }
    }
    return nil
  }
}

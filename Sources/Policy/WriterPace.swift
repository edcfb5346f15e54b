// May the writer of a full queue be kept waiting? Yes as long as the reader keeps a pace: it takes what the queue holds
// at least once a second. Below that it counts as slow, and lines are dropped rather than the writer stopped. So a
// writer that is faster than the disk is slowed to the disk's speed, and one before a disk that hangs waits a second.
public import Samples

public struct WriterPace: Equatable, Sendable {
  private let capacity: UInt64
  /// The stretch that is measured, and what was taken in it.
  private var began = Instant(milliseconds: 0), taken: UInt64 = 0
  private var lastFull = Instant(milliseconds: -1_000_000)
  public private(set) var isSlow = false

  public static let stretch = Milliseconds.seconds(1)

  /// `capacity`: of the queue, in bytes.
  public init(capacity: UInt64) { self.capacity = capacity }

  /// The reader took so many bytes.
  public mutating func took(_ bytes: UInt64) { taken += bytes }

  /// The queue is full now.
  public mutating func isFull(now: Instant) {
    if now - lastFull > WriterPace.stretch { (began, taken, isSlow) = (now, 0, false) }
    lastFull = now
    guard now - began >= WriterPace.stretch else { return }
    isSlow = taken < capacity
    (began, taken) = (now, 0)
  }
}

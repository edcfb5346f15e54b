// Memory that no path leads to: what the kernel says of System V shared memory.

/// One line of /proc/sysvipc/shm.
public struct SharedSegment: Equatable, Sendable {
  public var id: Int32
  /// shmget's size, and what is really there (Linux 2.6.38; nil before).
  public var size: ByteCount, resident: ByteCount?
  public var creator: Int32, uid: UInt32
  /// How many have it attached now; none is the mark of one that was forgotten.
  public var attached: UInt64
  public init(id: Int32, size: ByteCount, resident: ByteCount?, creator: Int32, uid: UInt32, attached: UInt64) {
    self.id = id
    self.size = size
    self.resident = resident
    self.creator = creator
    self.uid = uid
    self.attached = attached
  }
  /// What it costs as far as that is known.
  public var held: ByteCount { resident ?? size }
}

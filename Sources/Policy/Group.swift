// Several workers that must not all be away at once. Pure: who is up and who is being recycled in, whether one more may be
// in.
public import Samples

public struct GroupRules: Equatable, Sendable {
  public var name: Bytes
  /// Names of workers; one worker is in one group at most.
  public var workers: [Bytes]
  /// At most so many are recycled at the same time.
  public var atOnce = 1
  /// At least so many must stay up meanwhile.
  public var healthy = 0
  public init(name: Bytes, workers: [Bytes]) {
    self.name = name
    self.workers = workers
  }
}

/// One worker of a group, at this instant.
public enum MemberState: Equatable, Sendable {
  /// It has its processes, and none of them is being recycled.
  case up
  /// Being recycled: not up again before its health gate was passed.
  case acting
  /// It has no process, or its last recycle failed.
  case down
}

extension GroupRules {
  /// Why one that is `state` must not be recycled now; nil: it may. `acting` and `up`: so many of the others are.
  public func objection(to state: MemberState, acting: Int, up: Int) -> Obstacle? {
    if acting >= atOnce { return .groupBusy }
    // One that is down already takes nobody away.
    return state == .up && up < healthy ? .groupThin : nil
  }
}

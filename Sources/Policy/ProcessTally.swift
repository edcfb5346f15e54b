// Adds processes up by worker, and those of no worker by name: who holds most, in bounded memory.
public import Samples

/// A worker, or all processes of one name that belong to none.
public struct ProcessGroup: Sendable {
  public var name: Bytes
  public var isWorker: Bool
  public var processes = 1
  public var share: ProcessShare
  /// The one of them that holds most anonymous memory.
  public var pid: Int32, most: ByteCount
}

public struct ProcessTally: Sendable {
  public private(set) var groups = [ProcessGroup]()
  public private(set) var sum = ProcessShare()
  public private(set) var processes = 0, estimated = 0
  public var unreadable = 0
  /// Names beyond these are only in the sums.
  public static let groupsMaximum = 256
  public init() {}

  /// `worker`: its name; nil for a process of no worker.
  public mutating func add(_ share: ProcessShare, pid: Int32, comm: Comm, worker: Bytes?) {
    processes += 1
    if share.isEstimate { estimated += 1 }
    sum += share
    let name = worker ?? comm.array
    for i in groups.indices where groups[i].isWorker == (worker != nil) && groups[i].name == name {
      groups[i].processes += 1
      groups[i].share += share
      if share.anonymous > groups[i].most { (groups[i].pid, groups[i].most) = (pid, share.anonymous) }
      return
    }
    guard groups.count < Self.groupsMaximum else { return }
    groups.append(
      ProcessGroup(
        name: name, isWorker: worker != nil, share: share, pid: pid, most: share.anonymous))
  }

  /// All workers, the other names that hold most, and a part for the rest; the largest first.
  public func holders(others: Int) -> [LedgerPart] {
    var parts = [LedgerPart]()
    for group in groups where group.isWorker {
      rank(part(.worker, group, group.share.anonymous), in: &parts, most: 256)
    }
    var rest = [LedgerPart]()
    for group in groups where !group.isWorker {
      rank(part(.command, group, group.share.anonymous), in: &rest, most: others)
    }
    for part in rest { rank(part, in: &parts, most: 512) }
    var left = LedgerPart(.rest, [], sum.anonymous)
    left.processes = processes
    for part in parts {
      left.bytes = left.bytes - part.bytes
      left.processes -= part.processes
    }
    if left.processes > 0 { parts.append(left) }
    return parts
  }

  /// Who maps most pages of files, or of shared memory.
  public func mappers(shared: Bool, most: Int) -> [LedgerPart] {
    var parts = [LedgerPart]()
    for group in groups {
      rank(part(.mapping, group, shared ? group.share.shared : group.share.file), in: &parts, most: most)
    }
    return parts
  }

  private func part(_ kind: LedgerPart.Kind, _ group: ProcessGroup, _ bytes: ByteCount) -> LedgerPart {
    var part = LedgerPart(kind, group.name, bytes)
    part.pid = group.pid
    if group.isWorker { part.worker = group.name }
    part.processes = group.processes
    let share = group.share
    part.pss = share.anonymous + share.lazyFree + share.file + share.shared
    (part.swap, part.isEstimate) = (share.swap, share.isEstimate)
    return part
  }
}

/// Puts the part in its place among the largest, of which there are no more than `most`; one that holds nothing has none.
public func rank(_ part: LedgerPart, in parts: inout [LedgerPart], most: Int) {
  guard part.bytes > .zero, most > 0 else { return }
  if parts.count >= most {
    guard let last = parts.last, last.bytes < part.bytes else { return }
    parts.removeLast()
  }
  var i = parts.count
  parts.append(part)
  while i > 0, parts[i - 1].bytes < part.bytes {
    parts.swapAt(i - 1, i)
    i -= 1
  }
}

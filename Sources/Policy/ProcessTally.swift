// Adds processes up by worker, and those of no worker by name: who holds most, in bounded memory.
public import Samples

/// A worker, or all processes of one name that belong to none.
private struct ProcessGroup {
  /// Bytes are anonymous memory; the pid is of the process that holds most of it.
  var part: LedgerPart
  var most: ByteCount, file = ByteCount.zero, shared = ByteCount.zero
}

public struct ProcessTally: Sendable {
  private var groups = [ProcessGroup]()
  public private(set) var sum = ProcessShare()
  public private(set) var processes = 0, estimated = 0
  public var unreadable = 0
  /// Names beyond these are only in the sums.
  public static let groupsMaximum = 256
  public init() {}

  /// `worker`: its name; empty for a process of no worker.
  public mutating func add(_ share: ProcessShare, pid: Int32, comm: Comm, worker: Bytes) {
    processes += 1
    if share.isEstimate { estimated += 1 }
    sum += share
    let name = worker.isEmpty ? comm.array : worker, kind = worker.isEmpty ? LedgerPart.Kind.command : .worker
    var i = 0
    while i < groups.count, groups[i].part.kind != kind || groups[i].part.name != name { i += 1 }
    if i == groups.count {
      guard i < Self.groupsMaximum else { return }
      groups.append(ProcessGroup(part: LedgerPart(kind, name, .zero), most: .zero))
      groups[i].part.worker = worker
    }
    groups[i].part.processes += 1
    groups[i].part.bytes += share.anonymous
    groups[i].part.pss += share.anonymous + share.lazyFree + share.file + share.shared
    groups[i].part.swap += share.swap
    groups[i].part.isEstimate = groups[i].part.isEstimate || share.isEstimate
    groups[i].file += share.file
    groups[i].shared += share.shared
    if share.anonymous >= groups[i].most { (groups[i].part.pid, groups[i].most) = (pid, share.anonymous) }
  }

  /// All workers, the other names that hold most, and a part for the rest; the largest first.
  public func holders(others: Int) -> [LedgerPart] {
    var parts = [LedgerPart]()
    for group in groups where group.part.kind == .command { rank(group.part, in: &parts, most: others) }
    for group in groups where group.part.kind == .worker { rank(group.part, in: &parts, most: .max) }
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
      var part = group.part
      part.kind = .mapping
      part.bytes = shared ? group.shared : group.file
      rank(part, in: &parts, most: most)
    }
    return parts
  }
}

/// Puts the part in its place among the largest, of which there are no more than `most`; one that holds nothing has none.
@inline(never) public func rank(_ part: LedgerPart, in parts: inout [LedgerPart], most: Int) {
  guard part.bytes > .zero else { return }
  if parts.count < most {
    parts.append(part)
  } else if parts[most - 1].bytes < part.bytes {
    parts[most - 1] = part
  } else {
    return
  }
  var i = parts.count - 1
  while i > 0, parts[i - 1].bytes < parts[i].bytes {
    parts.swapAt(i - 1, i)
    i -= 1
  }
}

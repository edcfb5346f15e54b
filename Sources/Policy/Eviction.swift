// Which of several logs gives way, and by how much? Pure: what there is and how much must go in, an order of acts out.
// Old archives first, the oldest of them first; then the logs, the fastest grower first, the largest first among those
// that grow alike. What is protected stays.
public import Samples

public struct EvictionCandidate: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// An older part of a log; `age` counts from 1, the newest, within its log.
    case archive(age: UInt64)
    /// Bytes per second now, and what a cut must leave.
    case log(rate: UInt64, keep: ByteCount)
  }
  public var kind: Kind
  public var allocated: ByteCount
  /// False when it is protected, only observed, or was refused.
  public var isEvictable: Bool
  public init(_ kind: Kind, allocated: ByteCount, isEvictable: Bool = true) {
    self.kind = kind
    self.allocated = allocated
    self.isEvictable = isEvictable
  }

  /// What the act on it would free: the kept part may take a page more than its bytes.
  var gain: ByteCount {
    switch kind {
    case .archive: allocated
    case .log(_, let keep): allocated - (keep + ByteCount(4096))
    }
  }

  func goes(before other: EvictionCandidate) -> Bool {
    switch (kind, other.kind) {
    case (.archive(let a), .archive(let b)): a != b ? a > b : allocated > other.allocated
    case (.archive, .log): true
    case (.log, .archive): false
    case (.log(let a, _), .log(let b, _)): a != b ? a > b : gain > other.gain
    }
  }
}

public enum Eviction: Equatable, Sendable {
  /// Of the candidate with this index: delete the archive.
  case remove(Int)
  /// Cut the log and leave at most this much.
  case cut(Int, keep: ByteCount)
}

/// The acts that free `toFree`, in their order; all there are when they cannot. Each is to be measured before the next:
/// what it frees is not what was expected where its writer goes on meanwhile.
public func evictions(from candidates: [EvictionCandidate], toFree: ByteCount) -> [Eviction] {
  var order = [Int]()
  for i in candidates.indices where candidates[i].isEvictable && candidates[i].gain > .zero { order.append(i) }
  heapSort(
    order.count, isBefore: { candidates[order[$0]].goes(before: candidates[order[$1]]) }, swap: { order.swapAt($0, $1) }
  )
  var acts = [Eviction]()
  var freed = ByteCount.zero
  for i in order where freed < toFree {
    freed += candidates[i].gain
    switch candidates[i].kind {
    case .archive: acts.append(.remove(i))
    case .log(_, let keep): acts.append(.cut(i, keep: keep))
    }
  }
  return acts
}

/// What a log that gives way keeps: what its rules say, else half its fair share of the budget, 4 KiB at least and half
/// its own budget at most.
public func kept(of log: LogRules, sharing budget: ByteCount, among count: Int) -> ByteCount {
  let half = ByteCount(log.budget.rawValue / 2)
  if let keep = log.keep { return min(keep, half) }
  return min(half, max(.kib(4), ByteCount(budget.rawValue / 2 / UInt64(max(count, 1)))))
}

/// How old the archive of this name is within its log, and which log that is; nil for a name that is no archive's.
/// `log.1`, `log.2.gz`: logrotate and its kin count up with age. `log.000017`, `log.12345678`, `log-20260131`: numbers
/// with zeros in front, of eight digits and more, or behind a hyphen only ever grow: the highest is the newest.
public struct RotatedName: Equatable, Sendable {
  public var log: Bytes
  public var number: UInt64
  public var growsWithAge: Bool

  /// memwarden's own archive of a log, not yet whole: `log.00000012.gz.part-…` or `.cut-…`. Nobody else's to touch.
  public static func isUnfinished(_ path: Bytes) -> Bool {
    guard let hyphen = path.lastIndex(of: UInt8(ascii: "-")) else { return false }
    for mark: StaticString in [".part", ".cut"] {
      let start = hyphen - mark.utf8CodeUnitCount
      if start > 0, equal(Bytes(path[start..<hyphen]), mark) { return RotatedName(Bytes(path[..<start])) != nil }
      // A second hyphen stands between the two numbers of `.cut-9f000-1c291ca3`.
      if let first = path[..<hyphen].lastIndex(of: UInt8(ascii: "-")), first >= mark.utf8CodeUnitCount,
        equal(Bytes(path[(first - mark.utf8CodeUnitCount)..<first]), mark)
      {
        return RotatedName(Bytes(path[..<(first - mark.utf8CodeUnitCount)])) != nil
      }
    }
    return false
  }

  public init?(_ path: Bytes) {
    var end = path.count
    for suffix: StaticString in [".gz", ".xz", ".bz2", ".zst", ".lz4"] {
      let n = suffix.utf8CodeUnitCount
      if end > n, equal(Bytes(path[(end - n)...]), suffix) {
        end -= n
        break
      }
    }
    var start = end
    while start > 0, path[start - 1] >= 48, path[start - 1] <= 57 { start -= 1 }
    let digits = end - start
    guard digits > 0, digits <= 19, start > 1, path[start - 2] != UInt8(ascii: "/") else { return nil }
    let isDate = path[start - 1] == UInt8(ascii: "-") && digits >= 8
    guard path[start - 1] == UInt8(ascii: ".") || isDate else { return nil }
    number = 0
    for digit in path[start..<end] { number = number &* 10 &+ UInt64(digit - 48) }
    growsWithAge = !isDate && digits < 8 && (path[start] != 48 || digits == 1)
    log = Bytes(path[..<(start - 1)])
  }
}

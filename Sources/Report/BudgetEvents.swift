// What is told of a budget of several logs: names, words and numbers of these events.
public import Policy
public import Samples

/// How full it was when something gave way, and why it had to: nil when the budget was reached.
public struct BudgetFill: Equatable, Sendable {
  public var held: ByteCount, budget: ByteCount
  public var scarcity: Scarcity?
  public init(held: ByteCount, budget: ByteCount, scarcity: Scarcity?) {
    self.held = held
    self.budget = budget
    self.scarcity = scarcity
  }
}

public enum BudgetHappening: Sendable {
  case cut(Bytes, before: ByteCount, after: ByteCount, BudgetFill)
  case removed(Bytes, freed: ByteCount, BudgetFill)
  case wouldCut(Bytes, allocated: ByteCount, BudgetFill)
  case wouldRemove(Bytes, allocated: ByteCount, BudgetFill)
  /// An archive that is not deleted.
  case notRemoved(Bytes, StaticString)
  /// What could go has gone. `others`: held by what is protected or no log.
  case unreachable(BudgetFill, others: ByteCount)
  case within(BudgetFill)
  case tooMany(watched: Int, unwatched: Int)
  case offRAM

  var kind: (EventClass, StaticString) {
    switch self {
    case .cut: (.acted, "evicted")
    case .removed: (.acted, "archive_removed")
    case .wouldCut: (.judged, "would_evict")
    case .wouldRemove: (.judged, "would_remove")
    case .notRemoved: (.failed, "archive_not_removed")
    case .unreachable: (.failed, "budget_unreachable")
    case .within: (.recovered, "budget_kept_again")
    case .tooMany: (.failed, "too_many_logs")
    case .offRAM: (.seen, "not_on_ram")
    }
  }

  var words: Sentence {
    switch self {
    case .cut(let path, let before, let after, let fill):
      return "\(path) gave way: cut from \(before) to \(after); \(fill.words)"
    case .removed(let path, let freed, let fill):
      return "\(path) gave way: archive of \(freed) deleted; \(fill.words)"
    case .wouldCut(let path, let allocated, let fill):
      return "\(path) with \(allocated) would be cut, but is only observed; \(fill.words)"
    case .wouldRemove(let path, let allocated, let fill):
      return "\(path), an archive of \(allocated), would be deleted, but is only observed; \(fill.words)"
    case .notRemoved(let path, let why): return "\(path) is not deleted: \(why)"
    case .unreachable(let fill, let others):
      return "cannot be kept: \(fill.words); \(others) are protected or not logs, and logs keep the rest"
    case .within(let fill): return "kept again: \(fill.words)"
    case .tooMany(let watched, let unwatched):
      return "\(watched, "file") of it are watched, \(unwatched) are too many: narrow the pattern, or delete some"
    case .offRAM: return "it is on no ramfs or tmpfs, where nothing would be gained: not watched"
    }
  }

  func writeNumbers(to json: inout JSONWriter) {
    switch self {
    case .cut(let path, let before, let after, let fill):
      json.field("path", path)
      json.field("before_bytes", before)
      json.field("after_bytes", after)
      fill.write(to: &json)
    case .removed(let path, let freed, let fill):
      json.field("path", path)
      json.field("freed_bytes", freed)
      fill.write(to: &json)
    case .wouldCut(let path, let allocated, let fill), .wouldRemove(let path, let allocated, let fill):
      json.field("path", path)
      json.field("allocated_bytes", allocated)
      fill.write(to: &json)
    case .notRemoved(let path, _): json.field("path", path)
    case .unreachable(let fill, let others):
      fill.write(to: &json)
      json.field("not_evictable_bytes", others)
    case .within(let fill): fill.write(to: &json)
    case .tooMany(let watched, let unwatched):
      json.field("watched_files", watched)
      json.field("unwatched_files", unwatched)
    case .offRAM: break
    }
  }
}

extension BudgetFill {
  fileprivate var words: Sentence {
    switch scarcity {
    case nil: "\(held) of a budget of \(budget) are held"
    case .available?: "too little RAM is available, \(held) are held"
    case .pressure?: "tasks wait for memory, \(held) are held"
    }
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.field("held_bytes", held)
    json.field("budget_bytes", budget)
    let why: StaticString =
      switch scarcity {
      case nil: "budget"
      case .available?: "available_below"
      case .pressure?: "pressure"
      }
    json.field("reason", why)
  }
}

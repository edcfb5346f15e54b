// One budget of several logs as the answers tell it: GET /v1/logs, "groups", and its metrics. Filled by the loop.
public import Policy
public import Samples

public final class BudgetRecord {
  public enum State: Equatable, Sendable {
    /// There is nothing of it now, or it is on no RAM filesystem.
    case absent
    case within, over
    /// What could go has gone, and it is not enough.
    case unreachable
  }
  public let rules: BudgetRules
  public var state = State.absent
  /// The budget in bytes, and what is held of it.
  public var budget = ByteCount.zero, held = ByteCount.zero
  public var logs = 0, archives = 0, archivesBytes = ByteCount.zero
  /// Held by files that never give way: protected, not logs, or beyond the number that is watched.
  public var othersBytes = ByteCount.zero
  /// Files that match and are too many to be watched.
  public var unwatched = 0
  /// Logs cut and archives deleted for this budget, and what that gave back.
  public var cuts: UInt64 = 0, removals: UInt64 = 0
  public var freed = ByteCount.zero
  public init(rules: BudgetRules) { self.rules = rules }
}

extension BudgetRules.Scope {
  var name: StaticString {
    switch self {
    case .logs: "logs"
    case .fileSystem: "filesystem"
    case .allRAM: "ram_filesystems"
    }
  }
}

extension BudgetRecord.State {
  var name: StaticString {
    switch self {
    case .absent: "absent"
    case .within: "within"
    case .over: "over"
    case .unreachable: "unreachable"
    }
  }
}

extension BudgetRecord {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("name", rules.name)
      json.field("scope", rules.scope.name)
      json.field("state", state.name)
      json.field("observe", rules.observe)
      json.field("budget_bytes", budget)
      json.field("held_bytes", held)
      json.field("not_evictable_bytes", othersBytes)
      json.field("logs", logs)
      json.field("archives", archives)
      json.field("archives_bytes", archivesBytes)
      json.field("unwatched_files", unwatched)
      json.field("cuts", cuts)
      json.field("removals", removals)
      json.field("freed_bytes", freed)
    }
  }
}

extension Board {
  func writeBudgets(to text: inout Bytes) {
    if budgets.isEmpty { return }
    text.write("\nSTATE       HOLDS      BUDGET     FIXED      LOGS  ARCHIVES CUTS  DELETED GROUP\n")
    for budget in budgets {
      text.cell("\(budget.state.name)", 11)
      text.amount(budget.held, 10)
      text.amount(budget.budget, 10)
      text.amount(budget.othersBytes, 10)
      text.cell("\(budget.logs)", 5)
      text.cell("\(budget.archives)", 8)
      text.cell("\(budget.cuts)", 5)
      text.cell("\(budget.removals)", 7)
      text.say("\(budget.rules.name)\n")
    }
  }

  func writeBudgetMetrics(to text: inout Bytes) {
    func family(_ name: StaticString, _ type: StaticString, _ help: StaticString, _ value: (BudgetRecord) -> UInt64) {
      text.family(name, type, help)
      for budget in budgets where budget.state != .absent {
        text.sample(name, "budget", budget.rules.name, value(budget))
      }
    }
    if budgets.isEmpty { return }
    family("budget_bytes", "gauge", "Budget of several logs, a filesystem, or all RAM filesystems.") {
      $0.budget.rawValue
    }
    family("budget_held_bytes", "gauge", "Memory held of that budget.") { $0.held.rawValue }
    family("budget_cuts_total", "counter", "Logs cut for that budget.") { $0.cuts }
    family("budget_removals_total", "counter", "Archives deleted for that budget.") { $0.removals }
    family("budget_freed_bytes_total", "counter", "Memory given back for that budget.") { $0.freed.rawValue }
  }
}

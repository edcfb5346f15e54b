// Budgets of several logs as they are told: events, the groups of /v1/logs, metrics, the table.
import Policy
import Samples
import Testing

@testable import Report

private let path = bytes("/var/log/a.log")
private let full = BudgetFill(held: .mib(5), budget: .mib(4), scarcity: nil)
private let fullNumbers = #""held_bytes": 5242880, "budget_bytes": 4194304, "reason": "budget""#
private func fill(_ scarcity: Scarcity) -> BudgetFill { BudgetFill(held: .mib(3), budget: .mib(4), scarcity: scarcity) }

let budgetEvents: [Expected] = [
  Expected(
    .budget(.cut(path, before: .mib(1), after: .kib(64), full)), "acted", "evicted",
    #""path": "/var/log/a.log", "before_bytes": 1048576, "after_bytes": 65536, "# + fullNumbers,
    "/var/log/a.log gave way: cut from 1 MiB to 64 KiB; 5 MiB of a budget of 4 MiB are held"),
  Expected(
    .budget(.removed(path, freed: .kib(64), fill(.available))), "acted", "archive_removed",
    #""path": "/var/log/a.log", "freed_bytes": 65536, "held_bytes": 3145728, "budget_bytes": 4194304, "#
      + #""reason": "available_below""#,
    "/var/log/a.log gave way: archive of 64 KiB deleted; too little RAM is available, 3 MiB are held"),
  Expected(
    .budget(.wouldCut(path, allocated: .mib(1), fill(.pressure))), "judged", "would_evict",
    #""path": "/var/log/a.log", "allocated_bytes": 1048576, "held_bytes": 3145728, "budget_bytes": 4194304, "#
      + #""reason": "pressure""#,
    "/var/log/a.log with 1 MiB would be cut, but is only observed; tasks wait for memory, 3 MiB are held"),
  Expected(
    .budget(.wouldRemove(path, allocated: .mib(1), full)), "judged", "would_remove",
    #""path": "/var/log/a.log", "allocated_bytes": 1048576, "# + fullNumbers,
    "/var/log/a.log, an archive of 1 MiB, would be deleted, but is only observed; "
      + "5 MiB of a budget of 4 MiB are held"),
  Expected(
    .budget(.notRemoved(path, "it is a link")), "failed", "archive_not_removed", #""path": "/var/log/a.log""#,
    "/var/log/a.log is not deleted: it is a link"),
  Expected(
    .budget(.unreachable(full, others: .mib(3))), "failed", "budget_unreachable",
    fullNumbers + #", "not_evictable_bytes": 3145728"#,
    "cannot be kept: 5 MiB of a budget of 4 MiB are held; 3 MiB are protected or not logs, and logs keep the rest"),
  Expected(
    .budget(.within(BudgetFill(held: .mib(1), budget: .mib(4), scarcity: nil))), "recovered", "budget_kept_again",
    #""held_bytes": 1048576, "budget_bytes": 4194304, "reason": "budget""#,
    "kept again: 1 MiB of a budget of 4 MiB are held"),
  Expected(
    .budget(.tooMany(watched: 256, unwatched: 3)), "failed", "too_many_logs",
    #""watched_files": 256, "unwatched_files": 3"#,
    "256 files of it are watched, 3 are too many: narrow the pattern, or delete some"),
  Expected(
    .budget(.offRAM), "seen", "not_on_ram", "",
    "it is on no ramfs or tmpfs, where nothing would be gained: not watched"),
]

private func boardWithBudgets() -> Board {
  let board = makeBoard()
  let names: [(BudgetRules.Scope, String)] = [(.logs, "/var/log/*\"\n"), (.allRAM, "ram_filesystems")]
  for (scope, name) in names {
    let record = BudgetRecord(rules: BudgetRules(scope: scope, name: bytes(name), budget: .bytes(.mib(4))))
    (record.budget, record.held, record.state) = (.mib(4), .mib(3), .unreachable)
    (record.logs, record.cuts, record.freed) = (2, 7, .mib(9))
    board.budgets.append(record)
  }
  board.budgets[1].state = .absent
  return board
}

@Test func aBudgetOfSeveralLogsStandsBesideTheLogs() throws {
  var json = JSONWriter()
  boardWithBudgets().writeLogs(to: &json)
  let all = parse(json.text)
  let groups = try #require(all["groups"] as? [[String: Any]])
  #expect(groups.count == 2 && groups[0]["name"] as? String == "/var/log/*\"\n")
  #expect(groups[0]["scope"] as? String == "logs" && groups[0]["state"] as? String == "unreachable")
  #expect(groups[0]["held_bytes"] as? Int == 3 << 20 && groups[0]["cuts"] as? Int == 7)
  let logs = try #require(all["logs"] as? [[String: Any]])
  #expect(logs.allSatisfy { $0.keys.contains("group") })
}

@Test func theMetricsAndTheTableOfABudgetHoldNoRawName() {
  var text = Bytes()
  boardWithBudgets().writeMetrics(to: &text)
  #expect(string(text).contains("memwarden_budget_held_bytes{budget=\"/var/log/*\\\"\\\\x0a\"} 3145728\n"))
  #expect(!string(text).contains("memwarden_budget_held_bytes{budget=\"ram"))
  text = []
  boardWithBudgets().writeLogs(to: &text)
  #expect(string(text).contains("unreachable"))
  #expect(!string(text).contains("*\"\n"))
}

// Budgets of several logs in the loop: made from the configuration, fed with the files that were found, kept after every
// look at a log.
import Actions
import Kernel
import Policy
import Report
import Samples

extension Agent {
  /// What has changed since the budgets were last looked at is looked at; `logsWereLookedAt`: some log was.
  func keepBudgets(logsWereLookedAt: Bool) {
    for budget in budgets {
      if budget.finder?.step(inotify: inotify, now: board.now) ?? false { takeFound(budget) }
      budget.keep(self, logsWereLookedAt: logsWereLookedAt)
    }
  }

  /// Once per tick, before the logs are looked at.
  func tickBudgets() {
    if budgets.isEmpty { return }
    if budgets.contains(where: { $0.record.rules.scope != .logs }) {
      for log in logs { log.refresh() }
      ramUsage.refresh(fileSystems, reader) { heldByOurs(on: $0) }
    }
    for budget in budgets { budget.tick(self) }
  }

  private func heldByOurs(on device: Device) -> ByteCount {
    var sum = ByteCount.zero
    for log in logs where log.device == device { sum += log.record.allocated }
    for budget in budgets {
      for archive in budget.finder?.archives ?? [] where archive.status.device == device {
        sum += archive.status.allocated
      }
    }
    return sum
  }

  /// No budget of several logs touches it.
  func isProtected(_ path: Bytes) -> Bool { protectedLogs.contains { $0.matches(path) } }

  /// Watches the files that were found, and no longer those that were not.
  private func takeFound(_ budget: LogBudget) {
    guard let finder = budget.finder else { return }
    var known = [Bytes: WatchedLog](), others = Set<Bytes>()
    for log in logs {
      if log.budget === budget { known[log.record.rules.path] = log } else { others.insert(log.record.rules.path) }
    }
    let elsewhere = logs.filter { $0.budget != nil && $0.budget !== budget }.count
    let found = finder.sort(
      room: max(0, LogFinder.logsMaximum - elsewhere), isWatched: { known[$0] != nil },
      isOthers: { file in
        if others.contains(file.path) { return true }
        // The same file by another path, through a folder that is a link.
        return logs.contains { $0.budget !== budget && $0.holds(file.status) }
      },
      isProtected: { isProtected($0) })
    var kept = [WatchedLog](), fresh = [WatchedLog]()
    for file in found {
      if let log = known[file.path] {
        kept.append(log)
      } else {
        let log = WatchedLog(
          budget.record.rules.logRules(path: file.path, budget: budget.record.budget), observe: configuration.observe,
          of: budget)
        log.record.allocated = file.status.allocated
        if let i = formerLogs.firstIndex(where: { $0.record.rules.path == file.path }) {
          log.inherit(formerLogs.remove(at: i))
        }
        fresh.append(log)
      }
    }
    if kept.count != known.count || !fresh.isEmpty {
      logs = logs.filter { $0.budget !== budget } + kept + fresh
      board.logs = logs.map { $0.record }
      for log in fresh { look(log) }
    }
    formerLogs.removeAll { $0.budget?.record.rules.name == budget.record.rules.name }
    budget.foundLogs(self)
  }

  /// Makes the budgets of the configuration after its logs; those that stay the same keep what they found.
  func applyBudgets(former: [WatchedLog]) {
    var patterns = [Glob]()
    for rules in configuration.budgets { for path in rules.protect { patterns.append(Glob(path)) } }
    let protectsTheSame = patterns == protectedLogs
    protectedLogs = patterns
    let old = budgets
    budgets = configuration.budgets.map { rules in
      var rules = rules
      rules.observe = rules.observe || configuration.observe
      let same = old.first { $0.record.rules == rules }
      if let same, protectsTheSame || rules.scope != .logs { return same }
      return LogBudget(rules)
    }
    formerLogs = []
    for log in former {
      guard let budget = log.budget else { continue }
      let isConfigured = logs.contains { $0.record.rules.path == log.record.rules.path }
      if budgets.contains(where: { $0 === budget }), !isConfigured {
        logs.append(log)
      } else if !isConfigured, budgets.contains(where: { $0.record.rules.name == budget.record.rules.name }) {
        formerLogs.append(log)
      }
    }
    board.budgets = budgets.map { $0.record }
  }
}

// One budget of several logs: asks the judge whether something must give way, and carries out what Eviction orders, one
// act at a time, each measured before the next.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class LogBudget {
  let record: BudgetRecord
  /// Of scope `logs`.
  let finder: LogFinder?
  private var watch = BudgetWatch()
  private var scarcity = ScarcityWatch()
  /// Of scope `fileSystem`: where the path leads now.
  private var device: Device?
  private let folder: Bytes
  private var toldCutAt: Instant?, toldTooMany = false, toldOffRAM = false
  private var isDue = true

  /// For one turn of the loop: a cut takes 0.1 ms, the search for a file's holders 10 ms and more.
  private static let slice: Int64 = 10_000
  private static let tellingGap = Milliseconds.seconds(10)

  init(_ rules: BudgetRules) {
    record = BudgetRecord(rules: rules)
    finder = rules.scope == .logs ? LogFinder(rules.name) : nil
    folder = rules.name + Bytes("/.")
  }

  var nextLook: Instant? {
    guard let step = finder?.nextStep else { return watch.nextLook }
    return min(step, watch.nextLook ?? step)
  }

  func covers(_ log: WatchedLog) -> Bool {
    switch record.rules.scope {
    case .logs: log.budget === self
    case .fileSystem: device != nil && log.device == device
    case .allRAM: log.device != nil
    }
  }
  private func covers(_ archive: Archive, of budget: LogBudget) -> Bool {
    switch record.rules.scope {
    case .logs: budget === self
    case .fileSystem: archive.status.device == device
    case .allRAM: true
    }
  }

  // MARK: What there is

  /// Once per tick: where it is, and how much it may hold.
  func tick(_ agent: Agent) {
    isDue = true
    let ram = agent.board.memory.total
    switch record.rules.scope {
    case .logs: record.budget = record.rules.budget.resolved(of: ram)
    case .allRAM: record.budget = record.rules.budget.resolved(of: ram)
    case .fileSystem:
      device = (try? agent.reader.fileStatus(folder))?.device
      if let found = device, !agent.ramUsage.isRAM(found) { device = nil }
      record.budget = record.rules.budget.resolved(of: device.map { agent.ramUsage.size(of: $0, ram: ram) } ?? ram)
    }
    if isOffRAM {
      if !toldOffRAM { tell(.offRAM, agent) }
      toldOffRAM = true
      record.state = .absent
    } else {
      toldOffRAM = false
    }
    if let finder, agent.logs.contains(where: { $0.budget === self && $0.record.state == .absent }) {
      finder.searchAgain()
    }
  }

  private var isOffRAM: Bool {
    switch record.rules.scope {
    case .logs: finder?.isOffRAM ?? false
    case .fileSystem: device == nil
    case .allRAM: false
    }
  }

  /// What a search found was sorted.
  func foundLogs(_ agent: Agent) {
    guard let finder else { return }
    isDue = true
    record.unwatched = finder.unwatched
    if finder.unwatched > 0, !toldTooMany {
      let watched = agent.logs.filter { $0.budget === self }.count
      tell(.tooMany(watched: watched, unwatched: finder.unwatched), agent)
    }
    toldTooMany = finder.unwatched > 0
  }

  /// What all of it holds now, and by how many bytes a second it grows; nil while that is not known.
  private func measure(_ agent: Agent) -> (held: ByteCount, rate: UInt64)? {
    let others = finder?.othersBytes ?? agent.ramUsage.others(on: device)
    guard let others, record.rules.scope != .fileSystem || device != nil else { return nil }
    (record.logs, record.archives, record.archivesBytes, record.othersBytes) = (0, 0, .zero, others)
    var held = others
    var rate: UInt64 = 0
    for log in agent.logs where covers(log) {
      let growth = log.rate(at: agent.board.now)
      if growth > 0 { log.refresh() }
      held += log.record.allocated
      rate = (ByteCount(rate) + ByteCount(growth)).rawValue
      record.logs += 1
      if log.record.state != .watched { record.othersBytes += log.record.allocated }
    }
    for budget in agent.budgets {
      for archive in budget.finder?.archives ?? [] where covers(archive, of: budget) {
        held += archive.status.allocated
        record.archives += 1
        record.archivesBytes += archive.status.allocated
      }
    }
    record.held = held
    return (held, rate)
  }

  // MARK: Keeping it

  /// Looks, if anything was looked at since, and evicts if that is due.
  func keep(_ agent: Agent, logsWereLookedAt: Bool) {
    let now = agent.board.now
    if let next = watch.nextLook, now >= next { isDue = true }
    guard isDue || logsWereLookedAt, !isOffRAM, let (held, rate) = measure(agent) else { return }
    isDue = false
    let need = watch.look(total: held, budget: record.budget, rate: rate, now: now)
    if let need {
      evict(need, from: held, rate: rate, because: nil, agent)
    } else if watch.isUnreachable, held + ByteCount(record.budget.rawValue / 8) <= record.budget, watch.isWithin() {
      tell(.within(fill(nil)), agent)
    }
    if record.rules.availableBelow != nil || record.rules.pressure != nil { relieve(held, agent) }
    record.state = watch.isUnreachable ? .unreachable : record.held > record.budget ? .over : .within
  }

  private func relieve(_ held: ByteCount, _ agent: Agent) {
    let board = agent.board, rules = record.rules
    let need = scarcity.look(
      available: board.memory.usable, line: rules.availableBelow?.resolved(of: board.memory.total),
      pressure: board.pressure?.someAvg10, limit: rules.pressure, held: held, now: board.now)
    if let need, need > .zero { evict(need, from: record.held, rate: 0, because: scarcity.reason, agent) }
  }

  private func evict(_ need: ByteCount, from held: ByteCount, rate: UInt64, because reason: Scarcity?, _ agent: Agent) {
    let goal = held - need
    let end = cl_boottime_us() + Self.slice
    let (candidates, targets) = candidates(agent)
    for act in evictions(from: candidates, toFree: need) {
      if record.rules.observe {
        tellObserved(act, targets, reason, agent)
        return watch.waits(now: agent.board.now)
      }
      carryOut(act, targets, reason, agent)
      guard let now = measure(agent), now.held > goal else { return }
      if cl_boottime_us() >= end {
        if reason == nil { watch.goesOn(now: agent.board.now) }
        return
      }
    }
    guard reason == nil else { return }
    if record.held < record.budget {
      watch.rests(total: record.held, budget: record.budget, rate: rate, now: agent.board.now)
    } else if watch.fellShort(now: agent.board.now), !record.rules.observe {
      tell(.unreachable(fill(nil), others: record.othersBytes), agent)
    }
  }

  private enum Target {
    case log(WatchedLog)
    case archive(Archive, LogFinder)
  }

  private func candidates(_ agent: Agent) -> ([EvictionCandidate], [Target]) {
    var candidates = [EvictionCandidate](), targets = [Target]()
    let now = agent.board.now
    for budget in agent.budgets {
      guard let finder = budget.finder else { continue }
      for archive in finder.archives where covers(archive, of: budget) {
        let isEvictable = !budget.record.rules.observe || record.rules.observe
        candidates.append(
          EvictionCandidate(.archive(age: archive.age), allocated: archive.status.allocated, isEvictable: isEvictable))
        targets.append(.archive(archive, finder))
      }
    }
    for log in agent.logs where covers(log) {
      let keep = kept(of: log.record.rules, sharing: record.budget, among: record.logs)
      candidates.append(
        EvictionCandidate(
          .log(rate: log.steadyRate(at: now), keep: keep), allocated: log.record.allocated,
          isEvictable: log.mayBeEvicted(now: now, observed: record.rules.observe)
            && !agent.isProtected(log.record.rules.path)))
      targets.append(.log(log))
    }
    return (candidates, targets)
  }

  private func carryOut(_ act: Eviction, _ targets: [Target], _ reason: Scarcity?, _ agent: Agent) {
    let before = fill(reason)
    switch act {
    case .cut(let i, let keep):
      guard case .log(let log) = targets[i] else { return }
      let held = log.record.allocated
      guard log.evict(keep: keep, agent) else { return }
      record.cuts += 1
      record.freed += held - log.record.allocated
      if let toldCutAt, agent.board.now - toldCutAt < Self.tellingGap { return }
      toldCutAt = agent.board.now
      tell(.cut(log.record.rules.path, before: held, after: log.record.allocated, before), agent)
    case .remove(let i):
      guard case .archive(let archive, let finder) = targets[i] else { return }
      remove(archive, finder, before, agent)
    }
  }

  private func remove(_ archive: Archive, _ finder: LogFinder, _ before: BudgetFill, _ agent: Agent) {
    // Whoever has it open writes it, or reads it to the end: deleting it would free nothing. Unknown counts as open.
    let scan = agent.reader.holders(of: archive.status)
    guard scan.holders.isEmpty, scan.unreadable == 0 else { return finder.isWritten(archive) }
    finder.archives.removeAll { $0.path == archive.path }
    do throws(LogRefusal) {
      let freed = try ArchiveRemoval.remove(archive.path, expected: archive.status)
      record.removals += 1
      record.freed += freed
      tell(.removed(archive.path, freed: freed, before), agent)
    } catch .gone {
      finder.searchAgain()
    } catch {
      tell(.notRemoved(archive.path, error.advice), agent)
    }
  }

  // MARK: Telling

  private func fill(_ reason: Scarcity?) -> BudgetFill {
    BudgetFill(held: record.held, budget: record.budget, scarcity: reason)
  }

  private func tellObserved(_ act: Eviction, _ targets: [Target], _ reason: Scarcity?, _ agent: Agent) {
    if let toldCutAt, agent.board.now - toldCutAt < Self.tellingGap { return }
    toldCutAt = agent.board.now
    switch act {
    case .cut(let i, _):
      guard case .log(let log) = targets[i] else { return }
      tell(.wouldCut(log.record.rules.path, allocated: log.record.allocated, fill(reason)), agent)
    case .remove(let i):
      guard case .archive(let archive, _) = targets[i] else { return }
      tell(.wouldRemove(archive.path, allocated: archive.status.allocated, fill(reason)), agent)
    }
  }

  private func tell(_ what: BudgetHappening, _ agent: Agent) {
    agent.teller.tell(.budget, record.rules.name, .budget(what))
  }
}

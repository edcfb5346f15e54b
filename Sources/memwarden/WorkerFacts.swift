// Gathers what a worker's triggers speak of, and no more: what no trigger mentions is not read.
import CLinux
import Kernel
import Policy
import Report
import Samples

/// What is remembered between ticks for the facts and triggers of one worker.
struct FactKeeper {
  /// Facts that some trigger mentions.
  let wanted: [Fact]
  var memories: [TriggerMemory]
  /// Facts that cost a walk over descriptors or tables are read this often at most.
  static let dear = Milliseconds.seconds(1)
  private var dearAt: Instant?
  private var cpuTicks: UInt64 = 0, cpuAt: Instant?

  init(_ rules: WorkerRules) {
    memories = rules.triggers.map { _ in TriggerMemory() }
    let expressions = rules.triggers.map { $0.when } + (rules.timing.onlyWhen.map { [$0] } ?? [])
    wanted = Fact.allCases.filter { fact in
      expressions.contains { expression in
        expression.steps.contains { if case .condition(let c) = $0 { c.fact == fact } else { false } }
      }
    }
  }

  mutating func isDearDue(_ now: Instant) -> Bool {
    if let dearAt, now - dearAt < Self.dear { return false }
    dearAt = now
    return true
  }

  /// Of one processor since the last call; `ticks` are all that its processes have used so far, 100 a second. Nil at
  /// first, and when they fell: a process has ended.
  mutating func cpuShare(_ ticks: UInt64, now: Instant) -> Int64? {
    defer { (cpuTicks, cpuAt) = (ticks, now) }
    guard let cpuAt, ticks >= cpuTicks, now > cpuAt else { return nil }
    return Int64(clamping: ticks - cpuTicks) &* 100_000 / (now - cpuAt).rawValue
  }
}

extension WatchedWorker {
  /// Reads the facts that are mentioned and judges every trigger. The first that is due, with the fact it names first.
  func judgeTriggers(_ reader: KernelReader, board: Board, gap: Milliseconds, now: Instant) -> Int? {
    guard !facts.wanted.isEmpty else { return nil }
    gather(reader, board: board, now: now)
    var due: Int?
    for i in record.rules.triggers.indices {
      let state = facts.memories[i].judge(record.rules.triggers[i], record.facts, gap: gap, now: now)
      if case .due = state { due = due ?? i }
      record.triggers[i] = state
    }
    return due
  }

  /// What its timing is held against.
  func circumstances(_ board: Board) -> Circumstances {
    var youngest: UInt64?
    for member in members { youngest = max(youngest ?? 0, member.kept.identity.startTicks) }
    var wall: WallTime?
    if board.isSynchronised, !record.rules.timing.windows.isEmpty {
      let local = cl_local_time(board.wall / 1000)
      wall = WallTime(weekday: Int(local.weekday), minute: Int(local.minute))
    }
    return Circumstances(
      wall: wall, youngest: youngest.map { Instant(milliseconds: Int64(clamping: $0 &* 10)) }, facts: record.facts)
  }

  /// Does the trigger still hold on figures read this instant?
  func stillHolds(_ trigger: Int, _ reader: KernelReader, board: Board, now: Instant) -> Bool {
    let rules = record.rules.triggers[trigger]
    gather(reader, board: board, again: true, now: now)
    return rules.when.holds(record.facts, clear: rules.clear) == true
  }

  /// `again`: right before an act, what can be read at any instant is read anew.
  private func gather(_ reader: KernelReader, board: Board, again: Bool = false, now: Instant) {
    let isDearDue = facts.isDearDue(now) || again
    record.facts.memoryTotal = board.memory.total
    record.facts.baseline = record.growth.baseline
    for fact in facts.wanted {
      switch fact {
      case .uss, .pss, .rss, .anon, .swap: record.facts[fact] = memory(fact)
      case .growth: record.facts[fact] = growthPerHour(board)
      case .exhaustion: record.facts[fact] = exhaustion(board)
      case .available: record.facts[fact] = Int64(clamping: board.memory.usable.rawValue)
      case .pressure: record.facts[fact] = board.pressure.map { Int64($0.someAvg10.rawValue) }
      case .age:
        record.facts[fact] = oldestStart.map { now.milliseconds - Int64(clamping: $0 &* 10) }
      case .threads: record.facts[fact] = combined { (try? reader.stat($0)).map { Int64($0.threads) } }
      case .cpu:
        // A share of the time since the last tick: there has been none.
        if again { continue }
        let ticks = total { (try? reader.stat($0)).map { Int64(clamping: $0.userTicks &+ $0.systemTicks) } }
        record.facts[fact] = ticks.flatMap { facts.cpuShare(UInt64($0), now: now) }
      case .peak:
        record.facts[fact] = combined { pid in
          ((try? reader.status(pid))?.highWaterMark).map { Int64(clamping: $0.rawValue) }
        }
      case .descriptors:
        if isDearDue { record.facts[fact] = combined { (try? reader.descriptorCount($0)).map { Int64($0) } } }
      case .connections:
        if isDearDue { record.facts[fact] = total { (try? reader.establishedConnections($0)).map { Int64($0) } } }
      }
    }
  }

  /// Of the worst process, or of all of them (`of = sum`); nil when one cannot be read.
  private func combined(_ value: (Int32) -> Int64?) -> Int64? {
    if record.rules.scope == .sum { return total(value) }
    var most: Int64?
    for member in members {
      guard let n = value(member.kept.identity.pid) else { return nil }
      most = max(most ?? n, n)
    }
    return most
  }
  private func total(_ value: (Int32) -> Int64?) -> Int64? {
    guard !members.isEmpty else { return nil }
    var sum: Int64 = 0
    for member in members {
      guard let n = value(member.kept.identity.pid) else { return nil }
      let (next, overflow) = sum.addingReportingOverflow(n)
      sum = overflow ? .max : next
    }
    return sum
  }

  /// The metric of the limits follows the resident size from tick to tick; others are as they were read last.
  private func memory(_ fact: Fact) -> Int64? {
    if fact.metric == record.rules.metric { return record.figure.map { Int64(clamping: $0.value.rawValue) } }
    return combined { pid in
      guard let member = member(pid) else { return nil }
      let reading: Reading =
        switch fact {
        case .rss: .exact(member.statm.resident)
        case .anon: .exact(member.statm.anonymous)
        case .pss: member.record.footprint.pss
        case .swap: member.record.footprint.swap
        default: member.record.footprint.uss
        }
      return reading.bytes.map { Int64(clamping: $0.rawValue) }
    }
  }

  /// 0 when there are enough points and no growth that matters; nil before.
  private func growthPerHour(_ board: Board) -> Int64? {
    let rules = GrowthRules()
    guard record.growth.trend(rules) != nil else { return nil }
    return record.growth.significant(rules, memoryTotal: board.memory.total)?.bytesPerHour ?? 0
  }

  /// A century when it does not grow.
  private func exhaustion(_ board: Board) -> Int64? {
    guard let perHour = growthPerHour(board), let figure = record.figure else { return nil }
    guard perHour > 0 else { return 100 * 365 * 86_400_000 }
    let room = min(record.limits.first.map { $0 - figure.value } ?? board.memory.usable, board.memory.usable)
    let (high, low) = room.rawValue.multipliedFullWidth(by: 3_600_000)
    return high >= UInt64(perHour) ? .max : Int64(clamping: UInt64(perHour).dividingFullWidth((high, low)).quotient)
  }

  /// Clock ticks after boot, of the process that started first.
  private var oldestStart: UInt64? {
    var oldest: UInt64?
    for member in members { oldest = min(oldest ?? .max, member.kept.identity.startTicks) }
    return oldest
  }
}

// One worker between ticks: its processes, their figures, the judgement. WorkerAct carries out what is judged.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

/// A process of a worker.
final class Member {
  var kept: KeptProcess
  var statm = Statm()
  var sampling = Sampling()
  var threshold = Threshold()
  var crossing = Crossing.unknown
  var record: ProcessRecord
  init(_ kept: KeptProcess, comm: Bytes, now: Instant) {
    self.kept = kept
    record = ProcessRecord(identity: kept.identity, comm: comm, seenAt: now)
  }
}

/// A figure as it came out of one tick.
private struct Assessment {
  var value: ByteCount
  /// Read or derived in this tick from a file that says exactly this; an estimate between two readings is not.
  var isFresh: Bool
  var isEstimate: Bool
}

final class WatchedWorker {
  private(set) var settings: WorkerSettings
  let record: WorkerRecord
  private(set) var members = [Member]()
  private var sumThreshold = Threshold()
  private var lastObstacle: Obstacle?
  private var hasToldSettled = false
  /// What is being done to it.
  var act: WorkerAct?
  /// The pid of the process that memwarden runs for this worker; 0 when there is none.
  var child: Int32 = 0
  var childStartedAt = Instant(milliseconds: 0)
  private let matcher: Matcher?

  init(_ settings: WorkerSettings, memTotal: ByteCount, observe: Bool) throws(SelectorError) {
    self.settings = settings
    matcher = settings.selector.isEmpty ? nil : try Matcher(settings.selector)
    var rules = settings.rules
    rules.observe = rules.observe || observe
    record = WorkerRecord(
      name: settings.name, rules: rules, limits: Limits(rules, memTotal: memTotal), means: settings.plan.means.name)
  }

  var hasMeans: Bool { settings.plan.means != .none }

  /// Takes over what a former object of the same name knew: its processes, its child, its history. Its judgement too,
  /// unless the rules changed. An act under way is not taken over.
  func inherit(_ old: WatchedWorker) {
    if case .child = settings.plan.means { (child, childStartedAt) = (old.child, old.childStartedAt) }
    if old.record.rules.metric == record.rules.metric, old.record.rules.scope == record.rules.scope {
      record.history = old.record.history
    }
    record.recycles = old.record.recycles
    record.recycleFailures = old.record.recycleFailures
    record.crashes = old.record.crashes
    record.kills = old.record.kills
    record.freed = old.record.freed
    record.lastAct = old.record.lastAct
    if old.settings.selector == settings.selector { members = old.members }
    record.conduct.paused = old.record.conduct.paused
    guard old.record.rules == record.rules else {
      for member in members { (member.threshold, member.crossing) = (Threshold(), .unknown) }
      return
    }
    record.conduct = old.record.conduct
    record.conduct.abandoned()
    record.crossing = old.record.crossing
    record.plateau = old.record.plateau
    sumThreshold = old.sumThreshold
    lastObstacle = old.lastObstacle
    hasToldSettled = old.hasToldSettled
  }

  // MARK: Membership

  func matches(_ pid: Int32, _ stat: Stat, _ reader: KernelReader) -> Bool {
    if child != 0, pid == child || stat.session == child { return true }
    return matcher?.matches(pid, stat, reader) ?? false
  }
  func member(_ pid: Int32) -> Member? { members.first { $0.kept.identity.pid == pid } }

  func attach(_ pid: Int32, _ stat: Stat, reader: KernelReader, teller: Teller, now: Instant) {
    do throws(Absence) {
      let member = Member(try KeptProcess(reader: reader, pid: pid), comm: stat.comm.array, now: now)
      members.append(member)
      if pid != child { teller.tellIfQuiet(record.name, .appeared(pid: pid)) }
    } catch {
      record.absence = error
    }
  }
  func drop(_ pid: Int32) { members.removeAll { $0.kept.identity.pid == pid } }

  // MARK: Reading

  /// Reads every process: statm always, the costly file when it is due. Ended processes are dropped.
  func sample(_ reader: KernelReader, teller: Teller, now: Instant) {
    var i = 0
    while i < members.count {
      let member = members[i]
      do throws(Absence) {
        member.statm = try read(member, reader)
        member.record.resident = member.statm.resident
        i += 1
      } catch {
        members.remove(at: i)
        if act == nil, error == .gone || error == .zombie {
          teller.tellIfQuiet(record.name, .vanished(pid: member.kept.identity.pid))
        }
      }
    }
    let limit = dueLimit
    for member in members {
      switch record.rules.metric {
      case .rss, .anon: continue
      case .swap: readSwap(member, reader)
      case .uss, .pss:
        if member.sampling.isDue(resident: member.statm.resident, limit: limit, now: now) {
          readExactly(member, reader, now: now)
        }
      }
    }
  }

  private func read(_ member: Member, _ reader: KernelReader) throws(Absence) -> Statm {
    do throws(Absence) { return try member.kept.statm() } catch {
      // The leader may have exited while threads live on: then there is another way to the same memory.
      guard let again = try? KeptProcess(reader: reader, pid: member.kept.identity.pid),
        again.identity == member.kept.identity
      else { throw error }
      member.kept = again
      return try again.statm()
    }
  }

  /// The limit each process's estimate is held against to see whether an exact reading matters. For a sum: all of
  /// them, as soon as the sum of the estimates comes near.
  private var dueLimit: ByteCount? {
    guard let first = record.limits.first, record.rules.scope == .sum else { return record.limits.first }
    var sum = ByteCount.zero
    for member in members { sum += member.sampling.estimate(resident: member.statm.resident) ?? .zero }
    return sum >= first.share(Permyriad(9000)) ? .zero : nil
  }

  func readExactly(_ member: Member, _ reader: KernelReader, now: Instant) {
    let start = cl_boottime_us()
    do throws(Absence) {
      member.record.footprint = try reader.footprint(of: member.kept.identity)
      let cost = Milliseconds((cl_boottime_us() - start) / 1000)
      if let value = chosen(member.record.footprint).bytes {
        member.sampling.took(value, resident: member.statm.resident, now: now, cost: cost)
      }
    } catch {
      member.record.footprint = Footprint()
      member.record.footprint.uss = .absent(error)
      member.record.footprint.pss = .absent(error)
    }
  }

  private func readSwap(_ member: Member, _ reader: KernelReader) {
    do throws(Absence) {
      let status = try reader.status(member.kept.identity.pid)
      member.record.footprint.swap = status.swap.map { .exact($0) } ?? .absent(.unsupported)
    } catch {
      member.record.footprint.swap = .absent(error)
    }
  }

  /// The figure of the worker's metric as it was read last.
  func reading(of member: Member) -> Reading {
    switch record.rules.metric {
    case .rss: .exact(member.statm.resident)
    case .anon: .exact(member.statm.anonymous)
    case .uss, .pss, .swap: chosen(member.record.footprint)
    }
  }

  private func chosen(_ footprint: Footprint) -> Reading { record.rules.metric.figure(of: footprint) }

  private func assess(_ member: Member, now: Instant) -> Assessment? {
    switch record.rules.metric {
    case .rss: return Assessment(value: member.statm.resident, isFresh: true, isEstimate: false)
    case .anon: return Assessment(value: member.statm.anonymous, isFresh: true, isEstimate: false)
    case .swap:
      let reading = member.record.footprint.swap
      guard let value = reading.bytes else {
        record.absence = reading.absence
        return nil
      }
      return Assessment(value: value, isFresh: true, isEstimate: false)
    case .uss, .pss:
      let reading = chosen(member.record.footprint)
      guard let value = member.sampling.estimate(resident: member.statm.resident) else {
        record.absence = reading.absence
        return nil
      }
      if case .estimate = reading { return Assessment(value: value, isFresh: true, isEstimate: true) }
      return Assessment(value: value, isFresh: member.sampling.isFresh(now), isEstimate: false)
    }
  }

  // MARK: Judging

  /// Judges what was read and tells what changed. The verdict is in the record; the loop acts on it.
  func judge(teller: Teller, gap: Milliseconds, now: Instant) -> Verdict {
    let before = record.crossing
    let crossing = record.rules.scope == .each ? judgeEach(gap: gap, now: now) : judgeSum(gap: gap, now: now)
    record.crossing = crossing
    if let figure = record.figure {
      record.history.record(figure.value, at: now)
      record.plateau.follow(figure.value, now: now)
    }
    tellCrossing(from: before, to: crossing, teller: teller, now: now)
    let verdict = record.conduct.judge(crossing, rules: record.rules, hasMeans: hasMeans, now: now)
    tell(verdict, teller: teller, now: now)
    record.verdict = verdict
    syncRecords()
    return verdict
  }

  private func judgeEach(gap: Milliseconds, now: Instant) -> Crossing {
    var worst = Crossing.unknown
    var figure: (value: ByteCount, isEstimate: Bool, pid: Int32)?
    for member in members {
      guard let assessment = assess(member, now: now) else { continue }
      member.crossing = judge(assessment, &member.threshold, was: member.crossing, gap: gap, now: now)
      let severity = member.crossing.severity
      if figure == nil || severity > worst.severity
        || (severity == worst.severity && assessment.value > figure?.value ?? .zero)
      {
        worst = member.crossing
        figure = (assessment.value, assessment.isEstimate, member.kept.identity.pid)
      }
    }
    setFigure(figure, worst)
    return worst
  }

  private func judgeSum(gap: Milliseconds, now: Instant) -> Crossing {
    var sum = Assessment(value: .zero, isFresh: true, isEstimate: false)
    var known = 0
    for member in members {
      guard let assessment = assess(member, now: now) else { continue }
      known += 1
      sum.value += assessment.value
      sum.isFresh = sum.isFresh && assessment.isFresh
      sum.isEstimate = sum.isEstimate || assessment.isEstimate
    }
    guard known > 0, known == members.count else {
      setFigure(nil, .unknown)
      return .unknown
    }
    let crossing = judge(sum, &sumThreshold, was: record.crossing, gap: gap, now: now)
    setFigure((sum.value, sum.isEstimate, 0), crossing)
    return crossing
  }

  /// An estimate near a limit is no ground for a conclusion: the former one stands until the exact figure is read.
  private func judge(
    _ a: Assessment, _ threshold: inout Threshold, was: Crossing, gap: Milliseconds, now: Instant
  ) -> Crossing {
    if !a.isFresh, let first = record.limits.first, a.value >= first.share(Permyriad(9000)) { return was }
    return threshold.judge(
      a.value, limits: record.limits, hold: record.rules.hold, clear: record.rules.clear, gap: gap, now: now)
  }

  private func setFigure(_ figure: (value: ByteCount, isEstimate: Bool, pid: Int32)?, _ crossing: Crossing) {
    guard let figure else {
      record.figure = nil
      record.figurePid = 0
      return
    }
    let limit = crossing == .hard ? record.limits.hard : record.limits.first
    record.figure = Figure(
      metric: record.rules.metric, scope: record.rules.scope, value: figure.value, limit: limit,
      isEstimate: figure.isEstimate)
    record.figurePid = figure.pid
  }

  private func syncRecords() {
    if record.processes.count == members.count {
      for i in members.indices { record.processes[i] = members[i].record }
    } else {
      record.processes = members.map { $0.record }
    }
  }

  /// After a recycle: the new processes are judged from the beginning.
  func startOver() {
    record.crossing = .unknown
    record.plateau = Plateau()
    sumThreshold = Threshold()
    lastObstacle = nil
    hasToldSettled = false
  }

  // MARK: Telling

  private func tellCrossing(from before: Crossing, to after: Crossing, teller: Teller, now: Instant) {
    guard let figure = record.figure, act == nil else { return }
    let pid = record.figurePid
    switch (before, after) {
    case (.hard, .hard): break
    case (_, .hard): teller.tell(.worker, record.name, .overHard(figure, pid: pid))
    case (.unknown, .holding), (.below, .holding), (.unknown, .softHeld), (.below, .softHeld):
      teller.tell(.worker, record.name, .overSoft(figure, pid: pid, hold: record.rules.hold))
    case (.holding(let since), .below), (.softHeld(let since), .below):
      teller.tell(.worker, record.name, .backBelow(figure, pid: pid, after: now - since))
      lastObstacle = nil
    case (.hard, .below):
      teller.tell(.worker, record.name, .backBelow(figure, pid: pid, after: .zero))
      lastObstacle = nil
    default: break
    }
    tellSettled(figure, after, teller: teller, now: now)
  }

  /// Once per level: a process that holds at least half of its limit and does not grow is left alone, and that is said.
  private func tellSettled(_ figure: Figure, _ crossing: Crossing, teller: Teller, now: Instant) {
    let level = record.plateau.duration(now)
    if level == .zero { hasToldSettled = false }
    guard crossing == .below, !hasToldSettled, let limit = figure.limit, figure.value >= limit.share(Permyriad(5000)),
      level >= max(record.rules.hold, .seconds(10))
    else { return }
    hasToldSettled = true
    teller.tell(.worker, record.name, .settled(figure, pid: record.figurePid, level: level))
  }

  private func tell(_ verdict: Verdict, teller: Teller, now: Instant) {
    guard let figure = record.figure else { return }
    switch verdict {
    case .wouldRecycle(let reason):
      if case .wouldRecycle = record.verdict { return }
      teller.tell(.worker, record.name, .wouldRecycle(reason, figure))
    case .blocked(let reason, let obstacle):
      if obstacle == .acting || lastObstacle?.isSameKind(as: obstacle) == true { return }
      lastObstacle = obstacle
      teller.tell(.worker, record.name, .blocked(reason, by: obstacle, figure))
    case .park(let reason):
      record.conduct.park(reason)
      let budget = record.rules.budget
      record.lastAct = teller.tell(
        .worker, record.name, .parked(reason, used: record.conduct.used(budget, now: now), per: budget.per))
    case .unknown, .below, .holding, .recycle: break
    }
  }
}

extension RecycleMeans {
  /// The configuration's key for it.
  var name: StaticString {
    switch self {
    case .none: "none"
    case .child: "run"
    case .command: "restart"
    case .respawn: "respawn"
    }
  }
}

extension Metric {
  func figure(of footprint: Footprint) -> Reading {
    switch self {
    case .uss: footprint.uss
    case .pss: footprint.pss
    case .rss: footprint.rss
    case .anon: footprint.anon
    case .swap: footprint.swap
    }
  }
}

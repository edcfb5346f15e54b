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
  let record: ProcessRecord
  init(_ kept: KeptProcess, comm: Bytes, now: Instant) {
    self.kept = kept
    record = ProcessRecord(identity: kept.identity, comm: comm, seenAt: now)
  }
}

final class WatchedWorker {
  // What every tick asks for comes first: one line of the processor's cache.
  var members = [Member]()
  /// Until then what was judged stands, as long as no process's statm changes.
  var restsUntil = Instant(milliseconds: 0)
  /// What is being done to it.
  var act: WorkerAct?
  /// What is tried before.
  var steps: WorkerSteps?
  /// A process of it waits for its first exact reading: the last tick had no time for it.
  var isUnread = false
  /// memwarden runs it itself.
  let isOwn: Bool
  let record: WorkerRecord
  private(set) var settings: WorkerSettings
  var sumThreshold = Threshold()
  var facts: FactKeeper
  var timing = Timing()
  var lastObstacle: Obstacle?
  var hasToldSettled = false
  /// The trigger that was told to be due.
  var dueTrigger: Int?
  /// The fact that it names first.
  var dueFact: Fact?
  var cgroupAt: Instant?
  /// What memwarden runs for this worker.
  var process = ChildProcess()
  /// Its pid; 0 when there is none.
  var child: Int32 {
    get { process.pid }
    set { process.pid = newValue }
  }
  /// The number of a start that is about to be made (StartRecord), or 0.
  var starting: UInt64 = 0
  /// What the state file says of it; nil: nothing.
  var remembered: Conduct?
  var rememberedDue: Instant?
  var childStartedAt = Instant(milliseconds: 0)
  /// Its stdout and stderr, when they come to memwarden.
  var output: WorkerOutput?
  private let matcher: Matcher?

  init(_ settings: WorkerSettings, memTotal: ByteCount, observe: Bool) throws(SelectorError) {
    self.settings = settings
    if case .child = settings.plan.means { isOwn = true } else { isOwn = false }
    matcher = settings.selector.isEmpty ? nil : try Matcher(settings.selector)
    var rules = settings.rules
    rules.observe = rules.observe || observe
    facts = FactKeeper(rules)
    record = WorkerRecord(
      name: settings.name, rules: rules, limits: Limits(rules, memTotal: memTotal), means: settings.plan.means.name)
    record.steps = settings.plan.steps.names
    record.triggers = rules.triggers.map { _ in .unknown }
  }

  /// As its group sees it.
  var memberState: MemberState {
    if isActing { return .acting }
    if case .backingOff = record.conduct.phase { return .down }
    return members.isEmpty ? .down : .up
  }

  /// A recycle is under way, or the steps before it.
  var isActing: Bool { act != nil || steps != nil }

  var hasMeans: Bool { settings.plan.means != .none }
  /// There is something that can be done to it.
  var canAct: Bool { hasMeans || !settings.plan.steps.steps.isEmpty }

  /// Takes over what a former object of the same name knew: its processes, its child, its history. Its judgement too,
  /// unless the rules changed. An act under way is not taken over.
  func inherit(_ old: WatchedWorker) {
    if case .child = settings.plan.means {
      (process, childStartedAt) = (old.process, old.childStartedAt)
      output = old.output
      record.output = output?.record
    }
    if old.record.rules.metric == record.rules.metric, old.record.rules.scope == record.rules.scope {
      record.history = old.record.history
      record.growth = old.record.growth
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
    // Under other settings another recycle or step may help.
    let paused = record.conduct.paused
    record.conduct.resume()
    (record.conduct.paused, record.conduct.steps) = (paused, StepMemory())
    record.crossing = old.record.crossing
    record.plateau = old.record.plateau
    sumThreshold = old.sumThreshold
    facts = old.facts
    timing = old.timing
    record.triggers = old.record.triggers
    lastObstacle = old.lastObstacle
    hasToldSettled = old.hasToldSettled
  }

  // MARK: Membership

  func matches(_ candidate: Candidate) -> Bool {
    // The number of one that an earlier memwarden started may be another's as soon as it has ended.
    if child != 0, candidate.pid == child || candidate.stat.session == child,
      process.target?.isAlive ?? !process.isAdopted
    {
      return true
    }
    return matcher?.matches(candidate) ?? false
  }
  func member(_ pid: Int32) -> Member? { members.first { $0.kept.identity.pid == pid } }

  func attach(_ pid: Int32, _ stat: Stat, reader: KernelReader, teller: Teller, now: Instant) {
    do throws(Absence) {
      let member = Member(try KeptProcess(reader: reader, pid: pid), comm: stat.comm.array, now: now)
      // The pid may have changed hands since it was matched.
      guard member.kept.identity.startTicks == stat.startTicks else { return }
      members.append(member)
      if pid != child { teller.tellIfQuiet(record.name, .appeared(pid: pid)) }
    } catch {
      record.absence = error
    }
  }
  func drop(_ pid: Int32) {
    members.removeAll { $0.kept.identity.pid == pid }
    restsUntil = Instant(milliseconds: 0)
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

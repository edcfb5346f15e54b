// A recycle under way: carries out what Recycling orders, reports back what it sees, and measures what came back.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class WorkerAct {
  private let worker: WatchedWorker
  let reason: Reason
  let pid: Int32
  private let before: ByteCount
  private var recycling: Recycling
  private var targets: [Target]
  private let known: [Identity]
  /// The newest pid when the recycle began: a replacement is above it.
  private let newestPid: Int32
  private var commandPid: Int32 = 0, commandTicks: UInt64 = 0
  /// Started by an earlier memwarden: it is not our child.
  private var oldCommand: Target?
  private var commandExit: ExitStatus?
  private var failure: RecycleFailure?
  /// Asks the replacement, which is the one that has answered.
  private let probe: HealthProbe?
  private var answered: Identity?
  private var savedStage: UInt8 = 0
  /// When `drive` wants to be called again.
  private(set) var nextStep: Instant

  /// While a process is being stopped or a new one awaited, it is looked at this often: at first, and after a second.
  private static let pollTime = Milliseconds(20), patientPollTime = Milliseconds(200)

  /// Looks again, and begins. Nil when there is nothing to act on (any more). `isDrained`: it takes no work any more, and
  /// must be replaced whatever it holds by now.
  init?(
    _ worker: WatchedWorker, _ reason: Reason, isDrained: Bool = false, _ around: Surroundings, now: Instant
  ) {
    let record = worker.record
    // Are they still what was matched, and do they still hold what was judged?
    for member in worker.members { around.finder.lookAgain(member.kept.identity.pid, now: now) }
    for member in worker.members { worker.lookAgain(member, around.reader, now: now) }
    let victims = WorkerAct.victims(of: worker)
    guard let first = victims.first else { return nil }
    // With an own child goes all it started, and any of that may be what is over the limit.
    let going = if case .child = worker.settings.plan.means { worker.members } else { victims }
    let grounds = record.rules.scope == .each ? [worker.member(record.figurePid) ?? first] : worker.members
    guard let figure = worker.figure(of: grounds), let all = worker.figure(of: going) else { return nil }
    let line = reason == .hardLimit ? record.limits.hard : record.limits.first
    switch reason {
    case _ where isDrained: break
    case .softLimitHeld, .hardLimit: if let line, figure.value < line { return nil }
    case .trigger:
      let due = worker.dueTrigger
      guard let due, worker.stillHolds(due, around.reader, board: around.teller.board, now: now) else { return nil }
    case .asked, .crashed: break
    }
    targets = []
    for victim in victims { if let target = around.target(victim.kept.identity) { targets.append(target) } }
    guard !targets.isEmpty else { return nil }
    self.worker = worker
    self.reason = reason
    pid = first.kept.identity.pid
    before = all.value
    known = worker.members.map { $0.kept.identity }
    newestPid = (try? around.reader.lastPid()) ?? -1
    recycling = Recycling(worker.settings.plan, now: now)
    probe = worker.settings.plan.health.map { HealthProbe($0) }
    nextStep = now
    record.conduct.began(now: now)
    // Before it is told or done: the next memwarden goes on with it.
    worker.act = self
    around.store.save(around)
    record.lastAct = around.teller.tell(.worker, record.name, .recycleBegan(reason, figure, pid: pid))
  }

  /// Goes on with what an earlier memwarden began. Nil when the worker is recycled in another way by now. `started`: whom
  /// that memwarden started last, where it could not say so any more.
  init?(goingOn saved: SavedAct, _ worker: WatchedWorker, started: Identity?, _ around: Surroundings, now: Instant) {
    var progress = saved.progress
    let isByCommand = if case .command = worker.settings.plan.means { true } else { false }
    switch progress.stage {
    case 1, 2: if isByCommand { return nil }
    case 3, 4, 5: if !isByCommand { return nil }
    default: break
    }
    var command = saved.command
    if worker.starting != 0 {
      if isByCommand, let started { command = started }
      // It was about to be started, and was not.
      if isByCommand ? command.pid == 0 : worker.child == 0 { progress.stage = 0 }
    }
    self.worker = worker
    reason = saved.reason
    pid = saved.pid
    before = saved.before
    known = saved.known
    newestPid = saved.newestPid
    targets = []
    for identity in saved.going { if let target = around.target(identity) { targets.append(target) } }
    recycling = Recycling(worker.settings.plan, goingOn: progress)
    probe = worker.settings.plan.health.map { HealthProbe($0) }
    nextStep = now
    if progress.stage == 3 || progress.stage == 4, command.pid > 1 {
      (commandPid, commandTicks) = (command.pid, command.startTicks)
      oldCommand = around.target(command)
      if oldCommand == nil { commandExit = .unknown }
    }
    worker.act = self
  }

  /// For the state file, now.
  func save() -> SavedAct {
    let progress = recycling.progress
    savedStage = progress.stage
    return SavedAct(
      reason: reason, pid: pid, before: before, newestPid: newestPid, progress: progress,
      command: Identity(pid: max(commandPid, 0), startTicks: commandTicks), going: targets.map { $0.identity },
      known: known)
  }

  /// Those that must go: the own child, the process over its limit, or all when a command replaces all. The one over
  /// its limit first.
  private static func victims(of worker: WatchedWorker) -> [Member] {
    let judged = worker.member(worker.record.figurePid) ?? worker.members.first
    switch worker.settings.plan.means {
    case .none: return []
    case .child: return worker.members.filter { $0.kept.identity.pid == worker.child }
    case .respawn:
      let largest = worker.members.max { $0.statm.resident < $1.statm.resident }
      return (worker.record.rules.scope == .sum ? largest : judged).map { [$0] } ?? []
    case .command:
      guard let judged else { return [] }
      return [judged] + worker.members.filter { $0 !== judged }
    }
  }

  /// Goes as far as it can now. True when the recycle is over, well or not.
  func drive(_ around: Surroundings, now: Instant) -> Bool {
    while true {
      switch recycling.step(see(around, now: now), now: now) {
      case .wait(let until):
        if recycling.progress.stage != savedStage { around.store.save(around) }
        let isYoung = now - recycling.began < .seconds(1)
        nextStep = min(max(until, now), now + (isYoung ? WorkerAct.pollTime : WorkerAct.patientPollTime))
        if nextStep == now { nextStep = now + Milliseconds(5) }
        return false
      case .sendStop: stop(around)
      case .kill: kill(around)
      case .startChild:
        start(around, now: now)
        continue
      case .runCommand: runCommand(around)
      case .abandonCommand: abandon(around.calls)
      case .done(let new):
        succeed(new, around, now: now)
        return true
      case .failed(let failure):
        fail(failure, around, now: now)
        return true
      }
      around.store.save(around)
    }
  }

  // MARK: Seeing

  private func see(_ around: Surroundings, now: Instant) -> Sighting {
    if let command = oldCommand {
      if !command.isAlive { (oldCommand, commandPid, commandExit) = (nil, 0, .unknown) }
    } else if commandPid > 0, commandExit == nil, let status = around.calls.childEnded(commandPid) {
      commandExit = status
      around.calls.reap(commandPid)
      commandPid = 0
    }
    let alive = targets.contains { $0.isAlive }
    let new = alive ? nil : replacement(around, now: now)
    return Sighting(
      oldAlive: alive, replacement: new, commandExit: commandExit, isHealthy: isHealthy(new, now: now), failure: failure
    )
  }

  private func isHealthy(_ new: Identity?, now: Instant) -> Bool {
    guard let probe else { return true }
    guard let new else { return false }
    if answered != new, probe.step(now: now) { answered = new }
    return answered == new
  }

  private func replacement(_ around: Surroundings, now: Instant) -> Identity? {
    if case .child = worker.settings.plan.means {
      guard worker.child > 0, worker.child != pid, worker.process.end(around.calls) == nil,
        let ticks = around.startTime(worker.child)
      else { return nil }
      return Identity(pid: worker.child, startTicks: ticks)
    }
    around.finder.scan(after: newestPid, now: now)
    for member in worker.members where !known.contains(member.kept.identity) {
      if around.startTime(member.kept.identity.pid) != nil { return member.kept.identity }
    }
    return nil
  }

  // MARK: Acting

  private func stop(_ around: Surroundings) {
    for target in targets {
      if case .failed(let errno) = target.send(worker.settings.plan.stopSignal) {
        failure = .signalFailed(errno: errno)
      }
    }
  }

  /// The processes, and all they started: an own child's whole session group, otherwise the descendants.
  private func kill(_ around: Surroundings) {
    worker.record.kills += 1
    around.teller.tell(
      .worker, worker.record.name, .killedAfterGrace(pid: pid, grace: worker.settings.plan.grace))
    // Looked for first: once a parent is dead its children are somebody else's. And below living targets only: the pid
    // of one that is gone may be reused by now, and its new owner have children.
    var all = targets
    for identity in around.finder.descendants(of: targets.filter { $0.isAlive }.map { $0.identity.pid }) {
      // The old process may have started its own successor.
      if worker.members.contains(where: { $0.kept.identity == identity }), !known.contains(identity) { continue }
      if let target = around.target(identity) { all.append(target) }
    }
    if case .child = worker.settings.plan.means { worker.process.killGroup(around) }
    for target in all { _ = target.send(SIGKILL) }
  }

  private func start(_ around: Surroundings, now: Instant) {
    guard case .child(let argv) = worker.settings.plan.means else { return }
    around.finder.reap(worker, around)
    let error = worker.spawn(argv, around, now: now)
    if error < 0 { failure = .spawnFailed(errno: -error) }
  }

  private func runCommand(_ around: Surroundings) {
    guard case .command(let argv) = worker.settings.plan.means else { return }
    let start = around.store.announceStart(for: worker, around)
    commandPid = around.calls.spawn(argv, false, record: start)
    worker.starting = 0
    if commandPid < 0 { failure = .spawnFailed(errno: -commandPid) }
    commandTicks = commandPid > 0 ? around.startTime(commandPid) ?? 0 : 0
  }

  // MARK: Ending

  private func succeed(_ new: Identity, _ around: Surroundings, now: Instant) {
    around.finder.scan(after: newestPid, now: now)
    var replacements = [Member]()
    for member in worker.members where !known.contains(member.kept.identity) {
      worker.lookAgain(member, around.reader, now: now)
      replacements.append(member)
    }
    let after = worker.figure(of: replacements)?.value
    if let below = worker.settings.plan.healthBelow, let after, after >= below {
      return fail(.stillLarge, around, now: now)
    }
    let outcome = RecycleOutcome(
      reason: reason, before: before, after: after, metric: worker.record.rules.metric,
      oldPid: pid, newPid: new.pid, took: now - recycling.began, killed: recycling.killed)
    let record = worker.record
    record.recycles += 1
    record.freed += outcome.freed ?? .zero
    record.conduct.succeeded(rules: record.rules, now: now)
    let wasOneTooMany = reason != .asked && isUseless(after, replacements, now: now)
    end(.recycled(outcome), around)
    if wasOneTooMany { worker.tellUseless(around.teller) }
  }

  /// Remembers what came back. True when this was the second recycle in a row that did not help.
  private func isUseless(_ after: ByteCount?, _ replacements: [Member], now: Instant) -> Bool {
    let record = worker.record
    record.conduct.recycled(freed: before - (after ?? before), now: now)
    guard reason != .trigger, let line = reason == .hardLimit ? record.limits.hard : record.limits.first else {
      return false
    }
    var most = after ?? .zero
    if record.rules.scope == .each {
      most = .zero
      for one in replacements { most = max(most, worker.reading(of: one).bytes ?? .zero) }
    }
    return record.conduct.follow(isOver: most >= line, rules: record.rules, now: now)
  }

  private func fail(_ failure: RecycleFailure, _ around: Surroundings, now: Instant) {
    let record = worker.record
    record.recycleFailures += 1
    let wait = record.conduct.failed(rules: record.rules, now: now)
    let (words, code) = failure.words
    end(.recycleFailed(words, code: code, wait: wait), around)
  }

  /// Saved before it is told: it is told once or, if memwarden is killed right between, not at all.
  private func end(_ what: Happening, _ around: Surroundings) {
    worker.startOver()
    worker.act = nil
    around.store.save(around)
    worker.record.lastAct = around.teller.tell(.worker, worker.record.name, what)
  }

  /// A restart command that must not outlive its time or its worker's configuration.
  func abandon(_ calls: ProcessCalls) {
    // Its group has its number as long as it lives, or until it is reaped.
    if commandPid > 0, oldCommand?.isAlive ?? true { _ = calls.kill(-commandPid, SIGKILL) }
  }
  /// A command that was killed and not reaped yet.
  var unreaped: Int32 { oldCommand == nil ? max(commandPid, 0) : 0 }
}

// What a worker keeps over a reload of the configuration, and what is told of one without processes.
import Actions
import Kernel
import Policy
import Report
import Samples
import Testing

@testable import memwarden

private func settings(_ change: (inout WorkerSettings) -> Void = { _ in }) -> WorkerSettings {
  var settings = WorkerSettings(name: bytes("web"))
  settings.selector.comm = bytes("web")
  settings.rules.soft = .bytes(.mib(20))
  settings.plan.means = .respawn
  change(&settings)
  return settings
}
private func worker(_ settings: WorkerSettings, observe: Bool = false) throws -> WatchedWorker {
  try WatchedWorker(settings, memTotal: .mib(100), observe: observe)
}
private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }

/// `old` after a reload that changed its settings.
private func reloaded(_ old: WatchedWorker, _ change: (inout WorkerSettings) -> Void) throws -> WatchedWorker {
  var changed = old.settings
  change(&changed)
  let new = try worker(changed)
  new.inherit(old)
  return new
}

@Test func aReloadKeepsTheJudgementOfRulesThatDidNotChange() throws {
  let old = try worker(settings())
  old.record.conduct.park(.budgetUsedUp)
  old.record.recycles = 3
  let new = try reloaded(old) { $0.plan.grace = .seconds(3) }
  #expect(new.record.conduct.phase == .parked(.budgetUsedUp) && new.record.recycles == 3)
  let judgedAnew = try reloaded(old) { $0.rules.hold = .seconds(3) }
  #expect(judgedAnew.record.conduct.phase == .armed && judgedAnew.record.recycles == 3)
}

@Test func aReloadInTheMiddleOfARecycleDoesNotBlockAllLaterOnes() throws {
  let old = try worker(settings())
  old.record.conduct.began(now: at(10))
  let new = try reloaded(old) { $0.plan.grace = .seconds(3) }
  #expect(new.act == nil)
  let verdict = new.record.conduct.permit(.hardLimit, rules: new.record.rules, hasMeans: true, now: at(11))
  #expect(verdict == .recycle(.hardLimit))
  // The act counts all the same.
  #expect(new.record.conduct.used(new.record.rules.budget, now: at(11)) == 1)
}

@Test func whatAPersonPausedStaysPausedWhateverTheReloadChanges() throws {
  let old = try worker(settings())
  old.record.conduct.paused = true
  #expect(try reloaded(old) { $0.plan.grace = .seconds(3) }.record.conduct.paused)
  #expect(try reloaded(old) { $0.rules.soft = .bytes(.mib(10)) }.record.conduct.paused)
}

@Test func theHistoryOfAnotherFigureIsNotThisFiguresHistory() throws {
  func points(_ worker: WatchedWorker) -> Int {
    var n = 0
    worker.record.history.forEachRaw { _, _ in n += 1 }
    return n
  }
  let old = try worker(settings())
  old.record.history.record(.mib(5), at: at(10))
  #expect(points(try reloaded(old) { $0.rules.soft = .bytes(.mib(10)) }) == 1)
  #expect(points(try reloaded(old) { $0.rules.metric = .swap }) == 0)
  #expect(points(try reloaded(old) { ($0.rules.metric, $0.rules.scope) = (.pss, .sum) }) == 0)
}

@Test func aChildIsKeptOnlyByAWorkerThatMemwardenStillRuns() throws {
  let old = try worker(settings { $0.plan.means = .child([bytes("/bin/web")]) })
  old.child = 4242
  #expect(try reloaded(old) { $0.plan.grace = .seconds(3) }.child == 4242)
  // Otherwise nobody would ever stop or reap it.
  #expect(try reloaded(old) { $0.plan.means = .respawn }.child == 0)
}

@Test func aWorkerWithoutProcessesHasNoFigureAndNoPid() throws {
  let journal = Journal(capacity: 16)
  let board = Board(version: "1", now: at(0), journal: journal)
  let teller = Teller(board: board, printsLines: false)
  let reader = KernelReader(roots: Roots())
  for scope in [Scope.each, .sum] {
    let worker = try worker(settings { $0.rules.scope = scope })
    // As if a process had been judged before.
    worker.record.figure = Figure(metric: .uss, scope: scope, value: .mib(50), limit: .mib(20), isEstimate: false)
    worker.record.figurePid = 42
    #expect(worker.judge(reader, board: board, teller: teller, gap: .seconds(16), now: at(5)) == .unknown)
    #expect(worker.record.figure == nil && worker.record.figurePid == 0)
  }
  #expect(journal.newest == 0)
}

@Test func observingAllObservesEveryWorker() throws {
  #expect(try worker(settings(), observe: true).record.rules.observe)
  #expect(try !worker(settings()).record.rules.observe)
  #expect(try worker(settings { $0.rules.observe = true }).record.rules.observe)
}

@Test func limitsInSharesAreOfThisBoardsRAM() throws {
  let record = try worker(settings { $0.rules.hard = .share(Permyriad(5000)) }).record
  #expect(record.limits == Limits(soft: .mib(20), hard: .mib(50)))
}

// From recorded kernel files to a verdict and its events: a worker whose processes are files of this test.
import Actions
import Foundation
import Kernel
import Policy
import Report
import Samples
import Testing

@testable import memwarden

private struct Scene {
  let folder = Folder()
  let reader: KernelReader
  let board = Board(version: "1", now: Instant(milliseconds: 0), journal: Journal(capacity: 64))
  let teller: Teller
  let worker: WatchedWorker

  init(_ change: (inout WorkerSettings) -> Void = { _ in }) throws {
    var settings = WorkerSettings(name: bytes("web"))
    settings.selector.comm = bytes("web")
    settings.rules.soft = .bytes(.mib(20))
    settings.plan.means = .respawn
    change(&settings)
    reader = KernelReader(roots: Roots(prefix: bytes(folder.path)))
    teller = Teller(board: board, printsLines: false)
    worker = try WatchedWorker(settings, memTotal: .mib(100), observe: false)
  }

  /// In place: the agent keeps statm open.
  private func put(_ text: String, _ pid: Int32, _ name: String) throws {
    let path = "\(folder.path)/proc/\(pid)/\(name)"
    if let file = FileHandle(forWritingAtPath: path) {
      try file.truncate(atOffset: 0)
      try file.write(contentsOf: Data(text.utf8))
    } else {
      folder.write(text, to: "proc/\(pid)/\(name)")
    }
  }
  /// Sets a process's figures; uss and pss are the same, and 4 MiB less than resident. nil: no smaps on this kernel.
  func set(_ pid: Int32, mib: Int?, swap: Int? = nil) throws {
    let resident = (mib ?? 10) + 4
    try put("\(pid) (web) S 1 1 1 0 -1 0" + String(repeating: " 0", count: 10) + " 1 0 5000 0 0 0\n", pid, "stat")
    try put("\(resident * 512) \(resident * 256) 1024 1 0 1 0\n", pid, "statm")
    try put(
      "Name:\tweb\nUid:\t0\t0\t0\t0\n" + (swap.map { "VmSwap:\t\($0 * 1024) kB\n" } ?? "") + "Threads:\t1\n", pid,
      "status")
    guard let mib else { return }
    try put(
      "Rss: \(resident * 1024) kB\nPss: \(mib * 1024) kB\nPrivate_Dirty: \(mib * 1024) kB\nSwap: 0 kB\n", pid,
      "smaps_rollup")
  }
  func end(_ pid: Int32) throws { try put("0 0 0 0 0 0 0\n", pid, "statm") }
  func attach(_ pids: Int32...) throws {
    for pid in pids {
      worker.attach(pid, try reader.stat(pid), reader: reader, teller: teller, now: board.now)
    }
  }
  @discardableResult func tick(_ seconds: Int64) -> Verdict {
    board.now = Instant(milliseconds: seconds * 1000)
    worker.sample(reader, teller: teller, now: board.now)
    return worker.judge(reader, board: board, teller: teller, gap: .seconds(16), now: board.now)
  }
  var events: [String] {
    var names = [String]()
    board.journal.forEach(after: 0, limit: .max) { names.append($0.what.kind.1.description) }
    return names
  }
}

@Test func ofSeveralProcessesTheWorstIsJudged() throws {
  let scene = try Scene()
  for (pid, mib) in [(11, 10), (12, 25), (13, 18)] as [(Int32, Int)] { try scene.set(pid, mib: mib) }
  try scene.attach(11, 12, 13)
  #expect(scene.tick(5) == .holding(since: Instant(milliseconds: 5000)))
  #expect(scene.worker.record.figurePid == 12 && scene.worker.record.figure?.value == .mib(25))
  // The largest is not the worst while another has been over for longer.
  try scene.set(11, mib: 40)
  for second in [15, 25, 30] as [Int64] { scene.tick(second) }
  #expect(scene.tick(35) == .recycle(.softLimitHeld))
  #expect(scene.worker.record.figurePid == 12)
  #expect(scene.events == ["appeared", "appeared", "appeared", "over_soft"])
}

@Test func aSumIsJudgedOnlyWhenEveryPartIsKnown() throws {
  let scene = try Scene { ($0.rules.metric, $0.rules.scope, $0.rules.hold) = (.pss, .sum, .zero) }
  try scene.set(11, mib: 12)
  try scene.set(12, mib: 13)
  try scene.attach(11, 12)
  #expect(scene.tick(5) == .recycle(.softLimitHeld))
  #expect(scene.worker.record.figure?.value == .mib(25) && scene.worker.record.figurePid == 0)
  // One more, of which this kernel gives no pss: nothing is concluded, and the reason is told.
  try scene.set(13, mib: nil)
  try scene.attach(13)
  #expect(scene.tick(10) == .unknown)
  #expect(scene.worker.record.figure == nil && scene.worker.record.absence == .unsupported)
}

@Test func swapThatTheKernelDoesNotTellIsAbsentForThatReason() throws {
  let scene = try Scene { $0.rules.metric = .swap }
  try scene.set(11, mib: 10)
  try scene.attach(11)
  #expect(scene.tick(5) == .unknown)
  #expect(scene.worker.record.absence == .unsupported)
  try scene.set(11, mib: 10, swap: 21)
  #expect(scene.tick(10) == .holding(since: Instant(milliseconds: 10_000)))
  #expect(scene.worker.record.figure?.value == .mib(21))
}

@Test func anEstimateNearTheLimitIsReplacedByTheExactFigureBeforeItCounts() throws {
  let scene = try Scene { $0.rules.hold = .zero }
  try scene.set(11, mib: 10)
  try scene.attach(11)
  #expect(scene.tick(5) == .below)
  // Resident grew by 12 MiB, all of it shared: the exact figure did not.
  try scene.set(11, mib: 22)
  scene.folder.write("Rss: 26624 kB\nPss: 10240 kB\nPrivate_Dirty: 10240 kB\nSwap: 0 kB\n", to: "proc/11/smaps_rollup")
  #expect(scene.tick(10) == .below)
  #expect(scene.worker.record.figure?.value == .mib(10))
}

@Test func aProcessThatEndedIsToldAndForgotten() throws {
  let scene = try Scene()
  try scene.set(11, mib: 25)
  try scene.attach(11)
  scene.tick(5)
  try scene.end(11)
  #expect(scene.tick(10) == .unknown)
  #expect(scene.worker.members.isEmpty && scene.worker.record.processes.isEmpty)
  #expect(scene.worker.record.figure == nil)
  #expect(scene.events == ["appeared", "over_soft", "vanished"])
}

@Test func anotherProcessWithTheSamePidIsNotTheOneThatWasWatched() throws {
  let scene = try Scene()
  try scene.set(11, mib: 10)
  try scene.attach(11)
  scene.tick(5)
  // The kept descriptor answers for a dead process; the pid has a new owner.
  try scene.end(11)
  try FileManager.default.removeItem(atPath: scene.folder.path + "/proc/11")
  try scene.set(11, mib: 90)
  let path = scene.folder.path + "/proc/11/stat"
  let stat = try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(of: " 5000 ", with: " 6000 ")
  try stat.write(toFile: path, atomically: false, encoding: .utf8)
  #expect(scene.tick(10) == .unknown)
  #expect(scene.worker.members.isEmpty)
}

@Test func whatIsLevelUnderItsLimitIsToldOnceAsLeftAlone() throws {
  let scene = try Scene()
  try scene.set(11, mib: 15)
  try scene.attach(11)
  for second in stride(from: 5, through: 3600, by: 5) as StrideThrough<Int64> { scene.tick(second) }
  #expect(scene.events == ["appeared", "settled"])
  #expect(scene.board.journal.newest == 2)
}

@Test func anObstacleIsToldOnceAndParkingEndsTheTelling() throws {
  let scene = try Scene { ($0.rules.hold, $0.rules.budget) = (.zero, RestartBudget(count: 1, per: .seconds(3600))) }
  try scene.set(11, mib: 25)
  try scene.attach(11)
  #expect(scene.tick(5) == .recycle(.softLimitHeld))
  let record = scene.worker.record
  record.conduct.began(now: scene.board.now)
  record.conduct.succeeded(rules: record.rules, now: scene.board.now)
  for second in stride(from: 10, through: 3600, by: 5) as StrideThrough<Int64> { scene.tick(second) }
  #expect(scene.events == ["appeared", "over_soft", "blocked", "parked", "blocked"])
  #expect(record.conduct.phase == .parked(.budgetUsedUp))
  if case .parked(.budgetUsedUp, used: 1, per: .seconds(3600))? = record.lastAct?.what {
  } else {
    Issue.record("the last act is not the parking")
  }
}

@Test func aWorkerThatStandsStillFarFromItsLimitIsJudgedOnceASecondAndAtOnceWhenItMoves() throws {
  let scene = try Scene()
  try scene.set(7, mib: 10)
  try scene.attach(7)
  func sampled(_ milliseconds: Int64) -> Bool {
    let now = Instant(milliseconds: milliseconds)
    let isToBeJudged = scene.worker.sample(scene.reader, teller: scene.teller, now: now)
    if isToBeJudged {
      _ = scene.worker.judge(
        scene.reader, board: scene.board, teller: scene.teller, gap: Milliseconds(1300), now: now)
    }
    return isToBeJudged
  }
  #expect(sampled(10_000) && !sampled(10_100) && !sampled(10_900) && sampled(11_000) && !sampled(11_100))
  try scene.set(7, mib: 11)
  #expect(sampled(11_200) && !sampled(11_300))
  // Near the limit an exact reading may say more than statm does: no rest.
  try scene.set(7, mib: 19)
  #expect(sampled(11_400) && sampled(11_500))
  try scene.set(7, mib: 10)
  #expect(sampled(11_600) && !sampled(11_700))
  try scene.end(7)
  #expect(sampled(11_800) && scene.worker.record.processes.isEmpty)
}

@Test func aTickWithoutTimeLeavesWhatIsOnlyOldButNotWhatIsNearItsLimit() throws {
  let scene = try Scene()
  for pid in [7, 8] as [Int32] { try scene.set(pid, mib: 10) }
  try scene.attach(7, 8)
  let budget = ReadingBudget()
  func readAt(_ second: Int64, microseconds: Int64) -> [Bool] {
    budget.microseconds = microseconds
    let before = scene.worker.members.map { $0.sampling }
    let now = Instant(milliseconds: second * 1000)
    scene.worker.sample(scene.reader, teller: scene.teller, budget: budget, now: now)
    return zip(before, scene.worker.members).map { $0 != $1.sampling }
  }
  // Each tick reads at least one: whatever that costs, nobody waits for ever.
  #expect(readAt(1, microseconds: 1) == [true, false] && scene.worker.isUnread)
  #expect(readAt(2, microseconds: 1) == [false, true] && !scene.worker.isUnread)
  #expect(readAt(61, microseconds: 0) == [false, false] && !scene.worker.isUnread)
  try scene.set(8, mib: 19)
  #expect(readAt(62, microseconds: 0) == [false, true])
}

// The answers: what is known, and null with a reason for what is not.
import Foundation
import Policy
import Samples
import Testing

@testable import Report

private func get(_ path: String, _ board: Board = makeBoard()) throws -> [String: Any] {
  parse(try #require(Router.open.get(path, board)).body)
}
private func text(_ path: String, _ board: Board = makeBoard()) throws -> String {
  string(try #require(Router.open.get(path, board, text: true)).body)
}

@Test func theStatusSaysNullAndWhyForWhatCannotBeRead() throws {
  let status = try get("/v1/status")
  #expect(status["pressure"] is NSNull)
  #expect(status["pressure_absent"] as? String == "unsupported")
  let own = try #require(status["self"] as? [String: Any])
  for figure in ["rss", "pss", "uss", "anon", "swap"] {
    #expect(own["\(figure)_bytes"] is NSNull)
    #expect(own["\(figure)_absent"] as? String == "not_read")
  }
  #expect(own["private_dirty_bytes"] is NSNull && own["descriptors"] is NSNull && own["oom_score_adj"] is NSNull)
  let mounts = try #require(status["ram_filesystems"] as? [[String: Any]])
  #expect(mounts[0]["used_bytes"] as? Int == 3 << 20 && mounts[0]["size_bytes"] as? Int == 16 << 20)
  #expect(mounts[1]["complete"] as? Bool == false && mounts[1]["size_bytes"] is NSNull)
  #expect(mounts[2]["used_bytes"] is NSNull && mounts[2]["used_absent"] as? String == "denied")
  let memory = try #require(status["memory"] as? [String: Any])
  #expect(memory["slab_unreclaimable_bytes"] is NSNull && memory["swap_total_bytes"] is NSNull)
  #expect(memory["available_bytes"] as? Int == 20 << 20)
  #expect(status["missing_features"] as? [String] == ["no PSI: build with CONFIG_PSI"])
  #expect(status["uptime_ms"] as? Int == 3_600_000)
}

@Test func aWalkThatIsNotDoneIsNoTotal() throws {
  let memory = try #require(try get("/v1/status")["memory"] as? [String: Any])
  #expect(memory["ram_filesystems_bytes"] as? Int == 3 << 20)
}

@Test func everythingThatLivesInRAMIsToldWithWhoHoldsIt() throws {
  let board = makeBoard()
  let fs = board.fileSystems[0]
  var sums = TreeSums()
  sums.add(status(1, size: 2))
  (fs.sums, fs.limit, fs.deleted) = (sums, .mib(16), .mib(2))
  fs.rate.add(exact: .zero, used: .zero, now: at(0))
  fs.rate.add(exact: .kib(60), used: .kib(60), now: at(60))
  fs.untilFull = fs.rate.timeToFill(.mib(13))
  var grower = GrowerRecord(path: hostileNames[0], inode: 3, allocated: .kib(4), size: ByteCount(70))
  grower.writer = WriterRecord(pid: 42, comm: hostileNames[3], worker: [], appends: true)
  fs.growers = [grower]
  board.fileSystems[1].isCovered = true
  for name in hostileNames {
    let file = HeldFileRecord(
      path: name, status: status(9, size: 5000), pid: 7, descriptor: 3, comm: name, worker: bytes("web"), writes: true,
      appends: true)
    board.held.deleted.add(file)
    board.held.memfds.add(file)
  }
  for i in 0..<20 as Range<UInt64> {
    board.held.segments.add(
      SegmentRecord(
        segment: SharedSegment(id: 5, size: .kib(i), resident: nil, creator: 9, uid: 0, attached: 0), comm: []))
  }
  let told = try get("/v1/filesystems", board)
  let all = try #require(told["filesystems"] as? [[String: Any]])
  #expect(all[0]["rounding_bytes"] as? Int == 4094 && all[0]["bytes_per_second"] as? Int == 1024)
  #expect(all[0]["full_in_ms"] as? Int == 13 * 1024 * 1000)
  #expect((all[0]["growing_files"] as? [[String: Any]])?.count == 1)
  #expect(all[2]["used_bytes"] is NSNull && all[2]["used_absent"] as? String == "denied")
  #expect((told["deleted_files"] as? [Any])?.count == hostileNames.count)
  #expect((told["shared_memory"] as? [[String: Any]])?.count == 16 && told["shared_memory_count"] as? Int == 20)
  #expect(told["shared_memory_bytes"] as? Int == 190 * 1024)
  // The smallest of the twenty are left out.
  #expect((told["shared_memory"] as? [[String: Any]])?.allSatisfy { ($0["size_bytes"] as? Int ?? 0) >= 4096 } == true)
  // 60 KiB in a minute, 20 MiB of RAM left.
  #expect(told["ram_full_in_ms"] as? Int == 20 * 1024 * 1000)
  let plain = try text("/v1/filesystems", board)
  #expect(!plain.contains("\u{1B}") && plain.contains("tmpfs 3 MiB      16 MiB"))
}

private func status(_ inode: UInt64, size: UInt64) -> FileStatus {
  FileStatus(
    device: Device(major: 0, minor: 1), inode: inode, links: 1, mode: 0o100600, uid: 0, size: ByteCount(size),
    allocated: ByteCount((size + 4095) / 4096 * 4096))
}

@Test func pressureIsToldInItsUnits() throws {
  let board = makeBoard()
  var pressure = Pressure()
  (pressure.someAvg10, pressure.someTotalMicroseconds) = (Permyriad(1234), .max)
  board.pressure = pressure
  let status = try get("/v1/status", board)
  let said = try #require(status["pressure"] as? [String: Any])
  #expect(said["some_avg10_permyriad"] as? Int == 1234)
  #expect((said["some_total_us"] as? NSNumber)?.uint64Value == .max)
  #expect(status["pressure_absent"] == nil)
  #expect(try text("/v1/status", board).contains("some 12 % of the last 10 s"))
}

@Test func aWorkerThatCannotBeReadHasNullAndTheReason() throws {
  let board = makeBoard()
  board.workers[1].absence = .denied
  let worker = try get("/v1/workers/dark", board)
  #expect(worker["value_bytes"] is NSNull && worker["value_absent"] as? String == "denied")
  #expect(worker["soft_bytes"] is NSNull && worker["headroom_bytes"] is NSNull)
  #expect(worker["state"] as? String == "absent")
  let explained = try get("/v1/workers/dark/explain", board)
  #expect(explained["figure"] is NSNull && explained["last_act"] is NSNull && explained["waits_ms"] is NSNull)
  #expect((explained["rules"] as? [Any])?.isEmpty == true)
  #expect(explained["message"] as? String == "no process matches, so there is nothing to judge")
}

@Test func aWorkersProcessesHaveExactEstimatedAndAbsentFigures() throws {
  let worker = try get("/v1/workers/web")
  #expect(worker["value_bytes"] as? Int == 18 << 20 && worker["headroom_bytes"] as? Int == 6 << 20)
  #expect(worker["value_absent"] == nil && worker["value_estimate"] == nil)
  let process = try #require((worker["process_list"] as? [[String: Any]])?.first)
  #expect(process["uss_bytes"] as? Int == 18 << 20 && process["uss_absent"] == nil && process["uss_estimate"] == nil)
  #expect(process["pss_bytes"] as? Int == 19 << 20 && process["pss_estimate"] as? Bool == true)
  #expect(process["swap_bytes"] is NSNull && process["swap_absent"] as? String == "denied")
  #expect(process["rss_absent"] as? String == "not_read")
  #expect(process["watched_ms"] as? Int == 3_000_000)
  // The list of all has no processes: it must stay small.
  let all = try #require(try get("/v1/workers")["workers"] as? [[String: Any]])
  #expect(all.count == 2 && all[0]["process_list"] == nil)
}

@Test func everyAbsenceHasItsOwnName() {
  let all: [Absence] = [
    .notRead, .gone, .zombie, .kernelThread, .denied, .unsupported, .malformed, .failed(errno: 5),
  ]
  #expect(Set(all.map { $0.name.description }).count == all.count)
}

@Test func theWorstThatIsTrueOfAWorkerIsItsState() {
  let worker = makeBoard().workers[0]
  func state() -> String { worker.state.description }
  #expect(state() == "ok")
  worker.crossing = .holding(since: at(1))
  #expect(state() == "over_soft")
  worker.crossing = .softHeld(since: at(1))
  #expect(state() == "over_soft")
  worker.crossing = .hard
  #expect(state() == "over_hard")
  worker.crossing = .unknown
  #expect(state() == "unknown")
  worker.processes = []
  #expect(state() == "absent")
  worker.conduct.failed(rules: worker.rules, now: at(1))
  #expect(state() == "backing_off")
  worker.conduct.began(now: at(1))
  #expect(state() == "recycling")
  worker.conduct.park(.budgetUsedUp)
  #expect(state() == "parked")
  worker.conduct.paused = true
  #expect(state() == "paused")
}

@Test func anExplanationSaysWhichRuleIsHowClose() throws {
  let board = makeBoard()
  let worker = board.workers[0]
  let explained = try get("/v1/workers/web/explain", board)
  let rules = try #require(explained["rules"] as? [[String: Any]])
  #expect(rules.map { $0["rule"] as? String } == ["soft", "hard"])
  #expect(rules.map { $0["percent"] as? Int } == [75, 56])
  #expect(rules.map { $0["headroom_bytes"] as? Int } == [6 << 20, 14 << 20])
  #expect(rules.map { $0["hold_ms"] as? Int } == [30_000, 0])
  #expect(
    explained["message"] as? String
      == "left alone: uss 18 MiB of 24 MiB (75 %), 6 MiB below its limit; level for 45 min")
  let sentences: [(Verdict, String)] = [
    (.unknown, "it has not been judged yet"),
    (.holding(since: at(3690)), "over its soft limit for 10 s of the 30 s it must hold"),
    (.recycle(.hardLimit), "being recycled (over the hard limit)"),
    (.wouldRecycle(.softLimitHeld), "would be recycled (over the soft limit for too long), but is only observed"),
    (.blocked(.hardLimit, by: .noMeans), "due to be recycled (over the hard limit) and not done: the configuration"),
    (.blocked(.hardLimit, by: .backingOff(until: at(3760))), "the last try failed, the next may begin in 1 min;"),
    (.park(.budgetUsedUp), "its restart budget is used up"),
  ]
  for (verdict, words) in sentences {
    worker.verdict = verdict
    #expect(string(worker.conclusion(now: board.now).bytes).contains(words))
    #expect(try text("/v1/workers/web/explain", board).contains(words))
  }
}

@Test func anExplanationTellsTheWaitAndTheLastAct() throws {
  let board = makeBoard()
  let worker = board.workers[0]
  worker.conduct.began(now: at(3650))
  worker.conduct.succeeded(rules: worker.rules, now: at(3652))
  worker.lastAct = Event(.killedAfterGrace(pid: 42, grace: .seconds(10)), at: at(3651))
  let explained = try get("/v1/workers/web/explain", board)
  #expect(explained["waits_ms"] as? Int == 12_000)
  #expect((explained["last_act"] as? [String: Any])?["event"] as? String == "killed_after_grace")
  let budget = try #require(explained["restart_budget"] as? [String: Any])
  #expect(budget["used"] as? Int == 1 && budget["count"] as? Int == 5)
  #expect(try text("/v1/workers/web/explain", board).contains("last act     49 s ago: pid 42 did not stop"))
}

@Test func theHistoryHasThreeStepsWithTheirColumns() throws {
  let history = try get("/v1/workers/web/history")
  for (name, step, columns, rows) in [("hour", 5, 2, 720), ("day", 600, 4, 7), ("week", 3600, 4, 2)] {
    let part = try #require(history[name] as? [String: Any])
    let points = try #require(part["points"] as? [[Int]])
    #expect(part["step_s"] as? Int == step)
    #expect(points.count == rows && points.allSatisfy { $0.count == columns && $0[1] == 18 << 20 })
    #expect((part["columns"] as? String)?.split(separator: ",").count == columns)
  }
}

@Test func aLogSaysWhoWritesItAndWhyItIsNotCut() throws {
  let logs = try #require(try get("/v1/logs")["logs"] as? [[String: Any]])
  #expect(logs[0]["path"] as? String == "/var/log/\u{1B}x.log")
  #expect(logs[0]["budget_reached_in_ms"] as? Int == 354_000 && logs[0]["method"] as? String == "tail-keep")
  let writer = try #require((logs[0]["writers"] as? [[String: Any]])?.first)
  #expect(writer["pid"] as? Int == 42 && writer["worker"] as? String == "web" && writer["appends"] as? Bool == true)
  #expect(logs[1]["state"] as? String == "refused" && logs[1]["refusal"] as? String == "it is a link")
  #expect(logs[1]["budget_reached_in_ms"] is NSNull && logs[1]["method"] is NSNull && logs[1]["last_cut"] is NSNull)
  let board = makeBoard()
  board.logs[0].state = .absent
  let absent = try #require(try get("/v1/logs", board)["logs"] as? [[String: Any]])
  #expect(absent[0]["allocated_bytes"] is NSNull && absent[0]["apparent_bytes"] is NSNull)
}

@Test func aLogKeepsItsIDAndOthersHaveAnother() {
  func id(_ path: String) -> String { string(LogRecord(rules: LogRules(path: bytes(path), budget: .mib(1))).id) }
  // FNV-1a, 32 bits: the published values for "", "a" and "foobar".
  #expect(id("") == "811c9dc5" && id("a") == "e40c292c" && id("foobar") == "bf9cf968")
}

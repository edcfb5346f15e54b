// The ledger as it is told: JSON that adds up, text without a stray byte, and not before it was made.
import Foundation
import Policy
import Samples
import Testing

@testable import Report

private func makeLedger(_ name: Bytes = bytes("httpd"), cpu: Int64 = 3000) -> (Board, LedgerRecord) {
  let board = makeBoard()
  var memory = board.memory, found = LedgerFigures()
  (memory.cached, memory.shmem, memory.anonPages) = (.mib(20), .mib(6), .mib(12))
  (found[.processes], found[.tmpfs]) = (.mib(10), .mib(6))
  var ledger = Ledger(memory, MemInfoRest(), found: found)
  var worker = LedgerPart(.worker, name, .mib(10))
  (worker.pid, worker.worker, worker.processes, worker.swap) = (42, name, 3, .mib(1))
  var file = LedgerPart(.file, name, .mib(5))
  (file.pid, file.comm) = (43, name)
  var rest = LedgerPart(.rest, [], .mib(1))
  rest.processes = 7
  ledger.setParts([worker, rest], of: .processes)
  ledger.setParts([LedgerPart(.mount, name, .mib(6)), file], of: .tmpfs)
  var tally = ProcessTally(), share = ProcessShare()
  share.isEstimate = true
  for pid: Int32 in 1...2 { tally.add(share, pid: pid, comm: Comm(), worker: []) }
  tally.unreadable = 1
  let record = LedgerRecord(ledger, tally, readAt: board.now, took: Milliseconds(12), cpuMicroseconds: cpu)
  board.ledger = record
  return (board, record)
}

private func get(_ board: Board, asText: Bool = false) -> Response? {
  var request = Request(method: bytes("GET"), path: bytes("/v1/ledger"), peer: .socket(uid: 0))
  if asText { request.accept = bytes("text/plain") }
  if case .answer(let response) = Router.open.route(request, board) { return response }
  return nil
}

@Test func theRowsAddUpToMemTotalAndNameTheirHolders() throws {
  let told = parse(try #require(get(makeLedger().0)).body)
  let rows = try #require(told["rows"] as? [[String: Any]])
  #expect(rows.reduce(0) { $0 + ($1["bytes"] as? Int ?? 0) } == 64 << 20 && told["mem_total_bytes"] as? Int == 64 << 20)
  let processes = try #require(rows.first { $0["kind"] as? String == "processes" })
  let parts = try #require(processes["parts"] as? [[String: Any]])
  #expect(
    parts[0]["worker"] as? String == "httpd" && parts[0]["pid"] as? Int == 42 && parts[0]["processes"] as? Int == 3)
  #expect(parts[1]["what"] as? String == "rest" && parts[1]["name"] == nil)
  let unexplained = try #require(rows.first { $0["kind"] as? String == "unexplained" })
  #expect(unexplained["bytes"] as? Int == told["unexplained_bytes"] as? Int)
  let absent = try #require(told["absent"] as? [String])
  #expect(absent.contains("zram") && absent.contains("per_cpu") && !absent.contains("free"))
}

@Test func noNameOfAProcessOrFileIsMoreThanText() throws {
  for name in hostileNames {
    let board = makeLedger(name).0
    #expect(!parse(try #require(get(board)).body).isEmpty)
    let text = try #require(get(board, asText: true)).body
    #expect(!text.contains { ($0 < 0x20 && $0 != 0x0A) || $0 == 0x7F })
  }
}

@Test func thePrintedLedgerIsRankedAndSaysWhatItCouldNotSee() throws {
  let lines = string(try #require(get(makeLedger().0, asText: true)).body).split(separator: "\n").map(String.init)
  #expect(lines[1].hasPrefix("24 MiB     37.5 %  ########             unexplained"))
  #expect(lines.contains { $0.hasSuffix("10 MiB     worker httpd, 3 processes, pid 42, in swap 1024 KiB") })
  #expect(lines.contains("     5 MiB      httpd, pid 43 (httpd)"))
  #expect(lines.last == "64 MiB in all, 20 MiB of it available; processes: 2, of which 1 unreadable, 2 estimated")
}

@Test func aLedgerIsMadeWhenItIsAskedForAndToldAgainForAWhile() {
  let board = makeBoard()
  #expect(get(board) == nil)
  let (other, record) = makeLedger()
  #expect(record.isFresh(other.now))
  other.now = other.now + Milliseconds(999)
  #expect(get(other) != nil)
  other.now = other.now + Milliseconds(1)
  #expect(get(other) == nil)
  // One that cost 200 ms of CPU time is good for 4 s.
  #expect(makeLedger(cpu: 200_000).1.isFresh(makeBoard().now + Milliseconds(3999)))
  #expect(!makeLedger(cpu: 200_000).1.isFresh(makeBoard().now + Milliseconds(4000)))
}

@Test func aStarvedBoardStillTellsWhereItsMemoryIs() throws {
  let board = makeLedger().0
  board.memory.available = .kib(100)
  #expect(board.isStarved && get(board)?.status == 200)
}

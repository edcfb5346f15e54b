import Foundation
import Policy
import Samples
import Testing

@testable import Report

private func route(_ method: String, _ path: String, _ change: (inout Request) -> Void = { _ in }) -> Routed {
  var request = Request(method: bytes(method), path: bytes(path), peer: .socket(uid: 0))
  change(&request)
  return Router.open.route(request, makeBoard())
}
private func answer(_ method: String, _ path: String, _ change: (inout Request) -> Void = { _ in }) -> Response? {
  if case .answer(let response) = route(method, path, change) { response } else { nil }
}
private func command(_ path: String, _ change: (inout Request) -> Void = { _ in }) -> Command? {
  if case .command(let command) = route("POST", path, change) { command } else { nil }
}
private let logID = string(makeBoard().logs[1].id)

@Test(arguments: [
  "/v1/status", "/v1/workers", "/v1/workers/web", "/v1/workers/dark", "/v1/workers/web/history",
  "/v1/workers/web/explain", "/v1/workers/dark/history", "/v1/workers/dark/explain", "/v1/logs",
  "/v1/logs/\(logID)", "/v1/events", "/healthz",
])
func everyPageIsThereAsJSONAndAsTextForGETAndHEAD(_ path: String) throws {
  for method in ["GET", "HEAD"] {
    let json = try #require(answer(method, path))
    #expect(json.status == 200 && json.type.name.description == "application/json")
    #expect(json.body.last == 0x0A && !parse(json.body).isEmpty)
    let text = try #require(answer(method, path) { $0.accept = bytes("text/html, text/plain;q=0.5") })
    #expect(text.status == 200 && text.type.name.description.hasPrefix("text/plain"))
    #expect(String(validating: text.body, as: UTF8.self) != nil)
    // Lines are what people read; nothing else that a terminal would obey.
    #expect(!text.body.contains { ($0 < 0x20 && $0 != 0x0A) || $0 == 0x7F })
  }
}

@Test(arguments: ["/v1/status", "/v1/workers/web", "/v1/events", "/v1/logs/\(logID)", "/healthz", "/metrics"])
func whatCanOnlyBeReadSaysSo(_ path: String) throws {
  for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", ""] {
    let refusal = try #require(answer(method, path))
    #expect(refusal.status == 405 && refusal.allow?.description == "GET, HEAD")
  }
}

@Test(arguments: ["/v1/workers/web/recycle", "/v1/workers/web/unpark", "/v1/logs/\(logID)/cut", "/v1/reload"])
func whatIsAnActSaysSo(_ path: String) throws {
  for method in ["GET", "HEAD", "PUT", "DELETE"] {
    let refusal = try #require(answer(method, path))
    #expect(refusal.status == 405 && refusal.allow?.description == "POST")
  }
}

@Test func aHeapIsAskedForByThePidOfItsProcess() {
  if case .heap(let pid) = route("GET", "/v1/processes/42/heap") { #expect(pid == 42) } else { Issue.record() }
  for wrong in ["0", "-1", "x", "42x", "4294967297"] {
    #expect(answer("GET", "/v1/processes/\(wrong)/heap")?.status == 404)
  }
  #expect(answer("POST", "/v1/processes/42/heap")?.status == 405)
  #expect(answer("GET", "/v1/processes/42")?.status == 404)
}

@Test func anActBecomesACommandOnItsWorkerOrLog() {
  #expect(command("/v1/workers/web/recycle") == .recycle(0))
  #expect(command("/v1/workers/dark/pause") == .pause(1))
  #expect(command("/v1/workers/web/resume") == .resume(0))
  #expect(command("/v1/workers/dark/unpark") == .unpark(1))
  #expect(command("/v1/workers/web/trim") == .trim(0))
  #expect(command("/v1/logs/\(logID)/cut") == .cut(1))
  #expect(command("/v1/reload") == .reload)
}

@Test func anActTakesNoBodyOrAnEmptyObject() throws {
  for body in ["", "{}", " {\r\n\t} \n"] { #expect(command("/v1/reload") { $0.body = bytes(body) } == .reload) }
  for body in ["{\"a\":1}", "[]", "null", "{", "}{", "{{}}", "recycle=1", "\u{0}", String(repeating: "x", count: 4096)]
  {
    let refusal = try #require(answer("POST", "/v1/reload") { $0.body = bytes(body) })
    #expect(refusal.status == 400)
    #expect(refusal.body.count < 400)
  }
}

@Test func aBodyThatWasTooLargeIsRefusedWhereverItGoes() throws {
  for path in ["/v1/reload", "/v1/status", "/nowhere"] {
    #expect(try #require(answer("POST", path) { $0.bodyIsTooLarge = true }).status == 413)
  }
}

@Test(arguments: [
  "", "/", "//", "/v1", "/v1/", "/v2/status", "/V1/status", "/v1/Status", "/v1/status/x", "/v1/statusx", "v1/status",
  "/v1/workers/web/nope", "/v1/workers/web/history/x", "/v1/workers/WEB", "/v1/workers/we",
  "/v1/workers/..", "/v1/workers/../status", "/../etc/passwd", "/v1/logs/x/cut/y", "/v1/logs/00000000",
  "/v1/logs/\(logID)0", "/healthz/x", "/%2e%2e/", "/v1/status?x", "/v1/workers/web/recycle/recycle",
])
func thereIsNothingElse(_ path: String) throws {
  for method in ["GET", "POST"] {
    let refusal = try #require(answer(method, path))
    #expect(refusal.status == 404)
    let error = try #require(parse(refusal.body)["error"] as? [String: Any])
    #expect(error["status"] as? Int == 404)
    #expect((error["message"] as? String)?.contains("/v1/") == true)
  }
}

@Test func aHostilePathIsAnsweredLikeAnyOther() throws {
  for name in hostileNames {
    for path in [bytes("/") + name, bytes("/v1/workers/") + name, bytes("/v1/logs/") + name + bytes("/cut"), name] {
      for asText in [false, true] {
        let refusal = try #require(
          answer("GET", "") {
            $0.path = path
            if asText { $0.accept = bytes("text/plain") }
          })
        #expect(refusal.status == 404)
        #expect(!refusal.body.dropLast().contains { $0 < 0x20 || $0 == 0x7F })
        if !asText { #expect(!parse(refusal.body).isEmpty) }
      }
    }
  }
  let long = Bytes(repeating: UInt8(ascii: "/"), count: 100_000) + bytes("v1")
  #expect(try #require(answer("GET", "") { $0.path = long }).status == 404)
}

@Test func eventsArePagedByNumber() throws {
  let board = makeBoard()
  for _ in 0..<20 { board.journal.add(Event(.resumed)) }
  func ids(_ after: String?, _ limit: String?) throws -> [Int] {
    let response = Router.open.get("/v1/events", board) {
      ($0.after, $0.limit) = (after.map(bytes), limit.map(bytes))
    }
    let events = parse(try #require(response).body)["events"] as? [[String: Any]]
    return try #require(events).compactMap { $0["id"] as? Int }
  }
  // Of 21 events the last eight are kept. Without `after`: the newest.
  #expect(try ids(nil, nil) == Array(14...21))
  #expect(try ids(nil, "3") == [19, 20, 21])
  #expect(try ids(nil, "0") == [])
  #expect(try ids("0", nil) == Array(14...21))
  #expect(try ids("0", "2") == [14, 15])
  #expect(try ids("15", "2") == [16, 17])
  #expect(try ids("21", nil) == [])
  #expect(try ids("18446744073709551615", nil) == [])
  #expect(try ids("99999999999999999999999999", "1000") == [])
}

@Test(arguments: [
  ("after", "-1"), ("after", ""), ("after", "x"), ("after", "1x"), ("after", "1 "), ("after", "0x10"), ("after", "1.0"),
  ("after", "\u{1B}[2J"), ("limit", "1001"), ("limit", "-5"), ("limit", ""), ("limit", "99999999999999999999"),
])
func anArgumentThatIsNoNumberIsRefusedByName(_ name: String, _ value: String) throws {
  let refusal = try #require(
    answer("GET", "/v1/events") { if name == "after" { $0.after = bytes(value) } else { $0.limit = bytes(value) } })
  #expect(refusal.status == 400)
  let error = try #require(parse(refusal.body)["error"] as? [String: Any])
  #expect((error["message"] as? String)?.hasPrefix(name) == true)
}

@Test func anUnknownArgumentIsRefusedByName() throws {
  let refusal = try #require(answer("GET", "/v1/workers") { $0.unknownArgument = bytes("sort\n") })
  #expect(refusal.status == 400 && string(refusal.body).contains("sort"))
}

@Test func aStarvedBoardKeepsTheSmallAnswersAndTheActs() throws {
  let board = makeBoard()
  board.memory.available = .kib(1023)
  #expect(board.isStarved)
  for path in ["/v1/workers", "/v1/workers/web", "/v1/workers/web/history", "/v1/logs", "/v1/events"] {
    let refusal = try #require(Router.open.get(path, board))
    #expect(refusal.status == 503)
    #expect(parse(refusal.body)["error"] != nil)
  }
  for path in ["/v1/status", "/healthz", "/metrics"] {
    #expect(try #require(Router.open.get(path, board)).status == 200)
  }
  let request = Request(method: bytes("POST"), path: bytes("/v1/workers/web/recycle"), peer: .socket(uid: 0))
  if case .command(.recycle(0)) = Router.open.route(request, board) {} else { Issue.record("no command") }
  board.memory.available = .mib(1)
  #expect(!board.isStarved)
  // One hundredth of a large board, and a board that was not read yet.
  (board.memory.total, board.memory.available) = (.mib(1000), .mib(9))
  #expect(board.isStarved)
  board.memory.total = .zero
  #expect(!board.isStarved)
}

@Test func whoMayNotAskLearnsNothingOfWhatIsThere() throws {
  for path in ["/v1/workers/web/recycle", "/v1/workers/nobody/recycle", "/nowhere"] {
    let refusal = try #require(answer("POST", path) { $0.peer = .socket(uid: 1000) })
    #expect(refusal.status == 403)
  }
}

import Policy
import Samples
import Testing

@testable import Report

@Test func tablesForPeopleAreUTF8HoweverLongTheirNamesAre() throws {
  let board = makeBoard()
  for name in hostileNames + [bytes(String(repeating: "ä", count: 40)), bytes("x" + String(repeating: "😀", count: 9))] {
    board.logs[0].writers = [WriterRecord(pid: 1, comm: name, worker: [], appends: false)]
    board.workers[0].processes[0].comm = name
    for path in ["/v1/logs", "/v1/workers/web", "/v1/status", "/v1/events"] {
      let body = try #require(Router.open.get(path, board, text: true)).body
      #expect(String(validating: body, as: UTF8.self) != nil, "\(path)")
    }
  }
}

@Test func aCellIsAsWideAsItsColumn() {
  var out = Bytes()
  out.cell("ab", 4)
  out.cell("/var/log/messages", 6)
  out.amount(nil, 3)
  #expect(string(out) == "ab   ~sages -   ")
}

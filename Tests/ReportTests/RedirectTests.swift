import Foundation
import Policy
import Samples
import Testing

@testable import Report

private func target(_ body: String) -> RedirectTarget?? { parseRedirectBody(bytes(body)) }

@Test func theBodyOfARedirectNamesATargetOrNone() {
  for body in ["", " ", "{}", " { } \n"] { #expect(target(body) == .some(nil)) }
  #expect(target(#"{"to":"ring"}"#) == .some(.ring))
  #expect(target(#" { "to" : "null" } "#) == .some(.null))
  #expect(target(#"{"to":"syslog"}"#) == .some(.syslog))
  #expect(target(#"{"to":"\/mnt/a b.log"}"#) == .some(.file(bytes("/mnt/a b.log"))))
}

@Test(arguments: [
  #"{"to":"Ring"}"#, #"{"to":""}"#, #"{"to":"relative"}"#, #"{"to":ring}"#, #"{"to":"ring"#, #"{"to":"ring","x":"y"}"#,
  #"{"from":"ring"}"#, #""ring""#, #"["to","ring"]"#, #"{"to":"/a\u0000b"}"#, #"{"to":"/a\"#, "{\"to\":\"/a\u{0}b\"}",
  "{",
])
func aBodyThatIsNoneOfThoseIsRefused(_ body: String) {
  #expect(target(body) == .none)
}

@Test func aTailIsLinesWithNothingThatATerminalObeys() throws {
  let text = bytes("one\n\u{1B}[2Jtwo\n\n")
  let plain = tailAnswer(bytes("/l"), source: "ring", text, asText: true)
  #expect(string(plain.body) == "one\n\\x1b[2Jtwo\n\n")
  let json = parse(tailAnswer(bytes("/l"), source: "file", text, asText: false).body)
  #expect(json["lines"] as? [String] == ["one", "\u{1B}[2Jtwo", ""] && json["source"] as? String == "file")
  let none = parse(tailAnswer(bytes("/l"), source: "ring", [], asText: false).body)
  #expect((none["lines"] as? [String])?.isEmpty == true)
}

@Test func redirectUndoAndTailBecomeCommandsForThoseWhoMay() throws {
  let id = string(makeBoard().logs[1].id)
  func route(_ method: String, _ path: String, _ change: (inout Request) -> Void = { _ in }) -> Routed {
    var request = Request(method: bytes(method), path: bytes(path), peer: .socket(uid: 0))
    change(&request)
    return Router.open.route(request, makeBoard())
  }
  func command(_ routed: Routed) -> Command? { if case .command(let command) = routed { command } else { nil } }
  func status(_ routed: Routed) -> UInt32? { if case .answer(let answer) = routed { answer.status } else { nil } }
  #expect(command(route("POST", "/v1/logs/\(id)/redirect")) == .redirect(1, to: nil))
  #expect(
    command(route("POST", "/v1/logs/\(id)/redirect") { $0.body = bytes(#"{"to":"null"}"#) }) == .redirect(1, to: .null))
  #expect(status(route("POST", "/v1/logs/\(id)/redirect") { $0.body = bytes("x") }) == 400)
  #expect(command(route("POST", "/v1/logs/\(id)/undo")) == .undo(1))
  #expect(command(route("GET", "/v1/logs/\(id)/tail")) == .tail(1, lines: 200))
  #expect(command(route("GET", "/v1/logs/\(id)/tail") { $0.lines = bytes("7") }) == .tail(1, lines: 7))
  #expect(status(route("GET", "/v1/logs/\(id)/tail") { $0.lines = bytes("10001") }) == 400)
  #expect(status(route("POST", "/v1/logs/\(id)/tail")) == 405 && status(route("GET", "/v1/logs/\(id)/redirect")) == 405)
  // What a log says is not for every user of the board.
  #expect(status(route("GET", "/v1/logs/\(id)/tail") { $0.peer = .socket(uid: 1000) }) == 403)
  #expect(status(route("GET", "/v1/logs/\(id)/tail") { ($0.peer, $0.host) = (.tcp, bytes("localhost")) }) == 401)
}

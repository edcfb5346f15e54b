import Samples
import Testing

@testable import Report

private let keeper = Gatekeeper(
  token: bytes("0123456789abcdef"), hosts: [bytes("board.lan"), bytes("10.0.0.7")], ownUid: 990)

private func status(
  _ keeper: Gatekeeper, _ peer: Peer, host: String? = "localhost:8741", origin: String? = nil,
  authorization: String? = nil, changes: Bool = false
) -> UInt32? {
  var request = Request(method: bytes("GET"), path: bytes("/"), peer: peer)
  (request.host, request.origin) = (host.map(bytes), origin.map(bytes))
  request.authorization = authorization.map(bytes)
  return keeper.objection(to: request, changes: changes)?.0
}

@Test(arguments: [
  "localhost", "localhost:8741", "LocalHost", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8741", "board.lan",
  "BOARD.lan:80", "10.0.0.7:8741",
])
func aHostThatIsOursIsAnswered(_ host: String) { #expect(status(keeper, .tcp, host: host) == nil) }

@Test(arguments: [
  "", ":", ":8741", "evil.example", "localhost.evil.example", "evil.localhost", "localhost.", "localhost@evil",
  "localhost:80@evil", "localhost:evil", "localhost:80:80", "[::1]evil", "[::1", "[::1]:x", "::1", "[::2]",
  "127.0.0.1.evil", "127.0.0.2", "2130706433", "0.0.0.0", "board.lan.evil", "xboard.lan", "board", " localhost",
  "localhost ", "local\u{0}host", "localhost/",
])
func anyOtherHostIsRefused(_ host: String) { #expect(status(keeper, .tcp, host: host) == 403) }

@Test func aRequestWithoutHostIsMalformed() {
  #expect(status(keeper, .tcp, host: nil) == 400)
  // The unix socket has no host.
  #expect(status(keeper, .socket(uid: 1000), host: nil) == nil)
  #expect(status(keeper, .socket(uid: 1000), host: "evil.example", origin: "https://evil.example") == nil)
}

@Test(arguments: ["http://localhost", "http://localhost:8741", "https://board.lan", "http://[::1]:8741"])
func aPageOfOursMayAsk(_ origin: String) { #expect(status(keeper, .tcp, origin: origin) == nil) }

@Test(arguments: [
  "", "null", "localhost", "http://", "http:/localhost", "http://evil.example", "ftp://localhost", "file://localhost",
  "http://localhost.evil.example", "http://localhost@evil.example", "http://localhost:80@evil.example",
  "http://evil.example/http://localhost", "HTTP://evil.example", "https://http://localhost", "chrome-extension://abc",
])
func aPageOfSomebodyElseMayNot(_ origin: String) {
  #expect(status(keeper, .tcp, origin: origin) == 403)
  // Not even with the token.
  #expect(
    status(keeper, .tcp, origin: origin, authorization: "Bearer 0123456789abcdef", changes: true) == 403)
}

@Test func aChangeOverTCPNeedsTheWholeToken() {
  func ask(_ authorization: String?) -> UInt32? {
    status(keeper, .tcp, authorization: authorization, changes: true)
  }
  #expect(ask("Bearer 0123456789abcdef") == nil)
  #expect(ask("Bearer   0123456789abcdef") == nil)
  for wrong in [
    nil, "", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcde",
    "Bearer 0123456789abcdefa", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0123456789abcdef",
    "Bearer 0123456789abcdef ", "Bearer0123456789abcdef",
  ] {
    #expect(ask(wrong) == 401, "\(wrong ?? "nothing")")
  }
  // Reading needs none, and a wrong one does not matter.
  #expect(status(keeper, .tcp, authorization: "Bearer nonsense") == nil)
}

@Test func withoutATokenNothingIsChangedOverTCP() {
  var closed = keeper
  closed.token = nil
  #expect(status(closed, .tcp, authorization: "Bearer 0123456789abcdef", changes: true) == 403)
  #expect(status(closed, .tcp, authorization: "Bearer ", changes: true) == 403)
}

@Test func anEmptyTokenOpensNothing() {
  var empty = keeper
  empty.token = []
  #expect(status(empty, .tcp, authorization: "Bearer ", changes: true) == 401)
  #expect(status(empty, .tcp, authorization: "Bearer x", changes: true) == 401)
}

@Test func overTheSocketRootAndMemwardenItselfMayChange() {
  for (uid, expected) in [(0, nil), (990, nil), (1000, 403), (.max, 403)] as [(UInt32, UInt32?)] {
    #expect(status(keeper, .socket(uid: uid), changes: true) == expected)
    #expect(status(keeper, .socket(uid: uid)) == nil)
    // A token does not help there: the socket knows who asks.
    #expect(
      status(keeper, .socket(uid: uid), authorization: "Bearer 0123456789abcdef", changes: true) == expected)
  }
}

@Test func aRefusalRepeatsNoControlBytes() throws {
  var request = Request(method: bytes("GET"), path: bytes("/"), peer: .tcp)
  request.host = bytes("\u{1B}[2Jevil\r\nX: y")
  let (_, sentence) = try #require(keeper.objection(to: request, changes: false))
  #expect(!sentence.bytes.contains { $0 < 0x20 })
  // Nor the secret.
  request.host = bytes("localhost")
  request.authorization = bytes("Bearer 0123456789abcdeX")
  let (_, other) = try #require(keeper.objection(to: request, changes: true))
  #expect(!string(other.bytes).contains("0123456789"))
}

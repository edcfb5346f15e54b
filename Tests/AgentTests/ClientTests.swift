// The client verbs against a server that answers what the test wants, and says what it was asked.
import Foundation
import Samples
import Synchronization
import Testing

@testable import memwarden

private final class Server: Sendable {
  let port: UInt16
  private let listener: Int32
  private let asked = Mutex<[String]>([])

  /// Answers every connection with these bytes and hangs up, until it is stopped.
  init(_ answer: String) throws {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, length) == 0 && listen(fd, 8) == 0 && getsockname(fd, $0, &length) == 0
      }
    }
    try #require(bound)
    (listener, port) = (fd, UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(fd, nil, nil)
        if connection < 0 { return }
        var request = [UInt8](repeating: 0, count: 8192)
        let n = recv(connection, &request, request.count, 0)
        asked.withLock { $0.append(String(decoding: request[..<max(0, n)], as: UTF8.self)) }
        _ = answer.withCString { send(connection, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        close(connection)
      }
    }
  }
  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }
  /// The first lines of what was asked.
  var requests: [String] { asked.withLock { $0.map { String($0.prefix { $0 != "\r\n" }) } } }
  var last: String { asked.withLock { $0.last ?? "" } }
}

/// The exit code of a verb against a server that answers this, and what it asked.
private func ask(_ answer: String, _ words: String...) throws -> (code: Int32, server: Server) {
  let server = try Server(answer)
  defer { server.stop() }
  let code = run(words.map(bytes) + [bytes("--url"), bytes("http://127.0.0.1:\(server.port)")])
  return (code, server)
}
private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

@Test(arguments: [
  (ok, 0 as Int32), ("HTTP/1.0 404 Not Found\r\n\r\nnope\n", 1), ("HTTP/1.1 503 x\r\n\r\n", 1),
  // A status of more than 64 bits, and none.
  ("HTTP/1.1 99999999999999999999 x\r\n\r\n", 1), ("HTTP/1.1 \r\n\r\n", 111),
  // Not memwarden, nothing, and an answer that was cut short.
  ("SSH-2.0-dropbear\r\n", 111), ("", 111), ("HTTP/1.1 200 OK\r\nConte", 111), ("HTTP/1.1", 111),
])
func whateverAnswersTheClientEndsWithAnExitCode(_ answer: String, _ expected: Int32) throws {
  #expect(try ask(answer, "status", "--json").code == expected)
}

@Test func aNameIsSentSoThatItStaysOnePartOfThePath() throws {
  let (_, server) = try ask(ok, "explain", "a b/../?x=%\n\u{1B}")
  #expect(server.requests == ["GET /v1/workers/a%20b%2F..%2F%3Fx%3D%25%0A%1B/explain HTTP/1.0"])
}

@Test func eachVerbAsksItsPath() throws {
  for (words, path) in [
    (["status"], "GET /v1/status"), (["workers"], "GET /v1/workers"), (["workers", "web"], "GET /v1/workers/web"),
    (["recycle", "web"], "POST /v1/workers/web/recycle"), (["unpark", "web"], "POST /v1/workers/web/unpark"),
    (["events", "--limit", "3", "--after", "7&x"], "GET /v1/events?after=7%26x&limit=3"),
    (["reload"], "POST /v1/reload"), (["cut", "0a1b2c3d"], "POST /v1/logs/0a1b2c3d/cut"),
  ] {
    let server = try Server(ok)
    defer { server.stop() }
    #expect(run((words + ["--url", "http://localhost:\(server.port)/"]).map(bytes)) == 0)
    #expect(server.requests == [path + " HTTP/1.0"])
  }
}

@Test func aLogIsCutByItsPathWhateverIsInIt() throws {
  // FNV-1a of the path, as the server makes it.
  let (code, server) = try ask(ok, "cut", "/var/log/a b\u{1B}.log")
  #expect(code == 0 && server.requests == ["POST /v1/logs/3bc54559/cut HTTP/1.0"])
}

@Test func theTokenIsSentWithoutItsLineEndAndPeopleGetText() throws {
  let folder = Folder()
  folder.write("0123456789abcdef\r\n", to: "token")
  let (_, server) = try ask(ok, "pause", "web", "--token-file", folder.path + "/token")
  #expect(server.last.contains("\r\nAuthorization: Bearer 0123456789abcdef\r\n"))
  #expect(server.last.contains("\r\nAccept: text/plain\r\n") && server.last.contains("\r\nHost: localhost\r\n"))
  let (_, other) = try ask(ok, "status", "--json")
  #expect(!other.last.contains("Accept:") && !other.last.contains("Authorization:"))
}

@Test(arguments: [
  "https://127.0.0.1:1", "127.0.0.1:1", "http://example.org:80", "http://127.0.0.1", "http://127.0.0.1:0x",
])
func anotherKindOfURLIsASystemFailureAndSaysWhatWasExpected(_ url: String) {
  #expect(run([bytes("status"), bytes("--url"), bytes(url)]) == 111)
}

@Test func nobodyListeningIsASystemFailure() {
  #expect(run([bytes("status"), bytes("--socket"), bytes("/no/such/socket")]) == 111)
}

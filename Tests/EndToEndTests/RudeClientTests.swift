// Clients that hang up, say half, say nonsense or come in crowds: others are served meanwhile, and no line is written
// per connection.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct RudeClients {
    private func withAgent(_ body: (Agent) throws -> Void) throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 100ms")
        let said = agent.process.output
        try body(agent)
        #expect(agent.process.output == said, "not a line for any of it")
        #expect(try agent.get("/healthz").status == 200)
      }
    }

    @Test func silentClientsCostNoLineAndNobodysTime() throws {
      try withAgent { agent in
        try connectSilently(to: agent.port, times: 500)
        for _ in 0..<500 { _ = try Connection(.socket(agent.socketPath)) }
        #expect(try agent.get("/healthz").status == 200)
        try eventually("they are counted") {
          try agent.get("/v1/status").json().object("self").number("http_aborted_connections") ?? 0 >= 900
        }
        try eventually("none of them is still open") { descriptors(of: agent.process.pid) < 24 }
      }
    }

    @Test func clientsThatHangUpBehindHalfARequestAreCounted() throws {
      try withAgent { agent in
        let before = descriptors(of: agent.process.pid)
        for _ in 0..<10 { try Connection(.port(agent.port)).send("GET /v1/sta".utf8) }
        for _ in 0..<10 { try Connection(.socket(agent.socketPath)).send("GET /v1/sta".utf8) }
        try eventually("they are counted") {
          try agent.get("/v1/status").json().object("self").number("http_aborted_connections") ?? 0 >= 20
        }
        // A search for open files has one of its own for a moment.
        try eventually("their places are free again") { descriptors(of: agent.process.pid) <= before }
      }
    }

    @Test func garbageIsAnsweredOrHungUpOn() throws {
      try withAgent { agent in
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
          let connection = try Connection(.port(agent.port))
          connection.send(
            (0..<Int.random(in: 1...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        for nonsense in [
          "\r\n\r\n\r\n", "GET\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
          "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
          "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
          let connection = try Connection(.port(agent.port))
          connection.send(nonsense.utf8)
          connection.finish()
          if let answer = connection.receiveAnswer() { #expect((400...599).contains(answer.status), "\(nonsense)") }
        }
      }
    }

    @Test func aClientThatSaysHalfIsClosedAfterItsTimeAndHoldsNobodyUp() throws {
      try withAgent { agent in
        let half = try Connection(.port(agent.port))
        half.send("GET /healthz HTTP/1.1\r\nHost: local".utf8)
        let halfBody = try Connection(.socket(agent.socketPath))
        halfBody.send("POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{".utf8)
        let start = bootMilliseconds()
        for _ in 0..<20 { #expect(try agent.get("/healthz").status == 200) }
        #expect(bootMilliseconds() - start < 4_000, "while the halves were still open")
        _ = half.receive(within: 15)
        #expect(half.ending != "nothing came for 15.0 s")
        #expect(bootMilliseconds() - start >= 4_000)
        _ = halfBody.receive(within: 5)
        #expect(halfBody.ending != "nothing came for 5.0 s")
      }
    }

    @Test func sixtyAtOnceAreAllServed() throws {
      try withAgent { agent in
        let crowd = try (0..<60).map { _ in try Connection(.port(agent.port)) }
        for connection in crowd {
          connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        }
        #expect(crowd.filter { $0.receiveAnswer()?.status == 200 }.count == 60)
      }
    }

    @Test func aCrowdThatStaysLocksNobodyOutForLong() throws {
      try withAgent { agent in
        let crowd = try (0..<20).map { _ in try Connection(.port(agent.port)) }
        // The unix socket is a door of its own: root gets in at once.
        #expect(try request("GET", "/healthz", at: agent.rootEndpoint).status == 200)
        // And whoever waits at the full door, when the crowd is sent away.
        try eventually(within: 10, "another is served") { (try? agent.get("/healthz"))?.status == 200 }
        withExtendedLifetime(crowd) {}
      }
    }
  }
}

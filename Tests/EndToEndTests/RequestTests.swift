// Wrong requests get their clear error, rude clients get nothing, and the agent goes on without a word in its output.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Requests {
    private static let token = "0123456789abcdef-secret"

    /// An agent with a token file and a worker, and what it had said once it was up.
    private func withAgent(token: Bool = true, _ body: (Agent, Scene) throws -> Void) throws {
      try withScene { scene in
        let file = try scene.write("\(Requests.token)\n", to: "token")
        chmod(file, 0o600)
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "idle" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "1M"} soft = 8M }
          """, http: token ? "token_file = \"\(file)\"" : "")
        _ = try agent.awaitPids(of: "idle")
        try body(agent, scene)
        #expect(agent.process.isRunning)
        #expect(try agent.get("/healthz").status == 200, "the agent goes on")
      }
    }

    /// Status and body of an error: a JSON object with the status and a sentence that holds `word`.
    private func expectError(
      _ status: Int, _ word: String, _ answer: Answer?, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let answer = try #require(answer, sourceLocation: sourceLocation)
      #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
      #expect(answer.headers["content-type"] == "application/json", sourceLocation: sourceLocation)
      let error = try answer.json().object("error")
      #expect(error.number("status") == status, sourceLocation: sourceLocation)
      #expect(error.text("message")?.contains(word) == true, "\(answer.text)", sourceLocation: sourceLocation)
    }

    @Test func theTokenOpensChangesOverTCPAndNothingElseDoes() throws {
      try withAgent { agent, _ in
        func pause(_ headers: [String: String]) throws -> Answer {
          try request("POST", "/v1/workers/idle/pause", at: agent.endpoint, headers: headers)
        }
        try expectError(401, "Authorization: Bearer", try pause([:]))
        #expect(try pause([:]).headers["www-authenticate"]?.hasPrefix("Bearer") == true)
        for wrong in ["Bearer wrong", "Bearer \(Requests.token)x", "Bearer ", "Basic \(Requests.token)"] {
          #expect(try pause(["Authorization": wrong]).status == 401)
        }
        #expect(try agent.worker("idle")["paused"] as? Bool == false)
        #expect(try pause(["Authorization": "Bearer \(Requests.token)"]).status == 200)
        #expect(try agent.worker("idle")["paused"] as? Bool == true)
        #expect(try agent.get("/v1/status").status == 200, "reading needs none")
      }
    }

    @Test func withoutATokenFileNothingCanBeChangedOverTCP() throws {
      try withAgent(token: false) { agent, _ in
        let headers = ["Authorization": "Bearer \(Requests.token)"]
        try expectError(
          403, "token_file", try request("POST", "/v1/workers/idle/recycle", at: agent.endpoint, headers: headers))
        #expect(try agent.post("/v1/workers/idle/pause").status == 200, "root may, over the socket")
      }
    }

    @Test func hostAndOriginOfOthersAreRefused() throws {
      try withAgent { agent, _ in
        try expectError(
          403, "evil.example", try request("GET", "/v1/status", at: agent.endpoint, headers: ["Host": "evil.example"]))
        try expectError(
          403, "evil.example",
          try request("GET", "/v1/status", at: agent.endpoint, headers: ["Host": "evil.example:\(agent.port)"]))
        try expectError(
          403, "origin",
          try request("GET", "/v1/status", at: agent.endpoint, headers: ["Origin": "http://evil.example"]))
        try expectError(
          403, "origin", try request("GET", "/v1/status", at: agent.endpoint, headers: ["Origin": "null"]))
        for host in ["localhost", "LOCALHOST", "127.0.0.1:\(agent.port)", "[::1]:8741"] {
          #expect(try request("GET", "/healthz", at: agent.endpoint, headers: ["Host": host]).status == 200, "\(host)")
        }
        let headers = ["Origin": "http://localhost:\(agent.port)"]
        #expect(try request("GET", "/healthz", at: agent.endpoint, headers: headers).status == 200)
        try expectError(400, "Host", try answer(to: "GET /v1/status HTTP/1.0\r\n\r\n", at: agent.endpoint))
        // libmicrohttpd itself refuses this one, for HTTP/1.1 demands a Host.
        #expect(try answer(to: "GET /v1/status HTTP/1.1\r\n\r\n", at: agent.endpoint)?.status == 400)
      }
    }

    @Test func wrongPathsMethodsQueriesAndBodiesAreTold() throws {
      try withAgent { agent, _ in
        for path in [
          "/", "/v1", "/v2/status", "/v1/workers/idle/nothing", "/v1/workers/idle/explain/more", "/etc/passwd",
          "/v1/../healthz", "/%00", "//",
        ] {
          try expectError(404, "/v1/", try request("GET", path, at: agent.endpoint))
        }
        try expectError(404, "GET /v1/workers lists them", try agent.get("/v1/workers/nobody"))
        try expectError(404, "GET /v1/logs lists them", try agent.get("/v1/logs/nothing"))
        let read = try agent.post("/v1/status")
        try expectError(405, "GET", read)
        #expect(read.headers["allow"] == "GET, HEAD")
        let act = try agent.get("/v1/workers/idle/recycle")
        try expectError(405, "POST", act)
        #expect(act.headers["allow"] == "POST")
        for method in ["PUT", "DELETE", "BREW"] {
          try expectError(405, "POST", try request(method, "/v1/reload", at: agent.rootEndpoint))
        }
        for query in ["after=x", "limit=-1", "limit=1001", "since=1"] {
          #expect(try agent.get("/v1/events?\(query)").status == 400, "\(query)")
        }
        for body in ["{", "[]", "{\"force\":true}", "nonsense", "\u{1b}[31m"] {
          try expectError(400, "no body, or {}", try agent.post("/v1/workers/idle/pause", body: body))
        }
        #expect(try agent.post("/v1/workers/idle/pause", body: " {}\n").status == 200)
        try expectError(
          413, "4096", try agent.post("/v1/workers/idle/resume", body: String(repeating: " ", count: 5000)))
        let large = try request(
          "GET", "/healthz", at: agent.endpoint, headers: ["X-Large": String(repeating: "x", count: 20_000)])
        #expect(large.status == 431 || large.status == 413)
        let long = try request("GET", "/" + String(repeating: "x", count: 20_000), at: agent.endpoint)
        #expect(long.status == 414 || long.status == 431)
      }
    }

    @Test func anEmptyAnswerToHEADHasTheHeadersOfGET() throws {
      try withAgent { agent, _ in
        let head = try request("HEAD", "/healthz", at: agent.endpoint)
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head.headers["content-length"] == "\(try agent.get("/healthz").body.count)")
      }
    }
  }
}

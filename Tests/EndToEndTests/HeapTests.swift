// A heap asked for over HTTP and on the command line, held against what malloc itself says.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: geteuid() == 0, "reading another process's memory needs root")) struct Heap {
    private func mallocSays(_ subject: StartedProcess, _ path: String) throws -> [String: Int] {
      try eventually("leaky is ready") { FileManager.default.fileExists(atPath: path) }
      unlink(path)
      subject.signal(SIGUSR1)
      try eventually("malloc answers") { FileManager.default.fileExists(atPath: path) }
      return Dictionary(
        uniqueKeysWithValues: text(of: path).split(separator: "\n").map {
          let words = $0.split(separator: " ")
          return (String(words[0]), Int(words[1]) ?? -1)
        })
    }

    @Test func ninetyMegabytesHeldByTenSmallBlocksAreToldWithinKilobytes() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 1s\n")
        let subject = try scene.startLeaky("crumbs", "--report", scene.path("malloc"))
        let malloc = try mallocSays(subject, scene.path("malloc"))
        let heap = try agent.get("/v1/processes/\(subject.pid)/heap").json()
        #expect(heap["complete"] as? Bool == true && heap.text("allocator") == "glibc")
        #expect(abs((heap.number("in_use_bytes") ?? 0) - (malloc["in_use"] ?? 0)) <= 32 << 10)
        #expect(heap.number("system_bytes") == malloc["arena"])
        #expect(heap.number("trimmable_bytes") ?? 0 > 80 << 20)
        let client = try scene.start(
          try builtProgram("memwarden"), ["heap", "\(subject.pid)", "--socket", agent.socketPath])
        #expect(try client.waitForExit() == 0)
        #expect(client.output.contains("trimmable") && client.output.contains("ARENA"), "\(client.output)")
        #expect(try agent.get("/healthz").status == 200)
      }
    }

    @Test func whatTheAllocatorKeepsIsTheVerdictOnceItsHeapWasSeen() throws {
      try withScene { scene in
        let subject = try scene.startLeaky("crumbs", "--report", scene.path("malloc"))
        _ = try mallocSays(subject, scene.path("malloc"))
        let agent = try scene.startAgent(
          "interval = 200ms\nworker \"crumbs\" { cmdline = \"crumbs --report \(scene.path("malloc"))\" soft = 1G }\n")
        try eventually("it is judged") {
          try agent.get("/v1/workers/crumbs/explain").json()["verdict"] is [String: Any]
        }
        let before = try agent.get("/v1/workers/crumbs/explain").json().object("verdict")
        #expect(before.text("cause") == "unknown")
        #expect(try agent.get("/v1/processes/\(subject.pid)/heap").status == 200)
        let verdict = try agent.get("/v1/workers/crumbs/explain").json().object("verdict")
        #expect(verdict.text("cause") == "allocator_retention" && verdict.number("confidence_percent") == 98)
        #expect(verdict.text("because")?.contains("from the kernel") == true, "\(verdict)")
        let client = try scene.start(
          try builtProgram("memwarden"), ["explain", "crumbs", "--socket", agent.socketPath])
        #expect(try client.waitForExit() == 0)
        let plain = client.output
        #expect(plain.contains("verdict      allocator_retention (98 %)") && plain.contains("remedy       trim it"))
      }
    }

    @Test func aLargeHeapIsAnsweredWhileTheAgentGoesOnServing() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 1s\n")
        let subject = try scene.startLeaky("arenas", "7", "--size", "16M", "--report", scene.path("malloc"))
        try eventually("all threads have filled their arenas") {
          try mallocSays(subject, scene.path("malloc"))["operations"] == 7
        }
        let asked = try Connection(agent.endpoint)
        asked.send(
          "GET /v1/processes/\(subject.pid)/heap HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        // A client that does not wait for its answer leaves nothing behind.
        for _ in 0..<3 {
          try Connection(agent.endpoint).send(
            "GET /v1/processes/\(subject.pid)/heap HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        }
        #expect(try agent.get("/healthz").status == 200)
        let answer = try #require(asked.receiveAnswer())
        #expect(answer.status == 200)
        #expect((try answer.json()["arenas"] as? [Any])?.count == 8)
        #expect(try agent.get("/v1/processes/\(subject.pid)/heap").status == 200)
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try agent.get("/healthz").status == 200)
      }
    }

    @Test func whatHasNoHeapSaysWhy() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 1s\n")
        #expect(try agent.get("/v1/processes/2/heap").status == 409)
        #expect(try agent.get("/v1/processes/4194303/heap").status == 404)
      }
    }

    @Test func withoutTheRightItIsRefusedAndNotEmpty() throws {
      try withScene { scene in
        let subject = try scene.startLeaky("idle", "--size", "1M")
        let agent = try scene.startAgent(
          "interval = 1s\n", under: ["/usr/bin/setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"])
        let refused = try agent.get("/v1/processes/\(subject.pid)/heap")
        #expect(refused.status == 403 && refused.text.contains("CAP_SYS_PTRACE"), "\(refused.text)")
      }
    }
  }
}

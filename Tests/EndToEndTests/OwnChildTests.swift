// The workers that memwarden runs itself, its journal file, and names that others chose to do harm.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct OwnChild {
    @Test func aChildThatCrashesIsRestartedWithBackoffAndThenParked() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "crasher" {
            run = {"\(try builtProgram("leaky"))", "crash", "--after", "50ms"}
            backoff = 200ms backoff_max = 10s budget = 3/1h
          }
          """)
        let parked = try agent.awaitEvent("parked", of: "crasher")
        #expect(parked.number("restarts") == 3)
        let starts = try agent.events("child_started"), ends = try agent.events("child_ended")
        #expect(starts.count == 4 && ends.count == 4, "one start, three restarts")
        #expect(ends.allSatisfy { $0.number("signal") == Int(SIGABRT) && $0.text("class") == "failed" })
        for (i, least) in [200, 400, 800].enumerated() {
          let wait = (starts[i + 1].number("boot_ms") ?? 0) - (ends[i].number("boot_ms") ?? 0)
          #expect((least...least + 250).contains(wait), "wait \(i + 1) was \(wait) ms")
        }
        #expect(try agent.worker("crasher").number("crashes") == 4)
        try always(for: 1, "it stays parked") { try agent.events("child_started").count == 4 }
        #expect(try agent.post("/v1/workers/crasher/unpark").status == 200)
        try agent.awaitEvent("child_started", of: "crasher", count: 5)
      }
    }

    @Test func aProgramThatIsNotThereIsTriedWithBackoffAndSaid() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "missing" { run = {"/nowhere/worker"} backoff = 200ms budget = 3/1h }
          """)
        let failed = try agent.awaitEvent("child_not_started", of: "missing")
        #expect(failed.number("errno") == Int(ENOENT))
        try agent.awaitEvent("parked", of: "missing")
        #expect(try agent.worker("missing").text("state") == "parked")
      }
    }

    /// Raised here, for only CAP_SYS_RESOURCE may lower it.
    @Test func theGuardsOwnProtectionIsNotInherited() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "oom_score_adj = 300\nworker \"child\" { run = {\"\(try builtProgram("leaky"))\", \"idle\", \"--size\", \"1M\"} }"
        )
        let child = try agent.awaitEvent("child_started").number("pid") ?? 0
        #expect(text(of: "/proc/\(agent.process.pid)/oom_score_adj") == "300\n")
        #expect(text(of: "/proc/\(child)/oom_score_adj") == "0\n")
        try eventually("it runs its program") { text(of: "/proc/\(child)/comm") == "leaky\n" }
        #expect(descriptors(of: pid_t(child)) == 3, "nothing but its standard files")
        for set in ["SigBlk", "SigIgn"] {
          let line = text(of: "/proc/\(child)/status").split(separator: "\n").first { $0.hasPrefix(set) }
          // 32 and 33 are glibc's own.
          let signals = try #require(line.flatMap { UInt64($0.suffix(16), radix: 16) })
          #expect(signals & 0x7fff_ffff == 0, "\(set)")
        }
      }
    }

    @Test func theJournalStaysWithinItsBudgetAndEveryLineIsJSON() throws {
      try withScene { scene in
        let journal = scene.path("journal")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          journal { file = "\(journal)" budget = 16K events = 16 }
          worker "idle" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "1M"} }
          """)
        for _ in 0..<100 {
          #expect(try agent.post("/v1/workers/idle/pause").status == 200)
          #expect(try agent.post("/v1/workers/idle/resume").status == 200)
          let size = [journal, "\(journal).1"].reduce(0) { $0 + text(of: $1).utf8.count }
          #expect(size <= 16384)
        }
        let lines = (text(of: "\(journal).1") + text(of: journal)).split(separator: "\n")
        #expect(lines.count > 30)
        var last = 0
        for line in lines {
          let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? JSONObject)
          let id = try #require(event.number("id"))
          #expect(last == 0 || id == last + 1)
          last = id
        }
        let newest = try agent.get("/v1/events?after=0&limit=1000").json()
        #expect(newest.number("newest") == last)
        #expect(newest.objects("events").count == 16 && newest.number("dropped") == last - 16)
        let own = try agent.get("/v1/status").json().object("self")
        #expect(own.number("written_bytes") ?? 0 > 16384, "what it writes is in its own report")
      }
    }

    @Test func hostileNamesBreakNeitherJSONNorTheTerminal() throws {
      try withScene { scene in
        // A comm of a quote, a newline, an escape sequence and bytes that are not UTF-8.
        let name = "\"\n\u{1b}[31m\\"
        try FileManager.default.copyItem(atPath: builtProgram("leaky"), toPath: scene.path(name))
        let agent = try scene.startAgent(
          "interval = 100ms\nworker \"hostile\" { cmdline = \"idle --size 17M\" hard = 8M }")
        let worker = try scene.start(scene.path(name), ["idle", "--size", "17M"])
        _ = try agent.awaitPids(of: "hostile")
        #expect(text(of: "/proc/\(worker.pid)/comm") == "\(name)\n")
        let process = try #require(try agent.worker("hostile").objects("process_list").first)
        #expect(process.number("pid") == Int(worker.pid))
        #expect(process.text("comm") == name, "JSON gives it back as it is")
        try agent.awaitEvent("over_hard")
        for path in ["/v1/status", "/v1/workers", "/v1/workers/hostile", "/v1/workers/hostile/explain", "/v1/events"] {
          let plain = try request("GET", path, at: agent.endpoint, headers: ["Accept": "text/plain"])
          #expect(plain.headers["content-type"]?.hasPrefix("text/plain") == true)
          #expect(!plain.body.contains { $0 < 32 && $0 != 10 && $0 != 9 }, "\(path): \(plain.text)")
        }
        #expect(!agent.process.output.utf8.contains(0x1b))
        // A path as hostile as the comm, in the address line.
        let answer = try request("GET", "/v1/workers/%22%0A%1B%5B31m", at: agent.endpoint)
        #expect(answer.status == 404 && answer.text.contains("there is no worker"))
        _ = try answer.json()
        let plain = try request("GET", "/%1B%5B31m", at: agent.endpoint, headers: ["Accept": "text/plain"])
        #expect(plain.status == 404 && !plain.body.contains(0x1b))
      }
    }
  }
}

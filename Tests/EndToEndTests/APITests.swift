// The shape of the API: which fields with which units, plain text for people, Prometheus text that parses.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct API {
    /// A worker with limits that it keeps, one that is not there, and a log that is not there.
    private func withAgent(_ body: (Agent) throws -> Void) throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "idle" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "4M"} soft = 8M hard = 16M }
          worker "absent" { comm = "nobody" soft = 8M respawn = yes }
          log "/nowhere/x.log" { budget = 1M }
          """)
        _ = try agent.awaitPids(of: "idle")
        try eventually("all that it holds was read") { try agent.worker("idle").number("value_bytes") ?? 0 > 4 << 20 }
        try body(agent)
      }
    }

    @Test func theStatusHoldsTheBoardAndTheAgentItself() throws {
      try withAgent { agent in
        let status = try agent.get("/v1/status").json()
        #expect(status.text("name") == "memwarden" && status.number("pid") == Int(agent.process.pid))
        #expect(status.text("configuration") == agent.configurationPath && status.number("interval_ms") == 100)
        #expect(status.text("boot_id") == text(of: "/proc/sys/kernel/random/boot_id").trimmingCharacters(in: .newlines))
        let total = (kilobytes("MemTotal", in: "/proc/meminfo") ?? 0) * 1024
        #expect(status.object("memory").number("total_bytes") == total)
        #expect(status.object("memory").number("available_bytes") ?? .max <= total)
        #expect(status.object("workers").number("count") == 2 && status.object("logs").number("count") == 1)
        #expect(status["missing_features"] is [String])
        let own = status.object("self")
        #expect(abs((own.number("uss_bytes") ?? 0) - (uss(of: agent.process.pid) ?? 0)) < 512 << 10)
        #expect(abs((own.number("descriptors") ?? 0) - descriptors(of: agent.process.pid)) <= 2)
        for key in ["pss_bytes", "private_dirty_bytes", "cpu_us", "wake_ups", "longest_turn_us", "http_requests"] {
          #expect(own.number(key) ?? 0 > 0, "\(key)")
        }
      }
    }

    @Test func workersAreListedAndShown() throws {
      try withAgent { agent in
        let all = try agent.get("/v1/workers").json().objects("workers")
        #expect(all.map { $0.text("name") } == ["idle", "absent"])
        let absent = all[1]
        #expect(absent.text("state") == "absent" && absent.number("processes") == 0)
        #expect(absent["value_bytes"] is NSNull && absent.text("value_absent") != nil, "null, with a reason")

        let idle = try agent.worker("idle"), pid = try agent.awaitPids(of: "idle")[0]
        #expect(idle.text("metric") == "uss" && idle.text("of") == "each" && idle.text("means") == "run")
        #expect(idle.number("soft_bytes") == 8 << 20 && idle.number("hard_bytes") == 16 << 20)
        #expect(abs((idle.number("value_bytes") ?? 0) - (uss(of: pid) ?? 0)) < 256 << 10)
        #expect((idle.number("value_bytes") ?? 0) + (idle.number("headroom_bytes") ?? 0) == 8 << 20)
        let process = try #require(idle.objects("process_list").first)
        #expect(process.text("comm") == "leaky" && process.number("start_ticks") == Int(statFields(pid)[19]))
        #expect(process.number("rss_bytes") ?? 0 >= process.number("pss_bytes") ?? .max)
        #expect(process.number("pss_bytes") ?? 0 >= process.number("uss_bytes") ?? .max)
      }
    }

    @Test func aWorkerHasAHistoryAndAnExplanation() throws {
      try withAgent { agent in
        let history = try agent.get("/v1/workers/idle/history").json()
        for (span, columns) in [("hour", 2), ("day", 4), ("week", 4)] {
          let points = try #require(history.object(span)["points"] as? [[NSNumber]], "\(span)")
          #expect(!points.isEmpty && points.allSatisfy { $0.count == columns })
          #expect(history.object(span).text("columns")?.split(separator: ",").count == columns)
          #expect(points.allSatisfy { $0[1].intValue > 0 })
          // Lowest, highest, mean.
          if columns == 4, let last = points.last?.map({ $0.intValue }) {
            #expect(last[1] <= last[3] && last[3] <= last[2] && last[2] > 4 << 20)
          }
        }
        let explanation = try agent.get("/v1/workers/idle/explain").json()
        #expect(explanation.text("message")?.contains("left alone") == true)
        #expect(explanation.objects("rules").map { $0.text("rule") } == ["soft", "hard"])
        let soft = explanation.objects("rules")[0]
        #expect((50...60).contains(soft.number("percent") ?? 0) && soft.number("hold_ms") == 30_000)
        #expect(explanation.object("restart_budget").number("count") == 5)
        #expect(explanation.object("last_act").text("event") == "child_started" || explanation["last_act"] is NSNull)
        let absent = try agent.get("/v1/workers/absent/explain").json()
        #expect(absent.text("message")?.contains("no process matches") == true && absent["figure"] is NSNull)
      }
    }

    @Test func eventsArePaged() throws {
      try withAgent { agent in
        for _ in 0..<5 { #expect(try agent.post("/v1/workers/idle/pause").status == 200) }
        let all = try agent.events()
        #expect(all.compactMap { $0.number("id") } == Array(1...all.count))
        for event in all {
          #expect(["seen", "judged", "acted", "failed", "recovered"].contains(event.text("class") ?? ""))
          #expect(event.text("message")?.isEmpty == false && event.number("boot_ms") ?? 0 > 0)
        }
        let page = try agent.get("/v1/events?after=2&limit=3").json()
        #expect(page.objects("events").compactMap { $0.number("id") } == [3, 4, 5])
        #expect(page.number("newest") == all.count && page.number("dropped") == 0)
        let newest = try agent.get("/v1/events?limit=2").json().objects("events")
        #expect(newest.compactMap { $0.number("id") } == [all.count - 1, all.count])
        #expect(try agent.get("/v1/events?after=999").json().objects("events").isEmpty)
      }
    }

    @Test func peopleGetPlainText() throws {
      try withAgent { agent in
        func plain(_ path: String) throws -> Answer {
          try request("GET", path, at: agent.endpoint, headers: ["Accept": "text/plain"])
        }
        for (path, word) in [
          ("/v1/status", "memory"), ("/v1/workers", "idle"), ("/v1/workers/idle", "leaky"),
          ("/v1/workers/idle/history", "idle"), ("/v1/workers/idle/explain", "left alone"),
          ("/v1/logs", "/nowhere/x.log"), ("/v1/events", "watching 2 workers"), ("/healthz", "ok"),
        ] {
          let answer = try plain(path)
          #expect(answer.status == 200 && answer.headers["content-type"]?.hasPrefix("text/plain") == true)
          #expect(answer.text.contains(word) && answer.text.hasSuffix("\n"), "\(path): \(answer.text)")
        }
        let error = try plain("/v1/workers/nobody")
        #expect(error.status == 404 && error.text.hasPrefix("there is no worker nobody"))
        #expect(try agent.get("/healthz").json().text("status") == "ok")
      }
    }

    @Test func theMetricsAreProperPrometheusText() throws {
      try withAgent { agent in
        let answer = try agent.get("/metrics")
        #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(answer.text.hasSuffix("\n"))
        let sample = try Regex(#"^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"\})? (-?[0-9]+(?:\.[0-9]+)?)$"#)
        var helped = "", typed = "", families: Set<String> = [], samples: [String: Double] = [:]
        for line in answer.text.split(separator: "\n").map(String.init) {
          let words = line.split(separator: " ").map(String.init)
          if line.hasPrefix("# HELP ") {
            helped = words[2]
            #expect(families.insert(helped).inserted, "a family stands in one place: \(line)")
            #expect(words.count > 3)
          } else if line.hasPrefix("# TYPE ") {
            typed = words[2]
            #expect(typed == helped && ["gauge", "counter"].contains(words[3]))
            #expect(words[3] == "gauge" || typed.hasSuffix("_total"), "\(line)")
          } else {
            let match = try #require(try sample.wholeMatch(in: line), "\(line)")
            #expect(match.output[1].substring.map(String.init) == typed, "\(line)")
            let name = "\(typed)\(match.output[2].substring ?? "")"
            #expect(samples[name] == nil, "twice: \(line)")
            samples[name] = Double(match.output[3].substring ?? "")
          }
        }
        #expect(samples["memwarden_worker_processes{worker=\"idle\"}"] == 1)
        #expect(samples["memwarden_worker_soft_limit_bytes{worker=\"idle\"}"] == Double(8 << 20))
        #expect(samples["memwarden_worker_value_bytes{worker=\"absent\"}"] == nil, "what is not known is no zero")
        #expect(samples["memwarden_self_wake_ups_total"] ?? 0 > 0)
        #expect(samples.count > 20)
      }
    }
  }
}

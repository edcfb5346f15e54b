// Conditions other than a limit, on real processes: what a worker's triggers read is what the kernel says.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Triggers {
    @Test func aWorkerIsRecycledWhenOneOfItsConditionsIsMet() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "old" { run = {"\(leaky)", "idle", "--size", "2M"} recycle_when = {"age > 2s and threads < 2"} }
          worker "young" { run = {"\(leaky)", "idle", "--size", "2M"} recycle_when = {"age > 1d", "uss > 90%"} }
          """)
        let old = try agent.awaitPids(of: "old")[0], young = try agent.awaitPids(of: "young")
        let due = try agent.awaitEvent("trigger_due", of: "old")
        #expect(due.text("trigger") == "age > 2s and threads < 2" && due.text("fact") == "age")
        #expect((2000...10_000).contains(due.number("value") ?? 0))
        let began = try agent.awaitEvent("recycle_began", of: "old")
        #expect(began.text("reason") == "trigger" && began.number("pid") == Int(old))
        try agent.awaitEvent("recycled", of: "old")
        #expect(try agent.pids(of: "young") == young)
        let triggers = try agent.get("/v1/workers/young/explain").json().objects("triggers")
        #expect(triggers.map { $0.text("state") } == ["quiet", "quiet"])
      }
    }

    @Test func aWorkerThatTakesTheWholeProcessorIsRecycled() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 200ms
          worker "spinner" { run = {"/bin/sh", "-c", "while :; do :; done"} recycle_when = {"cpu > 20% in 3/5"} cooldown = 1h }
          worker "sleeper" { run = {"/bin/sleep", "1000"} recycle_when = {"cpu > 20% in 3/5"} }
          """)
        #expect(try agent.awaitEvent("trigger_due", of: "spinner").number("value") ?? 0 > 2000)
        try agent.awaitEvent("recycled", of: "spinner")
        #expect(try agent.events("recycle_began").allSatisfy { $0.text("worker") == "spinner" })
      }
    }

    /// A server with a client that stays: connections from outside, descriptors that are really open.
    @Test func connectionsAndDescriptorsAreThoseOfTheKernel() throws {
      try withScene { scene in
        let port = try freePort(), log = scene.path("silent.log")
        let server = try scene.startLeaky("silent-server", "--log", log, "--port", "\(port)")
        try eventually("it listens") { (try? Connection(.port(port))) != nil }
        try eventually("it has seen that go") { try String(contentsOfFile: log, encoding: .utf8).utf8.count == 70 }
        try scene.write("\(server.pid)\n", to: "pid")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "server" {
            pidfile = "\(scene.path("pid"))" respawn = yes observe = yes
            recycle_when = {"connections > 0", "descriptors > \(descriptors(of: server.pid))", "cpu > 99% for 1h"}
          }
          """)
        try eventually("it is watched") { try agent.pids(of: "server") == [server.pid] }
        func states() throws -> [String?] {
          try agent.get("/v1/workers/server/explain").json().objects("triggers").map { $0.text("state") }
        }
        try eventually("two of three are known and quiet") { try states().prefix(2) == ["quiet", "quiet"] }
        var client: Connection? = try Connection(.port(port))
        try eventually("a connection is one more descriptor") { try states().prefix(2) == ["due", "due"] }
        try agent.awaitEvent("would_recycle", of: "server")
        withExtendedLifetime(client) {}
        client = nil
        // The descriptor is above the clear line still: 85 % of the bound.
        try eventually("it is gone") { try states().prefix(2) == ["quiet", "due"] }
      }
    }

    @Test func whatIsDueWaitsForItsHourAndAHardLimitDoesNot() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "busy" { run = {"\(leaky)", "idle", "--size", "8M"} soft = 4M hold = 0s only_when = "threads > 90" }
          worker "young" { run = {"\(leaky)", "idle", "--size", "8M"} soft = 4M hold = 0s minimum_life = 1h }
          worker "hard" { run = {"\(leaky)", "idle", "--size", "8M"} hard = 4M minimum_life = 1h only_when = "threads > 90"
            cooldown = 1h }
          worker "late" { run = {"\(leaky)", "idle", "--size", "8M"} soft = 4M hold = 0s only_when = "threads > 90"
            postpone = 1s cooldown = 1h }
          """)
        #expect(try agent.awaitEvent("blocked", of: "busy").text("obstacle") == "busy")
        #expect(try agent.awaitEvent("blocked", of: "young").text("obstacle") == "young")
        try agent.awaitEvent("recycled", of: "hard")
        let blocked = try agent.awaitEvent("blocked", of: "late")
        let began = try agent.awaitEvent("recycle_began", of: "late")
        #expect((began.number("boot_ms") ?? 0) - (blocked.number("boot_ms") ?? 0) >= 900)
        try always(for: 0.5, "the others wait") {
          try agent.events("recycle_began").allSatisfy { $0.text("worker") != "busy" && $0.text("worker") != "young" }
        }
      }
    }

    @Test func aConditionThatIsWrongIsToldWithItsPlace() throws {
      try withScene { scene in
        try scene.write(
          "worker \"w\" {\n  comm = \"x\"\n  recycle_when = {\"age > 7d\", \"uss > 24Q\"}\n}\n", to: "wrong.conf")
        let check = try scene.start(try builtProgram("memwarden"), ["check", "-c", scene.path("wrong.conf")])
        #expect(try check.waitForExit() != 0)
        #expect(check.output.contains("wrong.conf:3: worker \"w\": recycle_when: expected a size such as 24M"))
      }
    }
  }
}

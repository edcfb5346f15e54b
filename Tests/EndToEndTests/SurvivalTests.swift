// memwarden is killed, stopped and started again: its workers go on, each once, and nothing is forgotten. With the
// Embedded binary. SURVIVAL_KILLS=200 and SURVIVAL_SEED=… make the long run and an old one.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Survival {
    /// Ends by a signal, and starts again on the same configuration.
    private func restart(_ agent: Agent, _ scene: Scene, by signal: CInt = SIGKILL) throws {
      _ = try agent.process.stop(by: signal)
      try agent.startAgain()
    }

    @Test(arguments: [SIGKILL, SIGTERM])
    func itsWorkersGoOnAndAreTakenOver(by signal: CInt) throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "own" {
            run = {"/bin/sh", "-c", "trap 'echo stopped; exit' TERM; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.05; done"}
            output = ring backoff = 100ms
          }
          worker "plain" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "1M"} backoff = 100ms }
          """)
        _ = try agent.awaitPids(of: "plain")
        let own = try agent.awaitEvent("child_started", of: "own").number("pid") ?? 0
        let plain = try agent.awaitEvent("child_started", of: "plain").number("pid") ?? 0
        func newest() throws -> String {
          (try agent.get("/v1/workers/own/output?lines=1").json()["lines"] as? [String])?.last ?? ""
        }
        try eventually("it is heard") { try newest().hasPrefix("line") }
        for _ in 1...2 {
          let before = try newest()
          try restart(agent, scene, by: signal)
          #expect(try agent.awaitEvent("child_adopted", of: "own").number("pid") == own)
          #expect(try agent.awaitEvent("child_adopted", of: "plain").number("pid") == plain)
          try eventually("it is heard again") {
            let line = try newest()
            return line.hasPrefix("line") && line != before
          }
          #expect(try agent.events("child_started").isEmpty)
          #expect(try agent.worker("plain").number("processes") == 1)
        }
        // What is not our child any more ends: that is noticed at once, and how is not known.
        kill(pid_t(plain), SIGKILL)
        let ended = try agent.awaitEvent("child_ended", of: "plain")
        #expect(ended.number("pid") == plain && ended.text("cause") == "unknown" && ended["exit_code"] is NSNull)
        try agent.awaitEvent("child_started", of: "plain")
        // It is recycled like any other.
        #expect(try agent.post("/v1/workers/own/recycle").status == 202)
        #expect(try agent.awaitEvent("recycled", of: "own").number("old_pid") == own)
        #expect(!isAlive(pid_t(own)))
        #expect(try agent.process.stop(by: SIGINT) == 0)
        #expect(
          !allProcesses().contains { text(of: "/proc/\($0)/cmdline").contains("idle\0--size\01M") && isAlive($0) })
      }
    }

    @Test func whatEndedMeanwhileIsToldAndStartedOnceMoreAndParkingStays() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "crasher" { run = {"\(leaky)", "crash", "--after", "50ms"} backoff = 100ms budget = 2/1h }
          worker "mortal" { run = {"\(leaky)", "idle", "--size", "1M"} backoff = 100ms }
          worker "paused" { run = {"\(leaky)", "idle", "--size", "2M"} }
          """)
        try agent.awaitEvent("parked", of: "crasher")
        let crash = try #require(try agent.events("child_ended", of: "crasher").first)
        #expect(crash.text("cause") == "crashed" && crash.number("signal") == Int(SIGABRT))
        #expect(try agent.post("/v1/workers/paused/pause").status == 200)
        let mortal = pid_t(try agent.awaitEvent("child_started", of: "mortal").number("pid") ?? 0)
        kill(mortal, SIGUSR1)
        #expect(try agent.awaitEvent("child_ended", of: "mortal").text("cause") == "operator")
        let second = pid_t(try agent.awaitEvent("child_started", of: "mortal", count: 2).number("pid") ?? 0)

        agent.process.kill()
        kill(second, SIGKILL)
        try eventually("it ends") { !isAlive(second) }
        try agent.startAgain()
        #expect(try agent.awaitEvent("child_ended", of: "mortal").number("pid") == Int(second))
        let third = try agent.awaitEvent("child_started", of: "mortal").number("pid")
        try always(for: 1, "one of it") {
          try agent.pids(of: "mortal") == [pid_t(third ?? 0)] && agent.events("child_started", of: "mortal").count == 1
        }
        #expect(try agent.worker("crasher").text("state") == "parked")
        #expect(try agent.worker("crasher").number("crashes") == 3)
        #expect(try agent.events("child_started", of: "crasher").isEmpty)
        #expect(try agent.worker("paused").text("state") == "paused")
        #expect(try agent.worker("mortal").number("restarts_in_window") == 2, "one before, one after")
        #expect(try agent.post("/v1/workers/crasher/unpark").status == 200)
        try restart(agent, scene)
        try agent.awaitEvent("parked", of: "crasher")
      }
    }

    @Test func aWorkerThatWasTakenOutMeanwhileIsStopped() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "gone" { run = {"/bin/sh", "-c", "\(leaky) stubborn & exec \(leaky) stubborn"} grace = 500ms output = ring }
          worker "stays" { run = {"\(leaky)", "idle", "--size", "1M"} }
          """)
        let gone = try agent.awaitPids(of: "gone", count: 2), stays = try agent.awaitPids(of: "stays")
        agent.process.kill()
        try agent.rewrite(
          "interval = 100ms\nworker \"stays\" { run = {\"\(leaky)\", \"idle\", \"--size\", \"1M\"} }")
        try agent.startAgain()
        // Killed once more while it is seen off.
        try restart(agent, scene)
        try eventually("all of it is killed when its grace period is over") { !gone.contains(where: isAlive) }
        #expect(try agent.pids(of: "stays") == stays)
      }
    }

    /// As it is for some microseconds only: the start is announced, the child is there, and nothing is saved of it yet.
    @Test(arguments: [true, false]) func aStartThatWasNotToldAnyMoreIsFoundByItsRecordOrMade(wasMade: Bool) throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "interval = 100ms\nworker \"w\" { run = {\"\(try builtProgram("leaky"))\", \"idle\", \"--size\", \"1M\"} }")
        let pid = try agent.awaitEvent("child_started").number("pid") ?? 0
        agent.process.kill()
        let start = text(of: scene.path("run/state.workers.start"))
        let number = try #require(UInt64(start.prefix { $0 != " " }))
        #expect(start.hasPrefix("\(number) \(pid) ("))
        var lines = text(of: scene.path("run/state.workers")).split(separator: "\n").map(String.init)
        let i = try #require(lines.firstIndex { $0.hasPrefix("worker ") })
        var fields = lines[i].split(separator: " ").map(String.init)
        #expect(fields[2] == "\(pid)")
        (fields[2], fields[3], fields[5]) = ("0", "0", "\(wasMade ? number : number + 1)")
        lines[i] = fields.joined(separator: " ")
        var body = lines.dropLast().joined(separator: "\n") + "\n", sum: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in body.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
        body += "sum \(sum)\n"
        if !wasMade { kill(pid_t(pid), SIGKILL) }
        try scene.write(body, to: "run/state.workers")
        chmod(scene.path("run/state.workers"), 0o600)
        try agent.startAgain()
        if wasMade {
          #expect(try agent.awaitEvent("child_adopted").number("pid") == pid)
        } else {
          try agent.awaitEvent("child_started")
        }
        #expect(try agent.events("state_unusable").isEmpty)
        try always(for: 0.5, "one of it, started once at most") {
          try agent.events("child_started").count == (wasMade ? 0 : 1) && agent.worker("w").number("crashes") == 0
        }
      }
    }

    @Test func aStateThatIsNotWholeIsToldAndPutAside() throws {
      try withScene { scene in
        let worker =
          "interval = 100ms\nworker \"w\" { run = {\"\(try builtProgram("leaky"))\", \"idle\", \"--size\", \"1M\"} }"
        let agent = try scene.startAgent(worker)
        try agent.awaitEvent("child_started")
        agent.process.kill()
        let file = scene.path("run/state.workers"), whole = text(of: file)
        #expect(whole.hasPrefix("memwarden workers 1 "))
        try scene.write(String(whole.prefix(whole.count / 2)), to: "run/state.workers")
        try agent.startAgain()
        #expect(try agent.awaitEvent("state_unusable").text("message")?.contains("not whole") == true)
        try agent.awaitEvent("child_started")
        #expect(text(of: file + ".ignored") == String(whole.prefix(whole.count / 2)))
        agent.process.kill()
        chmod(file, 0o666)
        try agent.startAgain()
        #expect(try agent.awaitEvent("state_unusable").text("message")?.contains("written by them") == true)
      }
    }

    @Test func twoMemwardensDoNotShareAState() throws {
      try withScene { scene in
        let first = try scene.startAgent(
          "interval = 100ms\nworker \"w\" { run = {\"\(try builtProgram("leaky"))\", \"idle\", \"--size\", \"1M\"} }")
        let pid = try first.awaitPids(of: "w")
        let other = scene.path("other.sock")
        let second = try scene.startAgent("interval = 100ms", socket: other)
        #expect(try second.awaitEvent("state_unusable").text("message")?.contains("another memwarden") == true)
        #expect(try second.stop() == 0)
        #expect(try first.pids(of: "w") == pid)
      }
    }

    @Test func nothingIsWrittenWhileNothingHappens() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "interval = 100ms\nworker \"w\" { run = {\"\(try builtProgram("leaky"))\", \"idle\", \"--size\", \"1M\"} soft = 64M }"
        )
        _ = try agent.awaitPids(of: "w")
        func written() throws -> Int? { try agent.get("/v1/status").json().object("self").number("written_bytes") }
        let before = try written(),
          inode = try FileManager.default.attributesOfItem(atPath: scene.path("run/state.workers"))
        usleep(1_500_000)
        let after = try FileManager.default.attributesOfItem(atPath: scene.path("run/state.workers"))
        #expect(try written() == before)
        #expect(inode[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
        // And a board on which nothing is to be remembered has no such file.
        try agent.rewrite("interval = 100ms")
        #expect(try agent.post("/v1/reload").status == 200)
        try eventually("it is removed") { access(scene.path("run/state.workers"), F_OK) != 0 }
      }
    }
  }
}

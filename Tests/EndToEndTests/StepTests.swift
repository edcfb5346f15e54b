// The steps before a recycle: the first that is enough ends the list, and no worker is restarted for what less would do.
import Foundation
import Testing

private let megabyte = 1 << 20

extension EndToEnd {
  @Suite(.enabled(if: geteuid() == 0, "reading and signalling other processes needs root")) struct Steps {
    /// An agent with one worker "w" of these steps; `run` as argv.
    private func agent(
      _ scene: Scene, run: [String], steps: String, keys: String, others: String = ""
    ) throws -> Agent {
      let words = run.map { "\"\($0)\"" }.joined(separator: ", ")
      return try scene.startAgent(
        """
        interval = 100ms
        worker "w" { run = {\(words)} steps = {\(steps)} \(keys) }
        \(others)
        """)
    }

    /// The one step was enough: the same process goes on, below its limit.
    private func expectEnough(_ agent: Agent, _ step: String, limit: Int, pid: pid_t) throws {
      let event = try agent.awaitEvent("step", of: "w")
      #expect(event.text("step") == step && event["enough"] as? Bool == true, "\(event)")
      #expect(event.number("before") ?? 0 > limit && event.number("after") ?? .max < limit, "\(event)")
      #expect(event.number("took_ms") != nil && event["trouble"] == nil)
      try always(for: 1, "it goes on") { try agent.pids(of: "w") == [pid] }
      #expect(try agent.events("recycle_began").isEmpty)
      #expect(try agent.worker("w").number("recycles") == 0)
    }

    @Test func aRetainedHeapIsTrimmedAndNotRecycled() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let library = leaky.replacingOccurrences(of: "/leaky", with: "/libmemwarden-trim.so", options: .backwards)
        let agent = try agent(
          scene, run: ["/usr/bin/env", "LD_PRELOAD=\(library)", leaky, "crumbs"], steps: "trim, recycle",
          keys: "soft = 40M hold = 3s")
        try expectEnough(agent, "trim", limit: 40 * megabyte, pid: try agent.awaitPids(of: "w")[0])
        #expect(try agent.events("trimmed", of: "w").count == 1)
        // Below its limit it is not acted upon again.
        #expect(try agent.events("step").count == 1)
      }
    }

    @Test func aSignalThatFreesIsEnough() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "shed", "--size", "30M"], steps: "\"signal USR1\", recycle",
          keys: "soft = 16M hold = 2s")
        try expectEnough(agent, "signal USR1", limit: 16 * megabyte, pid: try agent.awaitPids(of: "w")[0])
      }
    }

    @Test func aHookThatFreesIsEnough() throws {
      try withScene { scene in
        let pidfile = scene.path("pid"), leaky = try builtProgram("leaky")
        try scene.write("test \"$1\" = now && kill -USR1 $(cat \(pidfile)) && sleep 0.3\n", to: "hook")
        let agent = try agent(
          scene, run: ["/bin/sh", "-c", "echo $$ > \(pidfile); exec \(leaky) shed --size 30M"],
          steps: "\"hook /bin/sh \(scene.path("hook")) now\", recycle", keys: "soft = 16M hold = 2s")
        try eventually("it runs") { FileManager.default.fileExists(atPath: pidfile) }
        try expectEnough(
          agent, "hook /bin/sh \(scene.path("hook")) now", limit: 16 * megabyte, pid: try agent.awaitPids(of: "w")[0])
      }
    }

    /// A file is a process's memory only where it is mapped, as journals are.
    @Test(.enabled(if: mayMount, "needs the right to mount")) func aCutOfAMappedLogIsEnough() throws {
      try withScene { scene in
        let log = try scene.mount("tmpfs", "size=64m,mode=755") + "/mapped.log"
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "map-log", "--file", log, "--size", "30M"], steps: "cut, recycle",
          keys: "soft = 16M hold = 2s", others: "log \"\(log)\" { budget = 60M keep = 1M }")
        try expectEnough(agent, "cut", limit: 16 * megabyte, pid: try agent.awaitPids(of: "w")[0])
        #expect(allocatedBytes(log) ?? .max < 4 * megabyte)
      }
    }

    @Test func whatIsNotEnoughIsToldAndTheRecycleFollows() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "leak", "--rate", "30M", "--max", "24M"],
          steps: "cut, trim, \"signal USR2\", \"hook /bin/sleep 1000\", \"hook /bin/false\", recycle",
          keys: "step_timeout = 300ms soft = 16M hold = 1s cooldown = 1h")
        let old = try agent.awaitPids(of: "w")[0]
        try agent.awaitEvent("recycled", of: "w")
        let steps = try agent.events("step", of: "w")
        #expect(
          steps.map { $0.text("step") } == ["cut", "trim", "signal USR2", "hook /bin/sleep 1000", "hook /bin/false"])
        let troubles = [
          "no watched log", "libmemwarden-trim.so is not preloaded", "does not catch", "was killed", "exit code",
        ]
        for (step, trouble) in zip(steps, troubles) {
          #expect(step["enough"] as? Bool == false && step.text("class") == "failed", "\(step)")
          #expect(step.text("trouble")?.contains(trouble) == true, "\(step)")
        }
        #expect(steps.last?.number("code") == 1)
        #expect(
          !allProcesses().contains {
            text(of: "/proc/\($0)/cmdline") == "/bin/sleep\u{0}1000\u{0}" && isMine($0, scene)
          })
        #expect(!isAlive(old))
      }
    }
    private func isMine(_ pid: pid_t, _ scene: Scene) -> Bool {
      text(of: "/proc/\(pid)/environ").contains("MEMWARDEN_SCENE=\(scene.directory)")
    }

    @Test func aHardLimitDoesNotWaitForSteps() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "leak", "--rate", "12M", "--max", "60M"],
          steps: "\"hook /bin/sleep 1000\"", keys: "step_timeout = 1h soft = 8M hard = 24M hold = 0s cooldown = 1h")
        try agent.awaitEvent("recycled", of: "w")
        #expect(try agent.events("recycle_began").map { $0.text("reason") } == ["hard_limit"])
        #expect(try agent.events("step").first?.text("trouble") == "it was broken off")
      }
    }

    @Test func stepsThatBringNothingAreLeftOutAfterTheSecondTime() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "idle", "--size", "16M"], steps: "trim, \"hook /bin/true\"",
          keys: "soft = 8M hold = 0s cooldown = 200ms")
        let old = try agent.awaitPids(of: "w")
        let blocked = try agent.awaitEvent("blocked", of: "w")
        #expect(blocked.text("obstacle") == "cooling_down" || blocked.text("obstacle") == "steps_spent")
        try eventually("no step is left") {
          try agent.events("blocked").contains { $0.text("obstacle") == "steps_spent" }
        }
        #expect(try agent.events("step").count == 4)
        try always(for: 1, "that was all") { try agent.events("step").count == 4 && agent.pids(of: "w") == old }
        // Also for the next memwarden.
        #expect(try agent.stop() == 0)
        try agent.startAgain()
        try eventually("no step is left") {
          try agent.events("blocked").contains { $0.text("obstacle") == "steps_spent" }
        }
        #expect(try agent.events("step").isEmpty && agent.pids(of: "w") == old)
      }
    }

    @Test func whatIsOnlyObservedIsToldWithItsSteps() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "idle", "--size", "16M"], steps: "trim, recycle",
          keys: "soft = 8M hold = 0s observe = yes")
        #expect(try agent.awaitEvent("would_recycle", of: "w").text("steps") == "trim, recycle")
        #expect(try agent.worker("w").text("steps") == "trim, recycle")
        #expect(try agent.events("step").isEmpty)
      }
    }

    @Test func aRecycleThatDoesNotHelpIsTriedTwiceThenToldAndNotRepeated() throws {
      try withScene { scene in
        let agent = try agent(
          scene, run: [try builtProgram("leaky"), "idle", "--size", "16M"], steps: "recycle",
          keys: "soft = 8M hold = 0s cooldown = 500ms budget = 32/1h health_after = 200ms")
        func expectLatched() throws {
          let worker = try agent.worker("w")
          #expect(worker.text("state") == "parked" && worker.text("parked_for") == "remedy_useless")
        }
        let useless = try agent.awaitEvent("remedy_useless", of: "w")
        #expect(useless.number("useless") == 2 && useless.number("back_after_ms") != nil)
        #expect(useless.number("freed_bytes") ?? .max < megabyte)
        try expectLatched()
        try always(for: 1.5, "twice and no more") { try agent.events("recycle_began").count == 2 }
        let explanation = try agent.get("/v1/workers/w/explain").json()
        #expect(explanation.object("remedy").number("useless") == 2)
        // The next memwarden knows.
        #expect(try agent.stop() == 0)
        try agent.startAgain()
        try expectLatched()
        try always(for: 1, "not by the next one either") { try agent.events("recycle_began").isEmpty }
        // A person says: try again.
        #expect(try agent.post("/v1/workers/w/resume").status == 200)
        try agent.awaitEvent("remedy_useless", of: "w")
        #expect(try agent.events("recycle_began").count == 2)
      }
    }
  }
}

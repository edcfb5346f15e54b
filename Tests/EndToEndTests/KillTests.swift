// memwarden is killed, stopped and reloaded at random instants while it recycles and cuts without pause. SURVIVAL_KILLS=200 makes the long run,
// SURVIVAL_SEED=… repeats an old one.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct Kills {
    private static let environment = ProcessInfo.processInfo.environment
    private let kills = environment["SURVIVAL_KILLS"].flatMap { Int($0) } ?? 30
    private let seed = environment["SURVIVAL_SEED"].flatMap { UInt64($0) } ?? UInt64(time(nil))

    /// Three workers that are recycled about once a second: one stops when it is asked, one has to be killed, one has a
    /// restart command. Each start is a line with its pid in the worker's own log.
    private func settings(_ scene: Scene, log: String, healthAfter: Int = 100) throws -> String {
      let leaky = try builtProgram("leaky")
      let rules = "soft = 12M hold = 0s cooldown = 0s backoff = 100ms backoff_max = 200ms budget = 32/1s"
      try scene.write(
        """
        #!/bin/sh
        kill $(cat \(scene.path("pid")))
        while kill -0 $(cat \(scene.path("pid"))); do sleep 0.02; done 2>/dev/null
        \(leaky) daemonize --pidfile \(scene.path("pid")) leak --rate 21M --max 40M
        cat \(scene.path("pid")) >> \(scene.path("starts-command"))
        """, to: "restart")
      func own(_ name: String, _ misbehaviour: String, _ keys: String) -> String {
        """
        worker "\(name)" {
          run = {"/bin/sh", "-c", "echo $$ >> \(scene.path("starts-\(name)")); exec \(leaky) \(misbehaviour)"}
          \(rules) health_after = \(healthAfter)ms \(keys)
        }

        """
      }
      return """
        interval = 100ms
        journal { file = "\(scene.path("journal"))" budget = 64M events = 4096 }
        \(own("asked", "leak --rate 30M --max 60M", "output = ring"))
        \(own("killed", "stubborn --rate 20M --max 60M", "grace = 200ms"))
        worker "command" {
          cmdline = "leak --rate 21M" restart = {"/bin/sh", "\(scene.path("restart"))"} \(rules) health_after = 100ms
        }
        log "\(log)" { budget = 256K }
        """
    }

    private func starts(_ worker: String, _ scene: Scene) -> [Int] {
      text(of: scene.path("starts-\(worker)")).split(separator: "\n").compactMap { Int($0) }
    }
    private func journal(_ scene: Scene) throws -> [JSONObject] {
      try text(of: scene.path("journal")).split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? JSONObject, "\(line)")
      }
    }

    @Test func noWorkerIsLostOrRecycledTwiceAndNoAcknowledgedEventIsLost() throws {
      print("survival: \(kills) kills, SURVIVAL_SEED=\(seed)")
      var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      func random(_ n: UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state % n
      }
      try withScene { scene in
        let log = try scene.mount("tmpfs") + "/flood.log"
        let flooder = try scene.startLeaky("flood", "--file", log, "--rate", "2M")
        let first = try scene.startLeaky(
          "daemonize", "--pidfile", scene.path("pid"), "leak", "--rate", "21M", "--max", "40M")
        #expect(try first.waitForExit() == 0)
        try scene.write(text(of: scene.path("pid")), to: "starts-command")
        let agent = try scene.startAgent(try settings(scene, log: log))
        var acknowledged = Set<String>()
        for _ in 0..<kills {
          let isToBeAsked = random(3) == 0
          usleep(UInt32(random(isToBeAsked ? 600_000 : 900_000)))
          if isToBeAsked {
            for event in (try? agent.events()) ?? [] { acknowledged.insert(key(event)) }
            usleep(UInt32(random(50_000)))
          }
          // Mostly killed; now and then stopped as for an upgrade, or given other settings at any instant.
          switch random(8) {
          case 0: _ = try agent.process.stop()
          case 1, 2:
            try agent.rewrite(try settings(scene, log: log, healthAfter: 100 + Int(random(20))))
            agent.process.signal(SIGHUP)
            usleep(UInt32(random(100_000)))
            agent.process.kill()
          default: agent.process.kill()
          }
          for worker in ["asked", "killed", "command"] {
            let alive = starts(worker, scene).filter { isAlive(pid_t($0)) }
            // One that is on its way out beside its successor would have been double at the kill already.
            #expect(alive.count <= 1, "\(worker): \(alive)")
          }
          try agent.startUnawaited()
        }
        try agent.awaitAnswer()
        for worker in ["asked", "killed", "command"] {
          try agent.awaitEvent("recycled", of: worker, count: 2)
          #expect(try agent.post("/v1/workers/\(worker)/pause").status == 200)
        }
        try eventually("nothing is under way") {
          try ["asked", "killed", "command"].allSatisfy { try agent.worker($0).text("phase") != "acting" }
        }
        #expect(flooder.isRunning && (allocatedBytes(log) ?? .max) < 512 << 10)
        for event in try agent.events() { acknowledged.insert(key(event)) }
        #expect(try agent.stop() == 0)

        let journal = try journal(scene)
        #expect(acknowledged.subtracting(journal.map(key)).isEmpty, "every event that was answered is in the file")
        for worker in ["asked", "killed", "command"] {
          let pids = starts(worker, scene)
          #expect(Set(pids).count == pids.count)
          #expect(pids.filter { isAlive(pid_t($0)) } == [pids.last], "\(worker): one process, the newest")
          func events(_ name: String) -> [JSONObject] {
            journal.filter { $0.text("worker") == worker && $0.text("event") == name }
          }
          // Each life follows the one before it by one recycle, of which one event may be missing per kill.
          let steps = zip(pids, pids.dropFirst()).map { "\($0) to \($1)" }
          let told = events("recycled").map { "\($0.number("old_pid") ?? 0) to \($0.number("new_pid") ?? 0)" }
          #expect(Set(told).count == told.count, "\(worker): none is told twice")
          #expect(Set(told).isSubset(of: steps), "\(worker): \(told.filter { !steps.contains($0) }) of \(steps)")
          #expect(steps.count - told.count <= kills)
          for name in ["child_ended", "recycle_failed", "parked", "child_not_started"] {
            #expect(events(name).isEmpty, "\(worker): \(events(name))")
          }
          #expect(events("child_started").count <= 1)
          print(
            "survival: \(worker): \(steps.count) recycles, \(told.count) told, \(events("recycle_resumed").count) gone on with"
          )
        }
      }
    }

    private func key(_ event: JSONObject) -> String {
      "\(event.number("id") ?? 0) \(event.number("boot_ms") ?? 0) \(event.text("event") ?? "")"
    }
  }
}

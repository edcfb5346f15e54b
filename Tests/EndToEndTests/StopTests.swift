// How a worker is stopped: asked first, killed after its grace period and not before, with all it started.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Stop {
    @Test func aWorkerThatIgnoresSIGTERMIsKilledAfterItsGracePeriodWithItsChildren() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        // One child in its process group, one that left it; both ignore SIGTERM as well.
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "stubborn" {
            run = {"/bin/sh", "-c",
              "\(leaky) stubborn & setsid \(leaky) stubborn & exec \(leaky) stubborn --rate 20M --start 2M --max 40M"}
            soft = 12M hold = 100ms grace = 1500ms cooldown = 1h
          }
          """)
        try agent.awaitEvent("child_started", of: "stubborn")
        let old = pid_t(try agent.events("child_started")[0].number("pid") ?? 0)
        try eventually("its two children") { children(of: old).count == 2 }
        let started = children(of: old)

        let began = try agent.awaitEvent("recycle_began", of: "stubborn")
        let beganAt = try #require(began.number("boot_ms"))
        var diedAt = 0
        try eventually("it is killed") {
          if isAlive(old) { return false }
          diedAt = bootMilliseconds()
          return true
        }
        #expect(diedAt - beganAt >= 1500, "not before its grace period is over")
        #expect(diedAt - beganAt <= 1500 + 3000, "but then")
        let killed = try agent.awaitEvent("killed_after_grace", of: "stubborn")
        #expect(killed.number("pid") == Int(old) && killed.number("grace_ms") == 1500)
        let recycled = try agent.awaitEvent("recycled", of: "stubborn")
        #expect(recycled["killed"] as? Bool == true)
        #expect(!started.contains(where: isAlive), "its children are gone with it")
        #expect(try agent.worker("stubborn").number("kills") == 1)
      }
    }

    @Test func theConfiguredStopSignalIsTheOneThatIsSent() throws {
      try withScene { scene in
        let script = try scene.write(
          """
          trap 'echo > \(scene.path("usr1")); exit' USR1
          trap '' TERM
          echo > \(scene.path("ready"))
          while :; do sleep 0.1; done
          """, to: "script")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "usr1" {
            run = {"/bin/sh", "\(script)"}
            stop_signal = USR1 grace = 5s
          }
          """)
        try eventually("its traps are set") { access(scene.path("ready"), F_OK) == 0 }
        #expect(try agent.post("/v1/workers/usr1/recycle").status == 202)
        let recycled = try agent.awaitEvent("recycled", of: "usr1")
        #expect(recycled["killed"] as? Bool == false)
        #expect(access(scene.path("usr1"), F_OK) == 0)
      }
    }

    @Test func anInterruptEndsMemwardenWithItsChildrenAndNobodyElse() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let other = try scene.startLeaky("idle", "--size", "17M")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "mine" { run = {"/bin/sh", "-c", "\(leaky) stubborn & exec \(leaky) idle --size 1M"} }
          worker "stubborn" { run = {"\(leaky)", "stubborn"} grace = 1s }
          worker "theirs" { cmdline = "idle --size 17M" respawn = yes soft = 64M }
          """)
        var mine: [pid_t] = []
        try eventually("all of them run") {
          mine = try agent.pids(of: "mine") + agent.pids(of: "stubborn")
          return mine.count == 3
        }
        _ = try agent.awaitPids(of: "theirs")
        let start = ContinuousClock.now
        #expect(try agent.process.stop(by: SIGINT) == 0)
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(!mine.contains(where: isAlive))
        #expect(other.isRunning)
        #expect(access(agent.socketPath, F_OK) != 0, "the socket is removed")
        #expect(agent.process.output.contains("stopping"))
      }
    }
  }
}

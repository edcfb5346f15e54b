// Workers that somebody else runs: recycled through a restart command, or by stopping one that its parent replaces.
// What a command that fails or hangs leads to.
import Foundation
import Testing

private let megabyte = 1 << 20

extension EndToEnd {
  @Suite struct RestartCommand {
    /// A leaking daemon that left its parent, and the script that restarts it by its pidfile; the script notes each run.
    private struct Daemon {
      let pidfile: String
      let script: String
      var pid: pid_t { pid_t(text(of: pidfile).trimmingCharacters(in: .newlines)) ?? 0 }

      init(in scene: Scene, rate: String) throws {
        pidfile = scene.path("daemon.pid")
        let leaky = try builtProgram("leaky")
        let start = ["daemonize", "--pidfile", pidfile, "leak", "--rate", rate, "--start", "2M", "--max", "24M"]
        script = try scene.write(
          """
          pid=$(cat \(pidfile))
          kill $pid
          while kill -0 $pid 2>/dev/null; do sleep 0.02; done
          exec \(leaky) \(start.joined(separator: " "))
          """, to: "restart.sh")
        #expect(try scene.start(leaky, start).waitForExit() == 0)
      }
    }

    @Test func aDaemonIsRecycledByItsRestartCommand() throws {
      try withScene { scene in
        let daemon = try Daemon(in: scene, rate: "8M")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "daemon" {
            pidfile = "\(daemon.pidfile)"
            restart = {"/bin/sh", "\(daemon.script)"}
            soft = 12M hold = 200ms cooldown = 1h
          }
          """)
        let old = daemon.pid
        #expect(try agent.awaitPids(of: "daemon") == [old])
        let recycled = try agent.awaitEvent("recycled", of: "daemon")
        let new = daemon.pid
        #expect(new != old && !isAlive(old) && isAlive(new))
        #expect(recycled.number("new_pid") == Int(new))
        #expect(recycled.number("freed_bytes") ?? 0 > 4 * megabyte)
        #expect(try agent.awaitPids(of: "daemon") == [new])
      }
    }

    @Test func aCommandThatFailsBacksOffAndThenParksUntilSomebodyUnparks() throws {
      try withScene { scene in
        let daemon = try Daemon(in: scene, rate: "0")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "daemon" {
            pidfile = "\(daemon.pidfile)"
            restart = {"/bin/sh", "-c", "exit 7"}
            soft = 1M hold = 0s backoff = 200ms backoff_max = 10s budget = 3/1h
          }
          """)
        let pid = daemon.pid
        let parked = try agent.awaitEvent("parked", of: "daemon")
        #expect(parked.number("restarts") == 3)
        let failures = try agent.events("recycle_failed")
        #expect(failures.map { $0.number("backoff_ms") } == [200, 400, 800])
        #expect(failures.allSatisfy { $0.number("code") == 7 && $0.text("class") == "failed" })
        let begins = try agent.events("recycle_began").compactMap { $0.number("boot_ms") }
        #expect(begins.count == 3)
        for (i, failure) in failures.dropLast().enumerated() {
          #expect(begins[i + 1] - (failure.number("boot_ms") ?? 0) >= failure.number("backoff_ms") ?? 0)
        }
        #expect(try agent.worker("daemon").text("state") == "parked")
        #expect(isAlive(pid), "nothing but the command may end it")
        try always(for: 0.5, "it stays parked") { try agent.events("recycle_began").count == 3 }

        #expect(try agent.post("/v1/workers/daemon/unpark").status == 200)
        try agent.awaitEvent("unparked", of: "daemon")
        try agent.awaitEvent("recycle_failed", of: "daemon", count: 4)
        #expect(try agent.events("recycle_failed")[3].number("backoff_ms") == 200)
      }
    }

    @Test func aCommandThatHangsIsKilledWithAllItStarted() throws {
      try withScene { scene in
        let daemon = try Daemon(in: scene, rate: "0")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "daemon" {
            pidfile = "\(daemon.pidfile)"
            restart = {"/bin/sh", "-c", "sleep 601 & sleep 602"}
            soft = 1M hold = 0s backoff = 1h backoff_max = 1h start_timeout = 1s
          }
          """)
        let pid = daemon.pid
        let began = try agent.awaitEvent("recycle_began", of: "daemon")
        var command: [pid_t] = []
        try eventually("the command runs") {
          let shells = children(of: agent.process.pid)
          command = shells + shells.flatMap { children(of: $0) }
          return command.count == 3
        }
        let failed = try agent.awaitEvent("recycle_failed", of: "daemon")
        let took = (failed.number("boot_ms") ?? 0) - (began.number("boot_ms") ?? 0)
        #expect((1000...5000).contains(took))
        #expect(failed.text("message")?.contains("start_timeout") == true)
        try eventually("nothing of the command is left") { !command.contains(where: isAlive) }
        try eventually("nor a zombie of it") { children(of: agent.process.pid).isEmpty }
        #expect(isAlive(pid))
        #expect(try agent.worker("daemon").text("state") == "backing_off")
      }
    }

    @Test func aCommandThatCannotBeStartedIsAFailureAndNoMore() throws {
      try withScene { scene in
        let daemon = try Daemon(in: scene, rate: "0")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "daemon" {
            pidfile = "\(daemon.pidfile)" restart = {"/nowhere/restart"}
            soft = 1M hold = 0s backoff = 1h backoff_max = 1h
          }
          """)
        #expect(try agent.awaitEvent("recycle_failed", of: "daemon").number("code") == Int(ENOENT))
        #expect(isAlive(daemon.pid))
      }
    }
  }

  @Suite struct Respawn {
    @Test func onlyTheWorkerOverItsLimitIsStoppedAndItsMasterReplacesIt() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "prefork" { parent = "leaky" cmdline = "fork 2 --rate 4M" respawn = yes soft = 16M hold = 200ms }
          """)
        let master = try scene.startLeaky("fork", "2", "--rate", "4M")
        let first = try agent.awaitPids(of: "prefork", count: 2).sorted()
        #expect(first == children(of: master.pid).sorted())
        // One of them becomes younger than the other.
        try eventually("they grew") { uss(of: first[1]) ?? 0 > 8 * megabyte }
        kill(first[1], SIGKILL)
        var younger: pid_t = 0
        try eventually("the master replaced it") {
          younger = children(of: master.pid).first { !first.contains($0) } ?? 0
          return younger > 0
        }
        let recycled = try agent.awaitEvent("recycled", of: "prefork")
        #expect(recycled.number("old_pid") == Int(first[0]))
        #expect(isAlive(younger), "the one under its limit was not touched")
        #expect(master.isRunning)
        let now = try agent.awaitPids(of: "prefork", count: 2)
        #expect(now.contains(younger) && now.contains { $0 == pid_t(recycled.number("new_pid") ?? 0) })
        #expect(now.sorted() == children(of: master.pid).sorted())
      }
    }

    @Test func ofAGroupThatIsTooLargeTogetherTheLargestGoes() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "prefork" {
            parent = "leaky" cmdline = "fork 3 --rate 4M" respawn = yes
            metric = pss of = sum soft = 40M hold = 200ms cooldown = 1h
          }
          """)
        let master = try scene.startLeaky("fork", "3", "--rate", "4M", "--max", "20M")
        let first = try agent.awaitPids(of: "prefork", count: 3)
        kill(first[0], SIGKILL)
        let recycled = try agent.awaitEvent("recycled", of: "prefork")
        let old = pid_t(recycled.number("old_pid") ?? 0)
        #expect(old == first[1] || old == first[2])
        #expect(recycled.number("freed_bytes") ?? 0 > 8 * megabyte)
        #expect(master.isRunning && first[1...].filter(isAlive).count == 1)
      }
    }
  }
}

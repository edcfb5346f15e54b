// A process that is given the pid of a watched one is never signalled. In a pid namespace of the test's own, whose next
// pid can be chosen; the agent is stopped (SIGSTOP) at the worst moment, so that it finds the pid already reused.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct PidReuse {
    /// A shell as pid 1 of a new pid namespace, in which it starts the agent and then does what it is told.
    private struct Namespace {
      let agent: Agent
      private let pipe: FileHandle
      private let scene: Scene

      init(in scene: Scene, _ settings: String) throws {
        self.scene = scene
        // The innocent is as large as the watched one, and is not found by any selector.
        try FileManager.default.copyItem(atPath: builtProgram("leaky"), toPath: scene.path("innocent"))
        guard mkfifo(scene.path("orders"), 0o600) == 0 else { throw Failure("mkfifo: \(errorText())") }
        let shell = try scene.write(
          """
          exec 3<>\(scene.path("orders"))
          "$@" & agent=$!
          while read -r order <&3; do eval "$order"; done
          """, to: "shell")
        pipe = try FileHandle(forUpdating: URL(fileURLWithPath: scene.path("orders")))
        agent = try scene.startAgent(
          settings, under: ["/usr/bin/unshare", "-p", "-f", "--mount-proc", "--kill-child", "/bin/sh", shell])
      }

      /// Has the shell do it, and waits until it was done.
      func order(_ line: String) throws {
        let done = scene.path("done")
        unlink(done)
        try pipe.write(contentsOf: Data("\(line); : >\(done)\n".utf8))
        try eventually("done: \(line)") { access(done, F_OK) == 0 }
      }

      /// Ends the watched process, reaps it, and gives its pid to an innocent one; all of it while the agent sleeps.
      func swap() throws {
        try order("kill -STOP $agent")
        try order("kill -KILL $watched; wait $watched")
        try order(
          "echo $((watched - 1)) >/proc/sys/kernel/ns_last_pid; \(scene.path("innocent")) idle --size 32M & innocent=$!"
        )
        try order("[ $innocent = $watched ] && : >\(scene.path("same"))")
        #expect(access(scene.path("same"), F_OK) == 0, "the pid was given again")
        try eventually("it has begun its program") { allProcesses().contains { isInnocent($0) } }
        try eventually("the innocent holds its memory") { uss(of: try innocent()) ?? 0 > 32 << 20 }
        try order("kill -CONT $agent")
      }

      func innocent() throws -> pid_t {
        try #require(allProcesses().first { isInnocent($0) })
      }
      private func isInnocent(_ pid: pid_t) -> Bool {
        text(of: "/proc/\(pid)/cmdline").hasPrefix(scene.path("innocent"))
      }
    }

    /// A pid namespace can be made and its next pid be chosen: root with CONFIG_CHECKPOINT_RESTORE.
    static let canChoosePids: Bool = {
      let script = "echo 99 >/proc/sys/kernel/ns_last_pid && sh -c 'test $$ = 100'"
      return
        (try? withScene { scene in
          let words = ["-p", "-f", "--mount-proc", "--kill-child", "/bin/sh", "-c", script]
          guard try scene.start("/usr/bin/unshare", words).waitForExit() == 0 else { throw Failure("it cannot") }
        }) != nil
    }()

    @Test(.enabled(if: canChoosePids, "needs a pid namespace and /proc/sys/kernel/ns_last_pid"))
    func whoGetsThePidOfAWorkerThatWasDueIsNotSignalled() throws {
      try withScene { scene in
        let namespace = try Namespace(
          in: scene,
          """
          interval = 100ms
          worker "watched" { comm = "leaky" respawn = yes soft = 8M hold = 3s grace = 1s start_timeout = 1s }
          """)
        try namespace.order("\(try builtProgram("leaky")) idle --size 32M & watched=$!")
        let seen = try namespace.agent.awaitEvent("over_soft", of: "watched")
        try eventually("its hold is half over") { bootMilliseconds() >= (seen.number("boot_ms") ?? 0) + 1500 }
        try namespace.swap()
        let innocent = try namespace.innocent(), start = statFields(innocent)[19]
        try eventually("the agent is past the hold") { bootMilliseconds() > (seen.number("boot_ms") ?? 0) + 4000 }
        try always(for: 1, "the innocent lives") {
          statFields(innocent).count > 19 && statFields(innocent)[19] == start
        }
        #expect(try namespace.agent.pids(of: "watched").isEmpty)
        #expect(try namespace.agent.events("recycle_began").isEmpty)
      }
    }

    @Test(.enabled(if: canChoosePids, "needs a pid namespace and /proc/sys/kernel/ns_last_pid"))
    func whoGetsThePidDuringTheGracePeriodIsNotKilled() throws {
      try withScene { scene in
        let namespace = try Namespace(
          in: scene,
          """
          interval = 100ms
          worker "watched" { comm = "leaky" respawn = yes soft = 8M hold = 0s grace = 1s start_timeout = 1s backoff = 1h backoff_max = 1h }
          """)
        try namespace.order("\(try builtProgram("leaky")) stubborn --start 32M & watched=$!")
        try namespace.agent.awaitEvent("recycle_began", of: "watched")
        try namespace.swap()
        let innocent = try namespace.innocent(), start = statFields(innocent)[19]
        // Nobody replaces it: the recycle ends as a failure, long after the grace period.
        try namespace.agent.awaitEvent("recycle_failed", of: "watched")
        try always(for: 1, "the innocent lives") {
          statFields(innocent).count > 19 && statFields(innocent)[19] == start
        }
        #expect(try namespace.agent.events("killed_after_grace").isEmpty)
      }
    }
  }
}

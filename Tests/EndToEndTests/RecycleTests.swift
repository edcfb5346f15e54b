// The main job: a worker that crossed its limit is replaced in time, once, and what came back is told truly; a worker
// under its limit is never touched.
import Foundation
import Testing

private let megabyte = 1 << 20

/// What /proc said about a process at some instant of the agent's clock.
private struct Look {
  let at: Int
  let pid: pid_t
  let uss: Int
}

extension EndToEnd {
  @Suite struct Recycle {
    @Test func aLeakerIsRecycledOnceInTimeAndWhatCameBackIsTrue() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 500ms
          worker "leaker" {
            run = {"\(leaky)", "leak", "--rate", "8M", "--start", "1M", "--max", "28M"}
            soft = 16M hold = 500ms cooldown = 1h
          }
          worker "calm" {
            run = {"\(leaky)", "idle", "--size", "8M"}
            soft = 16M hold = 500ms
          }
          """)
        let old = try agent.awaitPids(of: "leaker")[0], calm = try agent.awaitPids(of: "calm")

        // Not through the agent: the truth is in /proc. Both lives of the leaker, every 2 ms or so.
        var looks: [Look] = []
        func follow(_ pid: pid_t, while condition: () throws -> Bool) rethrows {
          while try condition(), let uss = uss(of: pid) {
            looks.append(Look(at: bootMilliseconds(), pid: pid, uss: uss))
            usleep(2_000)
          }
        }
        follow(old) { true }
        func other() -> pid_t? { children(of: agent.process.pid).first { $0 != old && !calm.contains($0) } }
        try eventually("another leaker") { other() != nil }
        let new = try #require(other())
        try follow(new) { try agent.events("recycled").isEmpty }

        let crossed = try #require(looks.first { $0.uss >= 16 * megabyte }).at
        let seen = try agent.awaitEvent("over_soft", of: "leaker")
        let began = try agent.awaitEvent("recycle_began", of: "leaker")
        let beganAt = try #require(began.number("boot_ms"))
        #expect(beganAt - crossed <= 500 + 2 * 500, "limit plus hold plus two intervals")
        #expect(beganAt - (seen.number("boot_ms") ?? 0) >= 500, "never before the hold is over")

        let recycled = try agent.awaitEvent("recycled", of: "leaker")
        let endedAt = recycled.number("boot_ms") ?? 0
        let before = try #require(looks.last { $0.pid == old }).uss
        let after = try #require(looks.last { $0.pid == new && $0.at <= endedAt } ?? looks.first { $0.pid == new }).uss
        let freed = try #require(recycled.number("freed_bytes"))
        #expect(abs(freed - (before - after)) <= (before - after) / 10, "\(before) - \(after) is not about \(freed)")
        #expect(recycled.number("old_pid") == Int(old) && recycled.number("new_pid") == Int(new))
        #expect(recycled["killed"] as? Bool == false)

        // The new life crosses the limit as well: the cool-down is what keeps it from being recycled again.
        try agent.awaitEvent("blocked", of: "leaker")
        try always(for: 1, "recycled once, the other never") {
          try agent.events("recycle_began").count == 1 && agent.pids(of: "leaker") == [new]
            && agent.pids(of: "calm") == calm
        }
        #expect(try agent.worker("leaker").number("recycles") == 1)
        #expect(try agent.worker("calm").number("recycles") == 0)
        #expect(try agent.events().filter { $0.text("worker") == "calm" }.map { $0.text("event") } == ["child_started"])
      }
    }

    @Test func aHardLimitDoesNotWaitForTheHold() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 300ms
          worker "leaker" {
            run = {"\(try builtProgram("leaky"))", "leak", "--rate", "40M", "--max", "60M"}
            soft = 8M hard = 24M hold = 1h cooldown = 1h
          }
          """)
        let old = try agent.awaitPids(of: "leaker")[0]
        var crossed: Int?
        while let uss = uss(of: old) {
          if crossed == nil, uss >= 24 * megabyte { crossed = bootMilliseconds() }
          usleep(2_000)
        }
        // The agent may have been quicker than this test's next look.
        let latest = crossed ?? bootMilliseconds()
        let began = try agent.awaitEvent("recycle_began", of: "leaker")
        #expect(began.text("reason") == "hard_limit")
        #expect(began.number("boot_ms") ?? .max <= latest + 600)
        try agent.awaitEvent("recycled", of: "leaker")
      }
    }

    @Test func whatIsOnlyObservedIsToldAndLeftAlone() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "seen" { run = {"\(leaky)", "idle", "--size", "16M"} hard = 8M observe = yes }
          worker "meansless" { cmdline = "idle --size 17M" hard = 8M }
          """)
        let other = try scene.startLeaky("idle", "--size", "17M")
        let seen = try agent.awaitPids(of: "seen")
        try agent.awaitEvent("would_recycle", of: "seen")
        try agent.awaitEvent("blocked", of: "meansless")
        try always(for: 0.5, "both go on") { try agent.pids(of: "seen") == seen && other.isRunning }
        #expect(try agent.events("recycle_began").isEmpty)
        #expect(try agent.events("would_recycle").count == 1, "said once, not at every tick")
      }
    }

    @Test func aWorkerIsJudgedByAllThatItStarted() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "wrapped" {
            run = {"/bin/sh", "-c", "\(leaky) leak --rate 8M --max 30M & \(leaky) idle --size 1M & wait"}
            soft = 12M hold = 200ms cooldown = 1h
          }
          """)
        let old = try agent.awaitPids(of: "wrapped", count: 3)
        let recycled = try agent.awaitEvent("recycled", of: "wrapped")
        #expect(recycled.number("freed_bytes") ?? 0 > 6 * megabyte)
        #expect(!old.contains(where: isAlive), "nothing of the former life is left")
        #expect(try agent.awaitPids(of: "wrapped", count: 3).allSatisfy { !old.contains($0) })
      }
    }
  }
}

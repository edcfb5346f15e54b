// Reading the configuration again: what did not change is not disturbed, a wrong file changes nothing.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Reload {
    /// A worker that memwarden runs and one that it finds.
    private static func settings(childSoft: String = "64M", more: String = "") throws -> String {
      """
      interval = 100ms
      worker "child" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "8M"} soft = \(childSoft) hold = 200ms cooldown = 1s }
      worker "found" { cmdline = "idle --size 17M" respawn = yes soft = 64M }
      \(more)
      """
    }

    @Test(arguments: ["SIGHUP", "POST"])
    func whatDidNotChangeIsNotDisturbed(way: String) throws {
      try withScene { scene in
        _ = try scene.startLeaky("idle", "--size", "17M")
        let agent = try scene.startAgent(try Reload.settings())
        func reload(_ count: Int) throws {
          if way == "POST" { #expect(try agent.post("/v1/reload").status == 200) } else { agent.process.signal(SIGHUP) }
          try agent.awaitEvent("reloaded", count: count)
        }
        let found = try agent.awaitPids(of: "found"), first = try agent.awaitPids(of: "child")
        #expect(try agent.post("/v1/workers/child/recycle").status == 202)
        try agent.awaitEvent("recycled", of: "child")
        #expect(try agent.post("/v1/workers/found/pause").status == 200)
        let child = try agent.awaitPids(of: "child")
        #expect(child != first)

        try reload(1)
        #expect(try agent.pids(of: "child") == child && agent.pids(of: "found") == found)
        #expect(try agent.worker("child").number("recycles") == 1)
        #expect(try agent.worker("found")["paused"] as? Bool == true)

        // Another limit takes effect on the process that runs, and what was counted stays.
        try agent.rewrite(try Reload.settings(childSoft: "4M"))
        try reload(2)
        #expect(try agent.worker("child").number("soft_bytes") == 4 << 20)
        #expect(try agent.events("child_started").count == 1, "it goes on")
        try agent.awaitEvent("recycled", of: "child", count: 2)
        #expect(try agent.worker("child").number("recycles") == 2)
        #expect(!isAlive(child[0]))
        #expect(try agent.pids(of: "found") == found)
      }
    }

    @Test(arguments: ["SIGHUP", "POST"])
    func aWrongFileChangesNothingAndIsTold(way: String) throws {
      try withScene { scene in
        let agent = try scene.startAgent(try Reload.settings())
        let child = try agent.awaitPids(of: "child")
        try agent.rewrite("interval = 100ms\nworker \"child\" {\n  sotf = 4M\n}\n")
        if way == "POST" {
          let answer = try agent.post("/v1/reload")
          #expect(answer.status == 400)
          #expect(answer.text.contains("sotf") && answer.text.contains("memwarden.conf:4"))
        } else {
          agent.process.signal(SIGHUP)
        }
        let refused = try agent.awaitEvent("reload_refused")
        #expect(refused.text("message")?.contains("sotf") == true)
        #expect(refused.text("message")?.contains("memwarden.conf:4") == true)
        #expect(try agent.pids(of: "child") == child)
        #expect(try agent.worker("child").number("soft_bytes") == 64 << 20)
        #expect(try agent.worker("found").text("name") == "found", "all of the old configuration is in force")

        unlink(agent.configurationPath)
        #expect(try agent.post("/v1/reload").status == 400)
        #expect(try agent.pids(of: "child") == child)
        try agent.rewrite(try Reload.settings())
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try agent.pids(of: "child") == child)
      }
    }

    @Test func workersAndLogsComeAndGo() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(try Reload.settings())
        let child = try agent.awaitPids(of: "child")
        try agent.rewrite(
          """
          interval = 100ms
          worker "other" { run = {"\(leaky)", "idle", "--size", "3M"} soft = 64M }
          log "/nowhere/x.log" { budget = 1M }
          """)
        #expect(try agent.post("/v1/reload").status == 200)
        let other = try agent.awaitPids(of: "other")
        try eventually("the child of a worker that is gone is ended") { !isAlive(child[0]) }
        #expect(try agent.get("/v1/workers/child").status == 404)
        #expect(try agent.log("/nowhere/x.log").text("state") == "absent")
        try agent.rewrite("interval = 100ms\n")
        #expect(try agent.post("/v1/reload").status == 200)
        try eventually("nothing is watched") {
          try !isAlive(other[0]) && agent.get("/v1/workers").json().objects("workers").isEmpty
        }
        try eventually("no child is left, nor a zombie") { children(of: agent.process.pid).isEmpty }
      }
    }

    @Test(arguments: ["SIGHUP", "POST"])
    func anotherTokenAndAnotherPortAreTaken(way: String) throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 100ms")
        func reload(_ count: Int) throws {
          if way == "POST" { #expect(try agent.post("/v1/reload").status == 200) } else { agent.process.signal(SIGHUP) }
          try agent.awaitEvent("reloaded", count: count)
        }
        let token = "0123456789abcdef-secret"
        let file = try scene.write("\(token)\n", to: "token")
        chmod(file, 0o600)
        try agent.rewrite("interval = 100ms", http: "token_file = \"\(file)\"")
        try reload(1)
        let headers = ["Authorization": "Bearer \(token)"]
        #expect(try request("POST", "/v1/reload", at: agent.endpoint, headers: headers).status == 200)

        let port = try freePort(), text = text(of: agent.configurationPath)
        try scene.write(text.replacingOccurrences(of: ":\(agent.port)", with: ":\(port)"), to: "memwarden.conf")
        agent.process.signal(SIGHUP)
        try eventually("it listens elsewhere") { (try? request("GET", "/healthz", at: .port(port)))?.status == 200 }
        #expect(throws: Failure.self) { try request("GET", "/healthz", at: agent.endpoint) }
        #expect(try request("GET", "/healthz", at: agent.rootEndpoint).status == 200)
      }
    }

    @Test func aPortThatIsTakenChangesNothing() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 100ms")
        let port = try freePort()
        _ = try scene.startLeaky("silent-server", "--log", scene.path("log"), "--port", "\(port)")
        try eventually("the other listens") { (try? request("GET", "/", at: .port(port))) != nil }
        let text = text(of: agent.configurationPath)
        try scene.write(text.replacingOccurrences(of: ":\(agent.port)", with: ":\(port)"), to: "memwarden.conf")
        #expect(try agent.post("/v1/reload").status == 400)
        #expect(try agent.get("/healthz").status == 200)
        #expect(try agent.post("/v1/reload").status == 400, "the socket is there as well")
      }
    }

    @Test func aRecycleUnderWayIsCarriedThroughBeforeTheNewSettingsCount() throws {
      try withScene { scene in
        func settings(_ grace: String) throws -> String {
          """
          interval = 100ms
          worker "stubborn" {
            run = {"\(try builtProgram("leaky"))", "stubborn", "--start", "8M"} soft = 64M grace = \(grace)
          }
          """
        }
        let agent = try scene.startAgent(try settings("1s"))
        let old = try agent.awaitPids(of: "stubborn")
        #expect(try agent.post("/v1/workers/stubborn/recycle").status == 202)
        try agent.rewrite(try settings("2s"))
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try agent.awaitEvent("killed_after_grace").number("grace_ms") == 1000)
        let recycled = try agent.awaitEvent("recycled")
        #expect(recycled.number("old_pid") == Int(old[0]))
        #expect(try agent.post("/v1/workers/stubborn/recycle").status == 202)
        #expect(try agent.awaitEvent("killed_after_grace", count: 2).number("grace_ms") == 2000)
        #expect(try agent.worker("stubborn").number("crashes") == 0)
      }
    }

    @Test func aRecycleOfAWorkerThatIsTakenOutIsGivenUp() throws {
      try withScene { scene in
        _ = try scene.startLeaky("idle", "--size", "17M")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "hangs" { cmdline = "idle --size 17M" restart = {"/bin/sleep", "601"} soft = 8M hold = 0s }
          worker "stubborn" { run = {"\(try builtProgram("leaky"))", "stubborn"} grace = 1s }
          """)
        _ = try agent.awaitPids(of: "stubborn")
        try agent.awaitEvent("recycle_began", of: "hangs")
        #expect(try agent.post("/v1/workers/stubborn/recycle").status == 202)
        try eventually("both run") { children(of: agent.process.pid).count == 2 }
        try agent.rewrite("interval = 100ms\n")
        #expect(try agent.post("/v1/reload").status == 200)
        try eventually("no child is left, nor a zombie") { children(of: agent.process.pid).isEmpty }
      }
    }

    @Test func whatIsProtectedFromNowOnIsLetGo() throws {
      try withScene { scene in
        let worker = "worker \"found\" { cmdline = \"idle --size 17M\" respawn = yes soft = 64M }"
        _ = try scene.startLeaky("idle", "--size", "17M")
        let agent = try scene.startAgent("interval = 100ms\n\(worker)")
        _ = try agent.awaitPids(of: "found")
        try agent.rewrite("interval = 100ms\nprotect = {\"leaky\"}\n\(worker)")
        #expect(try agent.post("/v1/reload").status == 200)
        _ = try agent.awaitPids(of: "found", count: 0)
      }
    }

    @Test func observeOfTheCommandLineOutlivesAReload() throws {
      try withScene { scene in
        let agent = try scene.startAgent(try Reload.settings(childSoft: "4M"), options: ["--observe"])
        let child = try agent.awaitPids(of: "child")
        try agent.awaitEvent("would_recycle", of: "child")
        try agent.rewrite(try Reload.settings(childSoft: "3M"))
        #expect(try agent.post("/v1/reload").status == 200)
        try agent.awaitEvent("would_recycle", of: "child", count: 2)
        #expect(try agent.pids(of: "child") == child)
        #expect(try agent.get("/v1/status").json()["observe"] as? Bool == true)
      }
    }
  }
}

// The verbs of the command line against a running agent, over the socket and over TCP, and their exit codes; what
// `check` says about a file.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct CommandLine {
    private struct Said {
      let code: Int
      let text: String
    }

    private static func run(_ words: [String], in scene: Scene) throws -> Said {
      let process = try scene.start(try builtProgram("memwarden"), words)
      return Said(code: try process.waitForExit(), text: process.output)
    }

    @Test func everyVerbAnswersOverTheSocket() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "idle" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "4M"} soft = 8M }
          worker "found" { comm = "nobody" }
          """)
        let old = try agent.awaitPids(of: "idle")
        func say(_ words: String...) throws -> Said {
          try CommandLine.run(words + ["--socket", agent.socketPath], in: scene)
        }
        for (words, expected) in [
          (["status"], "memory"), (["workers"], "idle"), (["workers", "idle"], "leaky"), (["logs"], "BUDGET"),
          (["events", "--limit", "2"], "started as pid"), (["explain", "idle"], "soft limit"),
          (["history", "idle"], "idle"),
          (["pause", "idle"], "paused"), (["resume", "idle"], "resumed"), (["unpark", "idle"], "budget"),
          (["reload"], "reloaded: 2 workers"), (["recycle", "idle"], "recycling worker idle"), (["top"], "idle"),
        ] {
          let said = try CommandLine.run(words + ["--socket", agent.socketPath], in: scene)
          #expect(said.code == 0 && said.text.contains(expected), "\(words): \(said.code) \(said.text)")
          #expect(!said.text.contains("\u{1b}"), "colours are for terminals")
        }
        try agent.awaitEvent("recycled", of: "idle")
        #expect(try agent.awaitPids(of: "idle") != old)

        let json = try say("status", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? JSONObject
        #expect(json.code == 0 && object?.text("name") == "memwarden")

        let refused = try say("recycle", "found")
        #expect(refused.code == 1 && refused.text.contains("run, restart or respawn"))
        #expect(try say("workers", "nobody").code == 1)
        #expect(try say("cut", "/nowhere.log").code == 1)
      }
    }

    @Test func overTCPChangesNeedTheToken() throws {
      try withScene { scene in
        let file = try scene.write("0123456789abcdef-secret\n", to: "token")
        let wrong = try scene.write("0123456789abcdef-wrong\n", to: "wrong")
        for path in [file, wrong] { chmod(path, 0o600) }
        let agent = try scene.startAgent(
          "worker \"found\" { comm = \"nobody\" }", http: "token_file = \"\(file)\"")
        let url = ["--url", "http://127.0.0.1:\(agent.port)"]
        #expect(try CommandLine.run(["status"] + url, in: scene).code == 0)
        #expect(try CommandLine.run(["pause", "found"] + url, in: scene).code == 1)
        #expect(try CommandLine.run(["pause", "found", "--token-file", wrong] + url, in: scene).code == 1)
        #expect(try CommandLine.run(["pause", "found", "--token-file", file] + url, in: scene).code == 0)
        #expect(try agent.worker("found")["paused"] as? Bool == true)
        #expect(try CommandLine.run(["pause", "found", "--token-file", "/nowhere"] + url, in: scene).code == 111)
      }
    }

    @Test func wrongUsageIsToldWithItsExitCode() throws {
      try withScene { scene in
        for (words, code, expected) in [
          ([], 100, "usage: memwarden VERB"), (["nonsense"], 100, "no verb nonsense"),
          (["status", "--nonsense"], 100, "--nonsense"), (["explain"], 100, "NAME is missing"),
          (["workers", "a", "b"], 100, "unexpected argument b"), (["run", "-c"], 100, "needs a value"),
          (["status", "--socket", "/nowhere.sock"], 111, "is memwarden running"),
          (["status", "--url", "https://example.org"], 111, "http://ADDRESS:PORT"),
          (["run", "-c", "/nowhere.conf"], 100, "/nowhere.conf"),
          (["--help"], 0, "usage: memwarden VERB"), (["version"], 0, "memwarden "), (["--version"], 0, "memwarden "),
        ] as [([String], Int, String)] {
          let said = try CommandLine.run(words, in: scene)
          #expect(said.code == code && said.text.contains(expected), "\(words): \(said.code) \(said.text)")
        }
        let verbs = try CommandLine.run(["--help"], in: scene).text.split(separator: "\n")
          .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("--token-file") }
          .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(verbs.count >= 15)
        for verb in verbs {
          let said = try CommandLine.run([verb, "--help"], in: scene)
          #expect(said.code == 0 && said.text.hasPrefix("usage: memwarden \(verb)"), "\(verb)")
        }
      }
    }

    @Test func aWrongFileIsToldWithFileLineKeyAndWhatWasExpected() throws {
      try withScene { scene in
        let path = try scene.write(
          """
          interval = 10ms
          worker "x" {
            soft = 4T
            hold = never
            comm = "a"
          }
          worker "y" { run = {"/bin/true"} restart = {"/bin/true"} }
          log "relative" { budget = 1 }
          http { listen = "0.0.0.0:80" }
          """, to: "wrong.conf")
        for verb in ["check", "run"] {
          let said = try CommandLine.run([verb, "-c", path], in: scene)
          #expect(said.code == 100)
          for (line, words) in [
            (1, ["interval", "100ms to 1h", "10ms"]), (3, ["worker \"x\"", "soft", "a size such as", "4T"]),
            (4, ["hold", "a duration", "never"]), (7, ["worker \"y\"", "restart", "at most one"]),
            (8, ["log \"relative\"", "begins with /"]),
            (8, ["budget", "from 16K"]), (9, ["listen", "allow_remote"]),
          ] {
            let told = said.text.split(separator: "\n").contains { text in
              text.contains("wrong.conf:\(line):") && words.allSatisfy { text.contains($0) }
            }
            #expect(told, "\(verb): line \(line), \(words) in:\n\(said.text)")
          }
        }
        try scene.write("\nworker \"x\" {\n  sotf = 4M\n}\n", to: "wrong.conf")
        let unknown = try CommandLine.run(["check", "-c", path], in: scene)
        #expect(
          unknown.code == 100 && unknown.text.contains("wrong.conf:3: worker \"x\"") && unknown.text.contains("sotf"))
        try scene.write("worker \"x\" {\n  soft = 4M\n", to: "wrong.conf")
        #expect(try CommandLine.run(["check", "-c", path], in: scene).code == 100)
      }
    }

    @Test func checkLiveSaysWhatMatchesAndWhatIsCrossedAlready() throws {
      try withScene { scene in
        let worker = try scene.startLeaky("idle", "--size", "17M")
        try eventually("it holds its memory") { uss(of: worker.pid) ?? 0 > 17 << 20 }
        func check(_ soft: String, protect: String = "") throws -> Said {
          let path = try scene.write(
            """
            \(protect)
            worker "found" { cmdline = "idle --size 17M" soft = \(soft) respawn = yes }
            worker "nobody" { comm = "nobody" soft = 1M }
            """, to: "memwarden.conf")
          return try CommandLine.run(["check", "-c", path, "--live"], in: scene)
        }
        let fine = try check("64M")
        #expect(fine.code == 0 && fine.text.contains("worker found: pid \(worker.pid) matches, uss 17."))
        #expect(fine.text.contains("worker nobody: no process matches now"))
        let crossed = try check("4M")
        #expect(crossed.code == 1 && crossed.text.contains("it would be recycled at once"))
        let protected = try check("4M", protect: "protect = {\"leaky\"}")
        #expect(protected.code == 0 && protected.text.contains("is protected"))
        #expect(worker.isRunning)
      }
    }

    @Test func aSecondAgentOnTheSameSocketIsRefused() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 100ms")
        let second = try CommandLine.run(["run", "-c", agent.configurationPath], in: scene)
        #expect(second.code == 111 && second.text.contains("cannot listen"))
        #expect(try agent.get("/healthz").status == 200)
        #expect(try request("GET", "/healthz", at: agent.rootEndpoint).status == 200, "the first one's socket is left")
      }
    }

    @Test func aSocketThatAKilledAgentLeftIsTakenOver() throws {
      try withScene { scene in
        let first = try scene.startAgent("interval = 100ms")
        first.process.kill()
        #expect(access(first.socketPath, F_OK) == 0)
        let second = try scene.startAgent("interval = 100ms")
        #expect(try request("GET", "/healthz", at: second.rootEndpoint).status == 200)
        #expect(try second.stop() == 0)
      }
    }
  }
}

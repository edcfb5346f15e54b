// stdout and stderr of the workers that memwarden runs, with the Embedded binary.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Output {
    private func shell(_ script: String, _ more: String = "output = ring", name: String = "talker") -> String {
      "interval = 200ms\nworker \"\(name)\" { run = {\"/bin/sh\", \"-c\", '\(script)'} \(more) }"
    }
    private func lastLines(_ agent: Agent, _ count: Int = 100) throws -> [String] {
      try agent.get("/v1/workers/talker/output?lines=\(count)").json()["lines"] as? [String] ?? []
    }

    @Test func whatAWorkerSaysIsReadableOverTheAPIAndOnTheCommandLine() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          shell(
            #"i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; printf "odd\001\033\n" >&2; exec sleep 600"#
          ))
        try eventually("all is there") { try lastLines(agent).last?.hasPrefix("odd") == true }
        let answer = try agent.get("/v1/workers/talker/output?lines=3").json()
        #expect(answer["lines"] as? [String] == ["line 298", "line 299", "odd\u{1}\u{1b}"])
        #expect(answer.number("received_lines") == 301 && answer.number("capacity_bytes") == 16384)
        #expect(try lastLines(agent).count == 100)
        let client = try scene.start(
          try builtProgram("memwarden"), ["output", "talker", "--lines", "2", "--socket", agent.socketPath])
        #expect(try client.waitForExit() == 0)
        #expect(client.output == "line 299\nodd\\x01\\x1b\n")
        #expect(try agent.get("/v1/workers/talker/output?lines=x").status == 400)
        #expect(!agent.process.output.contains("line 299"), "it no longer goes where memwarden's goes")
      }
    }

    @Test func byDefaultItGoesWhereMemwardensGoes() throws {
      try withScene { scene in
        let agent = try scene.startAgent(shell("echo inherited; exec sleep 600", ""))
        try eventually("it is said") { agent.process.output.contains("inherited\n") }
        let answer = try agent.get("/v1/workers/talker/output")
        #expect(answer.status == 404 && answer.text.contains("output = ring"))
      }
    }

    @Test func nullIsNowhereAndAFileStaysWithinItsBudget() throws {
      try withScene { scene in
        let file = scene.path("talker.log")
        let agent = try scene.startAgent(
          shell(
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exec sleep 600",
            "output = \"\(file)\" output_budget = 32K")
            + "\nworker \"mute\" { run = {\"/bin/sh\", \"-c\", \"echo mute; exec sleep 600\"} output = null }")
        try eventually("all is there") { try lastLines(agent).last == "line 19999" }
        let kept = (text(of: "\(file).1") + text(of: file)).split(separator: "\n")
        #expect(text(of: "\(file).1").utf8.count + text(of: file).utf8.count <= 32768)
        #expect(
          kept.count > 1000 && kept.map(String.init) == (20000 - kept.count..<20000).map { "line \($0)" },
          "no gap, to the end")
        #expect(!agent.process.output.contains("mute\n"))
        let pid = try agent.awaitEvent("child_started", of: "mute").number("pid") ?? 0
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/1")
        #expect(target == "/dev/null")
      }
    }

    @Test func theLastLinesBeforeACrashAreInItsEvent() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          shell(
            "sleep 0.2; for i in 1 2 3 4 5 6 7 8 9 10 11; do echo step $i; done; printf \"fatal: no \\033[1mmore\\n\" >&2; kill -SEGV $$"
          ))
        let first = try agent.awaitEvent("child_ended", of: "talker")
        let said = first["last_lines"] as? [String] ?? []
        #expect(said == (3...11).map { "step \($0)" } + ["fatal: no \u{1b}[1mmore"])
        #expect(first.text("message")?.hasSuffix("by signal 11; it said last: fatal: no \\x1b[1mmore") == true)
        // The second life's event tells nothing of the first, and its ring goes on.
        try agent.awaitEvent("child_ended", of: "talker", count: 2)
        let second = try agent.events("child_ended")[1]
        #expect((second["last_lines"] as? [String])?.count == 10)
        #expect(try lastLines(agent).count == 24)
        #expect(!agent.process.output.utf8.contains(0x1b))
      }
    }

    @Test func aFloodIsToldAndStarvesNobody() throws {
      try withScene { scene in
        let agent = try scene.startAgent(shell("exec yes"))
        let flood = try agent.awaitEvent("output_floods", of: "talker")
        #expect(flood.number("bytes_per_second") ?? 0 > 256 * 1024)
        for _ in 0..<20 { #expect(try agent.get("/healthz").status == 200) }
        #expect(try agent.events("output_floods").count == 1, "told once")
        // Twice the 20 ms that a turn may take, for a busy machine.
        let own = try agent.get("/v1/status").json().object("self")
        #expect(own.text("longest_turn_in") != "output" || own.number("longest_turn_us") ?? 0 < 100_000)
        #expect(try agent.stop() == 0)
      }
    }

    @Test func theEndOfMemwardenBreaksNoPipe() throws {
      try withScene { scene in
        // Deaf, as many are.
        let proof = scene.path("proof")
        let agent = try scene.startAgent(
          shell(
            "trap \"\" TERM; while [ ! -e \(proof).go ]; do sleep 0.05; done; echo still && echo there && echo yes > \(proof); sleep 600"
          ))
        let pid = pid_t(try agent.awaitEvent("child_started").number("pid") ?? 0)
        try eventually("it is deaf") {
          let line = text(of: "/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("SigIgn") } ?? ""
          return (UInt64(line.suffix(16), radix: 16) ?? 0) & 1 << 14 != 0
        }
        agent.process.kill()
        try scene.write("", to: "proof.go")
        try eventually("it writes on") { text(of: proof) == "yes\n" }
        // What it said waits in the pipe for whoever opens it.
        let pipe = open("/proc/\(pid)/fd/1", O_RDONLY | O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: 64)
        let n = read(pipe, &bytes, bytes.count)
        #expect(String(decoding: bytes.prefix(max(0, n)), as: UTF8.self) == "still\nthere\n")
        close(pipe)
        kill(pid, SIGKILL)
      }
    }

    @Test func aWorkerThatTalksWhileItStopsIsHeardAndNotHungUp() throws {
      try withScene { scene in
        // 200 kB on the way out: more than a pipe holds.
        let script =
          #"trap "i=0; while [ \$i -lt 4000 ]; do echo 0123456789012345678901234567890123456789012345678; i=\$((i+1)); done; echo over > \#(scene.path("over")); exit" TERM; while :; do sleep 0.05; done"#
        let agent = try scene.startAgent(shell(script))
        _ = try agent.awaitEvent("child_started")
        usleep(300_000)
        #expect(try agent.process.stop(by: SIGINT) == 0)
        #expect(text(of: scene.path("over")) == "over\n")
      }
    }

    @Test func aReloadKeepsTheRunningWorkersOutputAndAQuietOneWakesNobody() throws {
      try withScene { scene in
        let agent = try scene.startAgent(shell("echo hello; exec sleep 600"))
        try eventually("it is there") { try lastLines(agent) == ["hello"] }
        try agent.rewrite(shell("echo hello; exec sleep 600", "output = ring grace = 3s"))
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try lastLines(agent) == ["hello"])
        #expect(try agent.post("/v1/workers/talker/recycle").status == 202)
        try eventually("the new one as well") { try lastLines(agent) == ["hello", "hello"] }
        func wakeUps() throws -> Int { try agent.get("/v1/status").json().object("self").number("wake_ups") ?? 0 }
        let before = try wakeUps()
        usleep(2_000_000)
        // Ten ticks and the requests; no spinning.
        #expect(try wakeUps() - before < 60)
      }
    }
  }
}

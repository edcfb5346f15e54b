// Processes that cannot be redirected, or not now: the answer says why, nothing of them is changed, and they go on.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct RedirectRefusal {
    /// A misbehaviour of leaky that writes a log, and an agent that may redirect it.
    private func withWriter(
      _ words: [String], under launcher: [String] = [], _ body: (Scene, Agent, StartedProcess, String) throws -> Void
    ) throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs") + "/a.log"
        let writer = try scene.start(try builtProgram("leaky"), words + ["--file", path])
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"), under: launcher)
        try body(scene, agent, writer, path)
      }
    }

    /// What a redirect is refused with, at once or after a while: a shell is in state D while it starts a program.
    private func refusal(_ agent: Agent, _ path: String) throws -> String {
      let before = try agent.events("redirect_refused", of: path).count
      let answer = try agent.redirect(path)
      if answer.status == 409 { return answer.text }
      try #require(answer.status == 202, "\(answer.text)")
      return try agent.awaitEvent("redirect_refused", of: path, count: before + 1).text("message") ?? ""
    }

    /// The answer is a 409 with these words, and the writers still write to the file.
    private func expectRefusal(_ words: String, _ agent: Agent, _ path: String, writers: [pid_t]) throws {
      let before = writers.map { descriptorTable(of: $0) }
      let answer = try agent.redirect(path)
      #expect(answer.status == 409 && answer.text.contains(words), "\(answer.status) \(answer.text)")
      #expect(writers.map { descriptorTable(of: $0) } == before)
      for pid in writers { #expect(links(of: pid).contains(path)) }
      #expect(try agent.log(path).text("state") == "watched")
      let size = allocatedBytes(path) ?? 0
      try eventually("it is written as before") { allocatedBytes(path) ?? 0 > size }
    }

    @Test func withoutPermissionInTheConfigurationItIsRefused() throws {
      try withFlood(keys: "") { _, agent, flooder, path in
        try expectRefusal("set redirect = ring", agent, path, writers: [flooder.pid])
        let id = try #require(try agent.log(path).text("id"))
        #expect(try agent.get("/v1/logs/\(id)/tail").status == 403)
        #expect(try agent.redirect(path, "undo").status == 409)
        let file = try agent.tail(path, lines: 3)
        #expect(file.text("source") == "file" && (file["lines"] as? [String])?.count == 3)
      }
    }

    @Test func aWriterThatIsTracedByAnotherIsRefusedAndTheOtherWritersAreNotTouched() throws {
      try withFlood(rate: "40K") { scene, agent, first, path in
        let second = try scene.startLeaky("flood", "--file", path, "--rate", "40K")
        try eventually("it writes") { links(of: second.pid).contains(path) }
        let tracer = try scene.startLeaky("trace", "--pid", "\(second.pid)")
        try eventually("it is traced") { tracer.output.contains("traced") }
        try expectRefusal(
          "pid \(second.pid): another program traces it", agent, path, writers: [first.pid, second.pid])
        tracer.kill()
        try agent.mustRedirect(path)
        try agent.mustUndo(path)
        #expect(links(of: first.pid).contains(path) && links(of: second.pid).contains(path))
      }
    }

    @Test(arguments: [[], ["--strict"]])
    func aWriterUnderSeccompIsRefusedAndNotEndedByItsFilter(strictness: [String]) throws {
      try withWriter(["sandbox"] + strictness + ["flood", "--rate", "400K"]) { _, agent, writer, path in
        try expectRefusal("seccomp", agent, path, writers: [writer.pid])
      }
    }

    @Test func aWriterThatMayNotBeDumpedIsRedirectedByWhoHasTheRight() throws {
      try withWriter(["undumpable", "flood", "--rate", "400K"]) { _, agent, writer, path in
        let before = descriptorTable(of: writer.pid)
        try agent.mustRedirect(path)
        #expect(links(of: writer.pid).contains { $0.hasSuffix(".ring") })
        try agent.mustUndo(path)
        #expect(descriptorTable(of: writer.pid) == before)
        let all = numbers(text(of: path))
        #expect(areConsecutive(all) && writer.isRunning)
      }
    }

    @Test func aWriterForWhomThePathIsAnotherFileIsRefused() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), path = "\(disk)/a.log"
        let script = "exec 3>>\(path); mount -t tmpfs none \(disk); while :; do echo a line >&3; sleep 0.01; done"
        let writer = try scene.start("/usr/bin/unshare", ["-m", "/bin/sh", "-c", script])
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"))
        #expect(try refusal(agent, path).contains("mount namespace"))
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        try eventually("it writes as before") {
          (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0) > size
        }
        #expect(writer.isRunning)
      }
    }

    @Test(
      .enabled(if: access("/usr/bin/setpriv", X_OK) == 0, "needs setpriv of util-linux"),
      arguments: [[], ["undumpable"]])
    func withoutTheRightToTraceTheAnswerSaysSo(manner: [String]) throws {
      try withWriter(
        manner + ["flood", "--rate", "400K"], under: ["/usr/bin/setpriv", "--bounding-set", "-sys_ptrace"]
      ) { _, agent, writer, path in
        try expectRefusal("CAP_SYS_PTRACE", agent, path, writers: [writer.pid])
      }
    }

    @Test(.enabled(if: narrowWriter != nil, "needs x86-64, gcc -m32 and a kernel that runs 32-bit programs"))
    func aWriterOfAnotherWidthIsRefused() throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs") + "/a.log"
        let writer = try scene.start("/bin/sh", ["-c", "exec 3>>\(path); exec \(try #require(narrowWriter))"])
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"))
        let before = descriptorTable(of: writer.pid)
        for _ in 0..<20 { #expect(try refusal(agent, path).contains("32-bit")) }
        #expect(descriptorTable(of: writer.pid) == before && writer.isRunning)
        let size = allocatedBytes(path) ?? 0
        try eventually("it is written as before") { allocatedBytes(path) ?? 0 > size }
      }
    }

    // MARK: State D

    @Test func aWriterInStateDIsWaitedForAndWhatWaitsIsSaid() throws {
      try withWriter(["hang", "--for", "1s"]) { _, agent, writer, path in
        try eventually("it is in state D") { statFields(writer.pid).first == "D" }
        let answer = try agent.redirect(path)
        #expect(
          answer.status == 202 && answer.text.contains("pid \(writer.pid): it does not stop now"), "\(answer.text)")
        #expect(try agent.log(path).text("state") == "redirecting" && links(of: writer.pid).contains(path))
        try agent.awaitEvent("redirected", of: path)
        #expect(links(of: writer.pid).contains { $0.hasSuffix(".ring") })
        try eventually("it is in state D") { statFields(writer.pid).first == "D" }
        #expect(try agent.redirect(path, "undo").status == 202)
        try agent.awaitState("watched", of: path)
        try eventually("it goes on") { numbers(text(of: path)).count > 2 }
        #expect(areConsecutive(numbers(text(of: path))) && writer.isRunning)
      }
    }

    @Test func aWriterThatStaysInStateDIsRefusedAndTheOthersAreNotTouched() throws {
      try withWriter(["hang", "--for", "9s"]) { scene, agent, writer, path in
        try eventually("it is in state D") { statFields(writer.pid).first == "D" }
        let other = try scene.startLeaky("flood", "--file", path, "--rate", "40K")
        try eventually("it writes") { links(of: other.pid).contains(path) }
        let before = [writer, other].map { descriptorTable(of: $0.pid) }
        #expect(try agent.redirect(path).status == 202)
        let refusal = try agent.awaitEvent("redirect_refused", of: path)
        #expect(refusal.text("message")?.contains("state D") == true && refusal.number("pid") == Int(writer.pid))
        #expect([writer, other].map { descriptorTable(of: $0.pid) } == before)
        #expect(try agent.log(path).text("state") == "watched")
        let seen = numbers(text(of: path)).count
        try eventually("they go on") { numbers(text(of: path)).count > seen }
        #expect(try agent.events("redirect_refused", of: path).count == 1 && writer.isRunning)
      }
    }

    @Test func aWriterThatIsInStateDNearlyAlwaysComesAndGoesAndLosesNothing() throws {
      try withWriter(["hang", "--for", "30ms"]) { _, agent, writer, path in
        for _ in 0..<20 {
          try agent.mustRedirect(path)
          try agent.mustUndo(path)
        }
        #expect(areConsecutive(numbers(text(of: path))) && writer.isRunning && links(of: writer.pid).contains(path))
      }
    }

    // MARK: What happens half-way

    @Test func aWriterThatEndsHalfWayIsNobodysTroubleAndItsParentHearsOfIt() throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs") + "/a.log"
        try Data().write(to: URL(fileURLWithPath: path))
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"))
        let id = try #require(try agent.log(path).text("id"))
        for round in 0..<40 {
          let writer = try scene.startLeaky("flood", "--file", path, "--rate", "2M")
          try eventually("it writes") { links(of: writer.pid).contains(path) }
          let pid = writer.pid
          let end = Thread {
            usleep(UInt32(round * 100))
            kill(pid, SIGKILL)
          }
          end.start()
          let answer = try agent.post("/v1/logs/\(id)/redirect")
          #expect([200, 202, 409].contains(answer.status))
          // A tracer that does not let go of the dead keeps them from their parent.
          _ = try writer.waitForExit()
          try eventually("it is over, having said:\n\(agent.process.output)") {
            _ = try agent.redirect(path, "undo")
            return try agent.log(path).text("state") == "watched"
          }
        }
        #expect(agent.process.isRunning)
      }
    }

    @Test(.enabled(if: access("/usr/bin/setpriv", X_OK) == 0, "needs setpriv of util-linux"))
    func oneThatCannotBeRedirectedTakesTheOthersBackAndNothingIsLost() throws {
      try withFlood { scene, agent, first, path in
        let script = "while :; do echo another line >&3; sleep 0.05; done"
        let drop = "exec 3>>\(path); exec /usr/bin/setpriv --reuid=65534 --clear-groups /bin/sh -c '\(script)'"
        chmod(path, 0o600)
        let second = try scene.start("/bin/sh", ["-c", drop])
        try eventually("it writes") { text(of: "/proc/\(second.pid)/status").contains("Uid:\t65534") }
        let before = [first, second].map { descriptorTable(of: $0.pid)[3] }
        for _ in 0..<10 {
          #expect(try refusal(agent, path).contains("chown the log"))
          try agent.awaitState("watched", of: path)
          #expect([first, second].map { descriptorTable(of: $0.pid)[3] } == before)
        }
        let seen = numbers(text(of: path)).last ?? 0
        try eventually("it goes on") { (numbers(text(of: path)).last ?? 0) > seen + 100 }
        #expect(areConsecutive(numbers(text(of: path))) && second.isRunning)
      }
    }

    @Test func whoCannotComeBackIsToldOfAndTriedUntilHeCan() throws {
      try withFlood(rate: "100K") { scene, agent, flooder, path in
        try agent.mustRedirect(path)
        let tracer = try scene.startLeaky("trace", "--pid", "\(flooder.pid)")
        try eventually("it is traced") { tracer.output.contains("traced") }
        // Asked for it is refused, and nothing has changed.
        let answer = try agent.redirect(path, "undo")
        #expect(answer.status == 409 && answer.text.contains("another program traces it"), "\(answer.text)")
        #expect(try agent.log(path).text("state") == "redirected")
        // A configuration that does not permit it any more wants it back all the same.
        try scene.write(
          text(of: agent.configurationPath).replacing("redirect = ring ring = 1M", with: ""), to: "memwarden.conf")
        agent.process.signal(SIGHUP)
        let stuck = try agent.awaitEvent("redirect_stuck", of: path)
        #expect(stuck.text("message")?.contains("pid \(flooder.pid): another program traces it") == true)
        #expect(try agent.log(path).text("state") == "returning")
        #expect(text(of: scene.path("run/state")).contains("begun "))
        let again = try agent.redirect(path, "undo")
        #expect(again.status == 409 && again.text.contains("on its way back"), "\(again.text)")
        tracer.kill()
        try agent.awaitEvent("redirect_undone", of: path, within: 90)
        #expect(links(of: flooder.pid).contains(path))
        try agent.awaitState("watched", of: path)
        let seen = numbers(text(of: path)).last ?? 0
        try eventually("it goes on") { (numbers(text(of: path)).last ?? 0) > seen + 100 }
        #expect(areConsecutive(numbers(text(of: path))) && flooder.isRunning)
        #expect(try agent.events("redirect_stuck", of: path).count == 2)
      }
    }
  }
}

/// A writer of lines into descriptor 3, as a 32-bit program under a 64-bit kernel; nil where there can be none.
private let narrowWriter: String? = {
  #if arch(x86_64)
    let source = """
      static long call(long n, long a, long b, long c) {
        long r;
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
        return r;
      }
      void _start(void) {
        static const long pause[2] = {0, 10000000};
        for (;;) {
          if (call(4, 3, (long)"a line\\n", 7) < 0) call(1, 1, 0, 0);
          call(162, (long)pause, 0, 0);
        }
      }
      """
    let program = NSTemporaryDirectory() + "memwarden-narrow-\(getpid())"
    guard (try? Data(source.utf8).write(to: URL(fileURLWithPath: program + ".c"))) != nil else { return nil }
    defer { unlink(program + ".c") }
    func run(_ words: String) -> Bool {
      let process = Process()
      (process.executableURL, process.arguments) = (URL(fileURLWithPath: "/bin/sh"), ["-c", words])
      guard (try? process.run()) != nil else { return false }
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
    guard run("gcc -m32 -nostdlib -static -ffreestanding -fno-stack-protector -o \(program) \(program).c 2>/dev/null"),
      // Without descriptor 3 it ends with exit code 1; where it cannot be run the shell says 126.
      run("\(program) 3>&-; [ $? = 1 ]")
    else { return nil }
    return program
  #else
    return nil
  #endif
}()

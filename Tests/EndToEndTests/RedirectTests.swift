// A log is redirected and brought back while its writer runs, without the writer's help and without its noticing.
import Foundation
import Testing

private let megabyte = 1 << 20

/// Fetches one page after the other, with a number in each address, in a thread of its own.
private final class NumberingClient: @unchecked Sendable {
  private let lock = NSLock()
  private var counts = (answered: 0, failed: 0), isStopping = false, isOver = false
  var answered: Int { lock.withLock { counts.answered } }
  var failed: Int { lock.withLock { counts.failed } }

  init(of port: UInt16) {
    let thread = Thread { [self] in
      while !lock.withLock({ isStopping }) {
        let number = answered + failed + 1
        let address = "/page.html?" + String(repeating: "0", count: 8 - "\(number)".count) + "\(number)"
        let status = try? request("GET", address, at: .port(port)).status
        lock.withLock { if status == 200 { counts.answered += 1 } else { counts.failed += 1 } }
      }
      lock.withLock { isOver = true }
    }
    thread.start()
  }

  /// How many were answered.
  @discardableResult func stop() -> Int {
    lock.withLock { isStopping = true }
    while !lock.withLock({ isOver }) { usleep(1000) }
    return answered
  }
}

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct Redirect {
    @Test(arguments: [true, false])
    func tenThousandLinesAddNothingToTheFileTheRingServesTheLastAndUndoLosesNone(appends: Bool) throws {
      try withFlood(rate: "2M", appends: appends) { _, agent, flooder, path in
        try agent.mustRedirect(path)
        #expect(try agent.log(path).text("state") == "redirected")
        #expect(allocatedBytes(path) == 0)
        try eventually("10 000 lines") {
          #expect(allocatedBytes(path) == 0)
          return try agent.received(path) >= 10_000
        }
        let tail = try agent.tail(path, lines: 200)
        let last = numbers((tail["lines"] as? [String] ?? []).joined(separator: "\n"))
        #expect(tail.text("source") == "ring" && last.count == 200 && areConsecutive(last))
        try agent.mustUndo(path)
        #expect(try agent.log(path).text("state") == "watched")
        let before = numbers(text(of: path)).last ?? 0
        try eventually("it goes on") { (numbers(text(of: path)).last ?? 0) > before + 100 }
        let all = numbers(text(of: path))
        // What the ring held came first; nothing is missing, doubled or out of order from there on.
        #expect(all.count > 10_000 && areConsecutive(all))
        #expect(flooder.isRunning && !links(of: flooder.pid).contains { $0.hasSuffix(".ring") })
        let flags = text(of: "/proc/\(flooder.pid)/fdinfo/3").split(separator: "\n").first { $0.hasPrefix("flags") }
        #expect(flags?.hasSuffix(appends ? "02102001" : "02100001") == true, "\(flags ?? "")")
      }
    }

    @Test func twoHundredRoundsUnderLoadLoseNothing() throws {
      try withFlood(rate: "400K") { _, agent, flooder, path in
        for _ in 0..<200 {
          try agent.mustRedirect(path)
          try agent.mustUndo(path)
        }
        let seen = numbers(text(of: path)).last ?? 0
        try eventually("it goes on") { (numbers(text(of: path)).last ?? 0) > seen + 100 }
        let all = numbers(text(of: path))
        #expect(areConsecutive(all) && all.count > 1000, "\(all.count) from \(all.first ?? 0)")
        #expect(flooder.isRunning && agent.process.isRunning)
      }
    }

    @Test func aRedirectOutlivesAMemwardenThatIsKilled() throws {
      try withFlood(rate: "100K") { scene, agent, flooder, path in
        try agent.mustRedirect(path)
        agent.process.signal(SIGKILL)
        _ = try agent.process.waitForExit()
        #expect(text(of: scene.path("run/state")).hasPrefix("memwarden state 1"))
        let next = try scene.startAgent(redirectSettings(scene, path, "redirect = ring ring = 1M"))
        try next.awaitEvent("redirect_kept", of: path)
        try eventually("the ring goes on") { try next.received(path) > 200 }
        #expect(allocatedBytes(path) == 0)
        try next.mustUndo(path)
        let before = numbers(text(of: path)).last ?? 0
        try eventually("it goes on") { (numbers(text(of: path)).last ?? 0) > before + 20 }
        // What the first memwarden had in its ring ended with it; what was in the pipe did not.
        #expect(areConsecutive(numbers(text(of: path))) && flooder.isRunning)
        #expect(access(scene.path("run/state"), F_OK) != 0)
      }
    }

    @Test(arguments: ["", "half a line", "memwarden state 1 x\nredirect zz\nsum 1\n"])
    func aStateFileThatIsNotWholeIsToldOfAndIgnored(state: String) throws {
      try withFlood { scene, agent, _, path in
        _ = try agent.stop()
        try FileManager.default.createDirectory(atPath: scene.path("run"), withIntermediateDirectories: true)
        try scene.write(state, to: "run/state")
        let next = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"))
        try next.awaitEvent("state_unusable")
        try next.mustRedirect(path)
        try next.mustUndo(path)
      }
    }

    @Test(arguments: ["null", "file"])
    func linesCanGoToNothingOrToAnotherFile(target: String) throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), path = "\(disk)/flood.log", other = scene.path("elsewhere.log")
        let flooder = try scene.startLeaky("flood", "--file", path, "--rate", "400K")
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let agent = try scene.startAgent(
          redirectSettings(scene, path, "redirect = \(target == "file" ? "\"\(other)\"" : "null") ring = 64K"))
        try agent.mustRedirect(path)
        let goal = target == "file" ? other : "/dev/null"
        #expect(links(of: flooder.pid).contains(goal) && !links(of: flooder.pid).contains(path))
        if target == "file" { try eventually("lines arrive") { numbers(text(of: other)).count > 500 } }
        // What the file held last is still there to be read.
        #expect((try agent.tail(path, lines: 5)["lines"] as? [String])?.count == 5)
        #expect(allocatedBytes(path) == 0)
        try agent.mustUndo(path)
        try eventually("it goes on") { numbers(text(of: path)).count > 1000 }
        #expect(links(of: flooder.pid).contains(path) && flooder.isRunning)
      }
    }

    @Test(arguments: ["read", "accept", "nanosleep", "poll", "epoll", "futex"])
    func aThreadThatWaitsInACallGoesOnAsIfNothingHadHappened(call: String) throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs") + "/a.log"
        let blocked = try scene.startLeaky("block", call, "--file", path, "--for", "3s")
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring"))
        var rounds = 0
        while blocked.output.isEmpty, blocked.isRunning {
          try agent.mustRedirect(path)
          try agent.mustUndo(path)
          rounds += 1
          usleep(20_000)
        }
        try eventually("it says how it went") { !blocked.output.isEmpty }
        #expect(blocked.output.hasPrefix("\(call): ok") && rounds > 5, "\(blocked.output) after \(rounds) rounds")
        let written = numbers(text(of: path)).count
        try eventually("it goes on") { numbers(text(of: path)).count > written + 10 }
        // What one thread writes while another is stopped may stand a few lines late; none is missing or doubled.
        #expect(areConsecutive(numbers(text(of: path)).sorted()))
      }
    }

    @Test func whoComesLaterIsRedirectedToo() throws {
      try withFlood { scene, agent, first, path in
        try agent.mustRedirect(path)
        first.kill()
        try eventually("its end is noticed") { try agent.log(path).object("redirect").number("writers") == 0 }
        let second = try scene.startLeaky("flood", "--file", path, "--rate", "400K")
        try agent.awaitEvent("redirected_too", of: path)
        try eventually("it writes there") { links(of: second.pid).contains { $0.hasSuffix(".ring") } }
        #expect(allocatedBytes(path) == 0)
        try agent.mustUndo(path)
        #expect(links(of: second.pid).contains(path))
        // Nobody is left: the redirect is simply dropped.
        try agent.mustRedirect(path)
        second.kill()
        try agent.mustUndo(path)
        #expect(try agent.log(path).text("state") == "watched")
      }
    }

    // MARK: Something real

    @Test(.enabled(if: access("/usr/sbin/lighttpd", X_OK) == 0, "needs Debian's lighttpd: apt-get install lighttpd"))
    func lighttpdServesEveryRequestWhileItsAccessLogComesAndGoes() throws {
      try withScene { scene in
        let server = try Lighttpd.Server(in: scene), path = server.accessLog, pid = server.pid
        let agent = try scene.startAgent(redirectSettings(scene, path, "redirect = ring ring = 1M"))
        // One client that asks all the time, also while its log is on its way.
        let client = NumberingClient(of: server.port)
        defer { client.stop() }
        for _ in 0..<20 {
          try agent.mustRedirect(path)
          let redirected = client.answered
          try eventually("it is served") { client.answered > redirected + 20 }
          try agent.mustUndo(path)
          let back = client.answered
          try eventually("it is served") { client.answered > back + 20 }
        }
        let requests = client.stop()
        #expect(client.failed == 0)
        // It writes its log some seconds later, in blocks.
        var found = [Int]()
        try eventually("its log is written") {
          found = text(of: path).split(separator: "\n").compactMap { line in
            line.range(of: "page.html?").flatMap { Int(line[$0.upperBound...].prefix(8)) }
          }
          return found.last == requests
        }
        #expect(found == Array(1...requests) && server.pid == pid && isAlive(pid))
      }
    }

    @Test(.enabled(if: access("/dev/log", F_OK) != 0, "needs /dev/log for itself"))
    func linesCanGoOnToSyslog() throws {
      let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "/dev/log".utf8) }
      let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0, "\(errorText())")
      defer {
        close(socket)
        unlink("/dev/log")
      }
      try withFlood(rate: "8K", keys: "redirect = syslog") { _, agent, _, path in
        try agent.mustRedirect(path)
        var heard = [String](), buffer = [UInt8](repeating: 0, count: 2048)
        try eventually("lines arrive") {
          while true {
            let n = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard n > 0 else { break }
            heard.append(String(decoding: buffer[..<n], as: UTF8.self))
          }
          return heard.count > 50
        }
        #expect(heard.allSatisfy { $0.hasPrefix("<30>flood.log: ") && !$0.hasSuffix("\n") })
        #expect(areConsecutive(numbers(heard.map { String($0.dropFirst(15)) }.joined(separator: "\n"))))
        try agent.mustUndo(path)
      }
    }

    @Test func theCommandLineRedirectsReadsAndUndoes() throws {
      try withFlood { scene, agent, _, path in
        func say(_ words: String...) throws -> (code: Int, text: String) {
          let process = try scene.start(try builtProgram("memwarden"), words + ["--socket", agent.socketPath])
          return (try process.waitForExit(), process.output)
        }
        #expect(try say("redirect", path, "--to", "null").text == "log \(path) goes to null now\n")
        let tail = try say("tail", path, "--lines", "7")
        #expect(tail.code == 0 && numbers(tail.text).count == 7 && areConsecutive(numbers(tail.text)))
        #expect(try say("undo", path).text == "log \(path) goes to its file again\n")
        #expect(try say("undo", path).code == 1)
        let wrong = try say("redirect", path, "--to", "/etc/passwd")
        #expect(wrong.code == 1 && wrong.text.contains("only the path"), "\(wrong.text)")
      }
    }
  }
}

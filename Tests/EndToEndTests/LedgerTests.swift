// The ledger finds what was planted, wherever that is, and names who holds it; its rows are all of MemTotal.
import Foundation
import Testing

private let planted = 100 << 20
/// What the kernel and others may have done meanwhile.
private let slack = 24 << 20

/// A file on a RAM filesystem is not page cache; those have no device of their own.
private let isOnDisk: Bool = {
  var status = stat()
  return stat("/tmp", &status) == 0 && status.st_dev >> 8 & 0xFFF != 0
}()

extension Agent {
  /// A ledger that was made after this call: one that is told again is waited out. Whatever it says adds up.
  fileprivate func ledger(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSONObject {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    let asked = time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    var told = JSONObject()
    try eventually("a new ledger", sourceLocation: sourceLocation) {
      told = try get("/v1/ledger").json()
      return told.number("read_boot_ms") ?? 0 > asked
    }
    let rows = told.objects("rows"), total = told.number("mem_total_bytes")
    #expect(rows.reduce(0) { $0 + ($1.number("bytes") ?? 0) } == total, sourceLocation: sourceLocation)
    #expect(total == kilobytes("MemTotal", in: "/proc/meminfo").map { $0 * 1024 }, sourceLocation: sourceLocation)
    // Under 3 % of this machine, whichever it is.
    #expect((told.number("unexplained_permyriad") ?? 10_000) < 300, "\(told)", sourceLocation: sourceLocation)
    return told
  }
}

extension JSONObject {
  fileprivate func row(_ kind: String) -> JSONObject { objects("rows").first { $0.text("kind") == kind } ?? [:] }
  fileprivate func bytes(_ kind: String) -> Int { row(kind).number("bytes") ?? 0 }
  fileprivate func part(_ kind: String, _ name: String) -> JSONObject {
    row(kind).objects("parts").first { $0.text("name") == name } ?? [:]
  }
}

extension EndToEnd {
  @Suite struct Ledger {
    /// A process that wrote 100 MB to the file and keeps it open.
    private func plant(_ path: String, _ scene: Scene) throws -> StartedProcess {
      let writer = try scene.startLeaky("flood", "--file", path, "--rate", "0", "--total", "100M")
      try eventually("all of \(path) is written") { allocatedBytes(path) ?? 0 >= planted }
      return writer
    }

    @Test func aHundredMegabytesInAProcessAreFoundByWorkerAndByName() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          """
          interval = 200ms
          worker "planted" { run = {"\(try builtProgram("leaky"))", "idle", "--size", "100M"} soft = 1G }
          """)
        let pid = try #require(try agent.awaitPids(of: "planted").first)
        try eventually("it holds its memory") { uss(of: pid) ?? 0 >= planted }
        let one = try agent.ledger()
        let worker = one.part("processes", "planted")
        #expect(worker.text("what") == "worker" && worker.number("pid") == Int(pid))
        #expect(abs((worker.number("bytes") ?? 0) - planted) < slack)

        let other = try scene.startLeaky("idle", "--size", "100M")
        try eventually("the other holds its memory") { uss(of: other.pid) ?? 0 >= planted }
        let two = try agent.ledger()
        #expect(two.bytes("processes") >= 2 * planted - slack)
        let named = two.part("processes", "leaky")
        #expect(named.text("what") == "command" && named.number("bytes") ?? 0 >= planted - slack)
        #expect(named["estimate"] as? Bool == false)
      }
    }

    @Test(.enabled(if: mayMount, "needs the right to mount"), arguments: ["tmpfs", "ramfs"])
    func aHundredMegabytesInAFileAreFoundWithItsWriter(type: String) throws {
      try withScene { scene in
        let disk = try scene.mount(type, "size=200m,mode=755"), path = "\(disk)/big\n\u{1B}[2J"
        let agent = try scene.startAgent("interval = 200ms\n")
        let before = try agent.ledger()
        let writer = try plant(path, scene)
        let after = try agent.ledger()
        #expect(abs(after.bytes(type) - before.bytes(type) - planted) < slack)
        #expect(abs((after.part(type, disk).number("bytes") ?? 0) - planted) < slack)
        let file = after.part(type, path)
        #expect(file.number("bytes") ?? 0 >= planted && file.number("pid") == Int(writer.pid))
        #expect(file.text("comm") == "leaky")

        // Deleted and held open, it is somewhere else in the ledger.
        #expect(unlink(path) == 0)
        let deleted = try agent.ledger()
        #expect(abs(deleted.bytes("deleted_files") - before.bytes("deleted_files") - planted) < slack)
        #expect(abs(deleted.bytes(type) - before.bytes(type)) < slack)
        let held = deleted.part("deleted_files", path)
        #expect(held.number("bytes") ?? 0 >= planted && held.number("pid") == Int(writer.pid))
      }
    }

    @Test func aHundredMegabytesInAMemfdAreFoundWithItsHolder() throws {
      try withScene { scene in
        typealias Create = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
        let create = unsafeBitCast(try #require(dlsym(nil, "memfd_create")), to: Create.self)
        let agent = try scene.startAgent("interval = 200ms\n")
        let before = try agent.ledger()
        let memfd = create("planted", 1)
        try #require(memfd >= 0)
        defer { close(memfd) }
        let text = [UInt8](repeating: 1, count: planted)
        #expect(write(memfd, text, planted) == planted)
        let after = try agent.ledger()
        #expect(abs(after.bytes("memfds") - before.bytes("memfds") - planted) < slack)
        let part = after.part("memfds", "planted")
        #expect(part.number("bytes") == planted && part.number("pid") == Int(getpid()))
      }
    }

    /// Of the page cache only what is open or mapped has a holder.
    @Test(.enabled(if: isOnDisk, "needs a temporary folder on a disk"))
    func aHundredMegabytesOfPageCacheAreFoundWithWhoHasThemOpen() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 200ms\n")
        let path = scene.path("cached"), writer = try plant(path, scene)
        let told = try agent.ledger()
        let file = told.part("page_cache", path)
        #expect(file.number("bytes") ?? 0 >= planted - slack && file.number("pid") == Int(writer.pid))
        #expect(told.bytes("page_cache") >= planted - slack)
      }
    }

    @Test func manyWhoAskAtOnceAndWhoHangUpMeanwhileAreNoTrouble() throws {
      try withScene { scene in
        let agent = try scene.startAgent("interval = 200ms\n")
        let question = "GET /v1/ledger HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8
        for _ in 0..<8 { try Connection(agent.endpoint).send(question) }
        let connections = try (0..<6).map { _ in try Connection(agent.endpoint) }
        for connection in connections { connection.send(question) }
        #expect(connections.allSatisfy { $0.receiveAnswer()?.status == 200 })
        // Its servers are exchanged while somebody waits.
        for _ in 0..<3 {
          usleep(1_100_000)
          let waiting = try Connection(agent.endpoint)
          waiting.send(question)
          agent.process.signal(SIGHUP)
          _ = waiting.receiveAnswer()
          #expect(try agent.get("/v1/ledger").status == 200)
        }
        let plain = try request("GET", "/v1/ledger", at: agent.endpoint, headers: ["Accept": "text/plain"]).text
        #expect(plain.contains("unexplained") && plain.contains(" in all, "))
        #expect(try agent.stop() == 0)
      }
    }

    @Test func theLoopIsNotHeldWhileHundredsOfProcessesAreRead() throws {
      try withScene { scene in
        for _ in 0..<200 { _ = try scene.startLeaky("idle", "--size", "64K") }
        let agent = try scene.startAgent("interval = 10s\n")
        let told = try agent.ledger()
        #expect(told.part("processes", "leaky").number("processes") ?? 0 >= 200)
        let own = try agent.get("/v1/status").json().object("self")
        print(
          "ledger of \(told.number("processes") ?? 0) processes: \(told.number("took_ms") ?? 0) ms, "
            + "\(told.number("cpu_us") ?? 0) us of CPU; longest turn \(own.number("longest_turn_us") ?? 0) us in "
            + "\(own.text("longest_turn_in") ?? "")")
      }
    }
  }
}

// Several logs share one budget: of a pattern, of a filesystem, of all the RAM filesystems. What gives way first, what
// never does, and what is told.
import Foundation
import Testing

private let megabyte = 1 << 20

/// What the files hold together.
private func held(_ paths: [String]) -> Int { paths.reduce(0) { $0 + (allocatedBytes($1) ?? 0) } }

private func write(_ path: String, _ bytes: Int, of letter: String = "x") throws -> Data {
  let text = Data(
    String(repeating: String(repeating: letter, count: 79) + "\n", count: bytes / 80 + 1).prefix(bytes).utf8)
  try text.write(to: URL(fileURLWithPath: path))
  return text
}

private func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

extension Agent {
  fileprivate func group(_ name: String) throws -> JSONObject {
    let all = try get("/v1/logs").json().objects("groups")
    return try #require(all.first { $0.text("name") == name })
  }
  /// The `path` of each such event of the group, in their order.
  fileprivate func paths(_ event: String, of group: String) throws -> [String] {
    try events(event).filter { $0.text("budget") == group }.compactMap { $0.text("path") }
  }
}

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct LogGroup {
    @Test(arguments: ["tmpfs", "ramfs"])
    func twentyLogsFloodedUnevenlyStayWithinTheBudgetOfTheirPattern(type: String) throws {
      // As in LogBudgetTests: a run in which the machine had no processor for the agent is made again.
      var over = 0
      for _ in 1...4 {
        over = try flood(type)
        if over == 0 { break }
      }
      #expect(over == 0)
    }

    private func flood(_ type: String) throws -> Int {
      var over = 0
      try withScene { scene in
        let disk = try scene.mount(type), pattern = "\(disk)/*.log", budget = 4 * megabyte
        let paths = (0..<20).map { "\(disk)/\($0).log" }
        for path in paths { try Data().write(to: URL(fileURLWithPath: path)) }
        let kept = try write("\(disk)/protected.log", 200_000, of: "p")
        let hidden = try write("\(disk)/.hidden.log", 100_000, of: "h")
        let other = try write("\(disk)/other.db", 100_000, of: "o")
        let agent = try scene.startAgent(
          """
          interval = 200ms
          logs "\(pattern)" { budget = 4M each = 1M protect = {"\(disk)/prot*.log"} }
          """)
        try eventually("all are watched") {
          let logs = try agent.get("/v1/logs").json().objects("logs")
          return logs.count == 20 && logs.allSatisfy { $0.text("state") == "watched" && $0.text("group") == pattern }
        }
        // The fastest one fills its own budget soon; the others grow to half a megabyte and more together.
        for (i, path) in paths.enumerated() {
          _ = try scene.startLeaky("flood", "--file", path, "--rate", i == 7 ? "2M" : "\(20 * (i + 1))K")
        }
        let end = bootMilliseconds() + 8000
        var most = 0
        while bootMilliseconds() < end {
          let sum = held(paths) + (allocatedBytes("\(disk)/protected.log") ?? 0)
          most = max(most, sum)
          if sum > budget + 20 * 4096 { over += 1 }
          #expect(sum < 2 * budget)
          usleep(5_000)
        }
        #expect(most > budget / 2)
        #expect(contents("\(disk)/protected.log") == kept)
        #expect(contents("\(disk)/.hidden.log") == hidden && contents("\(disk)/other.db") == other)
        let group = try agent.group(pattern)
        #expect(group.number("logs") == 20 && group.number("budget_bytes") == budget)
        #expect(group.number("cuts") ?? 0 > 0 && group.number("freed_bytes") ?? 0 > 0)
        #expect(group.number("not_evictable_bytes") ?? 0 >= 200_000)
        #expect(try agent.paths("evicted", of: pattern).first == paths[7], "the fastest grower gives way first")
        let metrics = try agent.get("/metrics").text
        #expect(metrics.contains("memwarden_budget_bytes{budget=\"\(pattern)\"} \(budget)\n"))
        #expect(try agent.group(pattern).text("state") != "unreachable")
      }
      return over
    }

    @Test func oldArchivesGoBeforeAnyLogIsCutAndOpenOrProtectedOnesStay() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), pattern = "\(disk)/*"
        let log = "\(disk)/app.log"
        try Data().write(to: URL(fileURLWithPath: log))
        for name in ["app.log.1", "app.log.2.gz", "app.log.3.gz", "app.log.4.gz", "kept.log.9"] {
          _ = try write("\(disk)/\(name)", 300_000, of: String(name.suffix(1)))
        }
        let reader = try FileHandle(forReadingFrom: URL(fileURLWithPath: "\(disk)/app.log.4.gz"))
        defer { try? reader.close() }
        let agent = try scene.startAgent(
          """
          interval = 200ms
          logs "\(pattern)" { budget = 2M protect = {"\(disk)/kept.*"} }
          """)
        try eventually("the archives are known") { try agent.group(pattern).number("archives") == 4 }
        _ = try scene.startLeaky("flood", "--file", log, "--rate", "400K", "--total", "1M")
        try agent.awaitEvent("archive_removed", count: 1)
        #expect(try agent.paths("archive_removed", of: pattern).first == "\(disk)/app.log.3.gz")
        #expect(try agent.log(log).number("cuts") == 0)
        _ = try scene.startLeaky("flood", "--file", log, "--rate", "400K", "--total", "4M")
        try agent.awaitEvent("archive_removed", count: 3)
        #expect(
          try agent.paths("archive_removed", of: pattern)
            == ["app.log.3.gz", "app.log.2.gz", "app.log.1"].map { "\(disk)/\($0)" })
        try eventually("then the log gives way") { try agent.log(log).number("cuts") ?? 0 > 0 }
        #expect(access("\(disk)/app.log.4.gz", F_OK) == 0, "somebody reads it")
        #expect(contents("\(disk)/kept.log.9")?.count == 300_000)
        #expect(try agent.group(pattern).number("removals") == 3)
        try eventually("it is within its budget") { held([log, "\(disk)/app.log.4.gz"]) <= 2 * megabyte - 303_104 }
      }
    }

    @Test func aNewFileIsFoundAndAFileThatIsGoneIsForgotten() throws {
      try withScene { scene in
        let disk = try scene.mount("ramfs"), pattern = "\(disk)/*/x[0-9].log"
        try FileManager.default.createDirectory(atPath: "\(disk)/a", withIntermediateDirectories: false)
        let agent = try scene.startAgent("interval = 5s\nlogs \"\(pattern)\" { budget = 1M each = 512K }")
        try eventually("it was searched for") { try agent.group(pattern).text("state") == "within" }
        let path = "\(disk)/a/x1.log"
        _ = try write("\(disk)/a/xx.log", 8192)
        let flooder = try scene.startLeaky("flood", "--file", path, "--rate", "2M")
        var most = 0
        try always(for: 3, "it stays within a second of its flood; the most was \(most)") {
          most = max(most, allocatedBytes(path) ?? 0)
          return most <= 3 * megabyte
        }
        try eventually("it stays within its budget") { allocatedBytes(path) ?? .max <= megabyte / 2 }
        #expect(try agent.log(path).text("group") == pattern)
        #expect(try agent.get("/v1/logs").json().objects("logs").count == 1)
        flooder.signal(SIGKILL)
        try eventually("it ended") { !flooder.isRunning }
        unlink(path)
        try eventually("it is forgotten") { try agent.get("/v1/logs").json().objects("logs").isEmpty }
      }
    }

    @Test func aSectionOfItsOwnWinsOverAPatternAndAFolderMeansAllFilesBelow() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs")
        try FileManager.default.createDirectory(atPath: "\(disk)/deep/er", withIntermediateDirectories: true)
        for name in ["own.log", "deep/one", "deep/er/two"] { _ = try write("\(disk)/\(name)", 10_000) }
        let settings = "interval = 200ms\nlogs \"\(disk)\" { budget = 1M }\nlog \"\(disk)/own.log\" { budget = 64K }\n"
        let agent = try scene.startAgent(settings)
        try eventually("all are watched") { try agent.get("/v1/logs").json().objects("logs").count == 3 }
        let groups = Dictionary(
          uniqueKeysWithValues: try agent.get("/v1/logs").json().objects("logs").map {
            ($0.text("path") ?? "", $0.text("group"))
          })
        #expect(groups == ["\(disk)/own.log": nil, "\(disk)/deep/one": disk, "\(disk)/deep/er/two": disk])
        #expect(try agent.group(disk).number("logs") == 2)
        // A reload that changes nothing here keeps them; one without the section lets them go.
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try agent.get("/v1/logs").json().objects("logs").count == 3)
        try agent.rewrite("log \"\(disk)/own.log\" { budget = 64K }\n")
        #expect(try agent.post("/v1/reload").status == 200)
        #expect(try agent.get("/v1/logs").json().objects("logs").compactMap { $0.text("path") } == ["\(disk)/own.log"])
        #expect(try agent.get("/v1/logs").json().objects("groups").isEmpty)
      }
    }

    @Test(arguments: ["tmpfs", "ramfs"])
    func aFilesystemIsKeptWithinItsBudgetBesideAFileThatIsNoLog(type: String) throws {
      try withScene { scene in
        let disk = try scene.mount(type, "size=16m,mode=755"), log = "\(disk)/flood.log", other = "\(disk)/other.db"
        let text = try write(other, 2 * megabyte, of: "o")
        try Data().write(to: URL(fileURLWithPath: log))
        let agent = try scene.startAgent(
          """
          interval = 100ms
          log "\(log)" { budget = 64M keep = 64K }
          filesystem "\(disk)" { budget = \(type == "tmpfs" ? "50%" : "8M") }
          """)
        try eventually("it is measured") { try agent.group(disk).number("held_bytes") ?? 0 >= 2 * megabyte }
        let budget = 8 * megabyte
        #expect(try agent.group(disk).number("budget_bytes") == budget)
        _ = try scene.startLeaky("flood", "--file", log, "--rate", "5M")
        let first = try agent.awaitEvent("evicted")
        #expect(first.text("path") == log && first.text("budget") == disk && first.text("reason") == "budget")
        var over = 0
        let end = bootMilliseconds() + 4000
        while bootMilliseconds() < end {
          if held([log, other]) > budget + 65536 { over += 1 }
          usleep(5_000)
        }
        #expect(over < 20, "a machine without a processor for the agent apart")
        #expect(contents(other) == text)
        #expect(try agent.group(disk).number("not_evictable_bytes") ?? 0 >= 2 * megabyte)
        // Now what is no log is larger than the budget.
        _ = try write(other, 9 * megabyte, of: "o")
        let short = try agent.awaitEvent("budget_unreachable")
        #expect(short.number("not_evictable_bytes") ?? 0 >= 17 * megabyte / 2)
        #expect(try agent.group(disk).text("state") == "unreachable")
        try always(for: 1.5, "told once") { try agent.events("budget_unreachable").count == 1 }
        unlink(other)
        try agent.awaitEvent("budget_kept_again")
      }
    }

    @Test func linksInAFolderThatMatchesAreRefusedAndWhatTheyPointToStays() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), outside = try scene.mount("tmpfs", at: "outside")
        let secret = try write("\(outside)/secret.log", 3 * megabyte, of: "s")
        let hard = try write("\(disk)/hard", 500_000, of: "h")
        symlink("\(outside)/secret.log", "\(disk)/link.log")
        symlink(outside, "\(disk)/folder")
        link("\(disk)/hard", "\(disk)/hard.log")
        symlink("\(outside)/secret.log", "\(disk)/old.log.1")
        mkfifo("\(disk)/fifo.log", 0o600)
        let agent = try scene.startAgent(
          """
          interval = 200ms
          logs "\(disk)/*.log" { budget = 64K }
          logs "\(disk)/*/*.log" { budget = 64K }
          logs "\(disk)/*.1" { budget = 64K }
          """)
        for path in ["\(disk)/link.log", "\(disk)/hard.log", "\(disk)/old.log.1"] {
          try agent.awaitEvent("cut_refused", of: path)
          #expect(try agent.log(path).text("state") == "refused")
        }
        try agent.awaitEvent("budget_unreachable")
        #expect(try agent.get("/v1/logs").json().objects("logs").count == 3)
        #expect(contents("\(outside)/secret.log") == secret && contents("\(disk)/hard") == hard)
        var status = stat()
        #expect(lstat("\(disk)/old.log.1", &status) == 0)
      }
    }

    @Test func whatIsOnlyObservedIsToldAndNotDone() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), pattern = "\(disk)/*"
        let log = try write("\(disk)/a.log", 300_000), archive = try write("\(disk)/a.log.1", 300_000)
        let agent = try scene.startAgent(
          """
          interval = 100ms
          logs "\(pattern)" { budget = 256K observe = yes }
          ram_filesystems { budget = 4K observe = yes }
          """)
        try eventually("both are told") {
          let told = try agent.events("would_remove").compactMap { $0.text("budget") }
          return told.contains(pattern) && told.contains("ram_filesystems")
        }
        try always(for: 1, "nothing is done") {
          contents("\(disk)/a.log") == log && contents("\(disk)/a.log.1") == archive
        }
        #expect(try agent.group(pattern).number("removals") == 0)
      }
    }

    @Test func aSilentBoardWithManyLogsStaysAsleep() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs")
        for i in 0..<300 { _ = try write("\(disk)/\(i).log", 1000) }
        let agent = try scene.startAgent(
          """
          interval = 5s
          logs "\(disk)/*" { budget = 4M each = 64K }
          filesystem "\(disk)" { }
          """)
        try agent.awaitEvent("too_many_logs")
        let group = try agent.group("\(disk)/*")
        #expect(group.number("logs") == 256 && group.number("unwatched_files") == 44)
        #expect(group.number("held_bytes") == 300 * 4096)
        func wakeUps() throws -> Int { try agent.get("/v1/status").json().object("self").number("wake_ups") ?? 0 }
        // Once every log has had its first looks.
        usleep(3_000_000)
        let before = try wakeUps()
        usleep(5_000_000)
        #expect(try wakeUps() - before <= 12, "two ticks, and the requests of this test")
      }
    }

    @Test func checkLiveSaysHowEachLogWouldBeCutAndWhatDoesNotFit() throws {
      try withScene { scene in
        let tmpfs = try scene.mount("tmpfs", "size=1m,mode=755"), ramfs = try scene.mount("ramfs", at: "ramfs")
        _ = try write("\(tmpfs)/a.log", 5000)
        _ = try write("\(tmpfs)/a.log.1", 5000)
        _ = try write("\(tmpfs)/wtmp.log", 5000)
        _ = try write("\(ramfs)/c.log", 5000)
        let writer = try scene.startLeaky("flood", "--file", "\(ramfs)/b.log", "--rate", "1K", "--no-append")
        try eventually("it is written") { allocatedBytes("\(ramfs)/b.log") ?? 0 > 0 }
        let path = try scene.write(
          """
          log "\(ramfs)/b.log" { budget = 64K }
          log "\(ramfs)/c.log" { budget = 64K reopen = HUP }
          log "\(tmpfs)/none.log" { budget = 64K }
          logs "\(tmpfs)/*" { budget = 4M protect = {"\(tmpfs)/w*"} }
          filesystem "\(tmpfs)" { budget = 2M }
          ram_filesystems { }
          """, to: "memwarden.conf")
        let check = try scene.start(try builtProgram("memwarden"), ["check", "-c", path, "--live"])
        #expect(try check.waitForExit() == 1)
        let said = check.output
        for expected in [
          "log \(ramfs)/b.log: holds 4 KiB of 64 KiB; would be cut by put-back: on ramfs, and a writer does not append",
          "log \(ramfs)/c.log: holds 8 KiB of 64 KiB; would be renamed, where its writers can be asked to open it again, "
            + "else cut by tail-keep: the configuration says so",
          "written by pid \(writer.pid), without O_APPEND", "log \(tmpfs)/none.log: is not there now",
          "logs \(tmpfs)/*: 3 files with 24 KiB of 4 MiB",
          "log \(tmpfs)/a.log: holds 8 KiB of 4 MiB; would be cut by punch: on tmpfs the head becomes a hole",
          "\(tmpfs)/a.log.1: an archive of 8 KiB, goes first", "\(tmpfs)/wtmp.log: protected",
          "its budget of 4 MiB is more than its filesystem has (1 MiB)",
          "filesystem \(tmpfs): its budget of 2 MiB is more than its size of 1 MiB",
          "ram_filesystems: all together hold",
          "ramfs \(ramfs): nothing bounds it but RAM; a tmpfs with size=",
        ] { #expect(said.contains(expected), "\(expected) in:\n\(said)") }
      }
    }

    @Test func logsGiveWayWhileTooLittleRAMIsAvailable() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs")
        _ = try write("\(disk)/a.log", 3 * megabyte)
        let agent = try scene.startAgent(
          """
          interval = 100ms
          log "\(disk)/a.log" { budget = 8M keep = 128K }
          ram_filesystems { budget = 100% available_below = 100% }
          """)
        try agent.awaitEvent("evicted")
        #expect(try agent.events("evicted").first?.text("reason") == "available_below")
        #expect(allocatedBytes("\(disk)/a.log") ?? .max <= 132 << 10)
      }
    }
  }
}

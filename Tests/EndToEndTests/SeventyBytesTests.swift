// Seed 0, as it happened: a ramfs, a daemon that writes 70 bytes for every client that says nothing, and a clock that
// nobody has set. The memory is lost to a file, not to a leak.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct SeventyBytes {
    /// A library that takes a process back to a board's first minutes: CLOCK_REALTIME begins in 1970. Every other clock
    /// is as it is.
    private func unsetClock(in scene: Scene) throws -> [String] {
      let source = try scene.write(
        """
        #define _GNU_SOURCE
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t id, struct timespec *t) {
          return syscall(SYS_clock_gettime, id == CLOCK_REALTIME ? CLOCK_BOOTTIME : id, t) < 0 ? -1 : 0;
        }
        time_t time(time_t *out) {
          struct timespec t;
          clock_gettime(CLOCK_REALTIME, &t);
          if (out) *out = t.tv_sec;
          return t.tv_sec;
        }
        """, to: "clock.c")
      let compiler = try scene.start("/usr/bin/cc", ["-O1", "-shared", "-fPIC", "-o", scene.path("clock.so"), source])
      #expect(try compiler.waitForExit() == 0, "\(compiler.output)")
      return ["/usr/bin/env", "LD_PRELOAD=\(scene.path("clock.so"))"]
    }

    private func startServer(_ scene: Scene, _ path: String) throws -> (server: StartedProcess, port: UInt16) {
      let port = try freePort()
      let server = try scene.startLeaky("silent-server", "--log", path, "--port", "\(port)")
      try eventually("the server listens") { (try? connectSilently(to: port, times: 1)) != nil }
      return (server, port)
    }

    @Test func theLostMemoryIsTheLogsAndNotTheDaemons() throws {
      try withScene { scene in
        let disk = try scene.mount("ramfs"), path = "\(disk)/system.log"
        let (server, port) = try startServer(scene, path)
        let settings = """
          interval = 200ms
          worker "daemon" { cmdline = "silent-server --log \(path)" respawn = yes soft = 32M }

          """
        let agent = try scene.startAgent(settings, under: try unsetClock(in: scene))
        let fileSystem = {
          try agent.get("/v1/filesystems").json().objects("filesystems").first { $0.text("mount") == disk } ?? [:]
        }
        try eventually("the filesystem was walked") { try fileSystem().number("regular_files") == 1 }
        _ = try agent.awaitPids(of: "daemon")
        let before = try #require(try fileSystem().number("used_bytes"))
        let size = try #require(try fileSystem().number("apparent_bytes"))

        try connectSilently(to: port, times: 400)
        try eventually("all 28 000 bytes were seen") { try fileSystem().number("apparent_bytes") == size + 28_000 }
        let told = try fileSystem(), used = try #require(told.number("used_bytes")) - before
        #expect(used == 28_672 || used == 24_576, "seven pages, or six and the one that was begun: \(used)")
        let grower = try #require(told.objects("growing_files").first)
        #expect(grower.text("path") == path)
        try eventually("its writer is named") {
          let writer = try fileSystem().objects("growing_files").first?.object("writer")
          return writer?.number("pid") == Int(server.pid) && writer?.text("comm") == "leaky"
            && writer?.text("worker") == "daemon"
        }
        // The process itself is flat, and nothing is done to it.
        #expect(try agent.events().allSatisfy { ($0.text("time") ?? "").hasPrefix("1970-01-") })
        #expect(try agent.events("over_soft").isEmpty && agent.events("recycled").isEmpty)

        try agent.rewrite(settings + "log \"\(path)\" { budget = 64K method = tail-keep redirect = ring ring = 64K }\n")
        #expect(try agent.post("/v1/reload").status == 200)
        try eventually("the log is watched") { try agent.log(path).text("state") == "watched" }
        // A thousand clients a second. Where the machine had no processor for the agent for longer than it cuts ahead, the
        // ten thousand are sent again; they are never far over.
        var most = 0
        for _ in 1...4 {
          most = 0
          for _ in 0..<1000 {
            try connectSilently(to: port, times: 10)
            most = max(most, allocatedBytes(path) ?? 0)
            usleep(10_000)
          }
          #expect(most < 3 * 64 * 1024, "\(most)")
          if most <= 64 * 1024 + 4096 { break }
        }
        #expect(most <= 64 * 1024 + 4096, "\(most)")
        #expect(try agent.log(path).number("cuts") ?? 0 >= 10)
        #expect(try agent.events("recycled").isEmpty && server.isRunning)
        var lines: [Data] = []
        try eventually("the newest line is there") {
          let text = try Data(contentsOf: URL(fileURLWithPath: path))
          lines = text.split(separator: 0x0A).map { Data($0) }
          return text.last == 0x0A
        }
        #expect(lines.count > 100 && lines.allSatisfy { $0.count == 69 }, "whole lines only")

        // Redirected it takes no room at all, and the last of it can be read.
        try agent.mustRedirect(path)
        for _ in 0..<1000 { try connectSilently(to: port, times: 10) }
        #expect(allocatedBytes(path) == 0)
        try eventually("the last 200 lines can be read") {
          let last = try agent.tail(path, lines: 200), lines = last["lines"] as? [String] ?? []
          return last.text("source") == "ring" && lines.count == 200 && lines.allSatisfy { $0.utf8.count == 69 }
        }
        try agent.mustUndo(path)
        #expect(links(of: server.pid).contains(path) && allocatedBytes(path) ?? 0 > 0)
        #expect(try agent.events("recycled").isEmpty && server.isRunning)
      }
    }

    @Test func oneClientASecondIsForecastWithinFivePerCent() throws {
      try withScene { scene in
        let disk = try scene.mount("ramfs"), path = "\(disk)/system.log"
        let (server, port) = try startServer(scene, path)
        let agent = try scene.startAgent("interval = 1s\n", under: try unsetClock(in: scene))
        var start: Int?
        var perDay = 0, line = 0, within = 0
        // Lines on the second, as seen from the first; the agent's walks fall where they fall.
        try eventually(within: 150, "5.8 MB a day, ten times in a row, told at last: \(perDay)") {
          let now = bootMilliseconds(), first = start ?? now
          start = first
          if now < first + line * 1000 { return false }
          try connectSilently(to: port, times: 1)
          line += 1
          let told = try agent.get("/v1/filesystems").json()
          perDay = told.objects("filesystems").first { $0.text("mount") == disk }?.number("bytes_per_day") ?? 0
          // One line more or less is 5 % of twenty.
          within = line > 45 && abs(perDay - 6_048_000) <= 302_400 ? within + 1 : 0
          return within == 10
        }
        let told = try #require(
          try agent.get("/v1/filesystems").json().objects("filesystems").first { $0.text("mount") == disk })
        #expect(told.objects("growing_files").first?.text("path") == path)
        let limit = try #require(told.number("limit_bytes")), used = try #require(told.number("used_bytes"))
        let days = Double(limit - used) / 6_048_000,
          forecast = Double(try #require(told.number("full_in_ms"))) / 86_400_000
        #expect(abs(forecast - days) < days * 0.05, "\(forecast) days of \(days)")
        #expect(server.isRunning)
      }
    }
  }
}

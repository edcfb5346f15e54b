// The agent against something real: Debian's lighttpd with its logs on a ramfs, silent clients and clients that fetch.
import Foundation
import Testing

private let program = "/usr/sbin/lighttpd"
private let megabyte = 1 << 20

extension EndToEnd {
  @Suite(
    .enabled(if: mayMount, "needs the right to mount"),
    .enabled(if: access(program, X_OK) == 0, "needs Debian's lighttpd: apt-get install lighttpd"))
  struct Lighttpd {
    /// A server in the background with its pidfile, its logs on a ramfs, and the script that restarts it.
    final class Server {
      let port: UInt16
      let accessLog: String, errorLog: String, pidfile: String, script: String
      var pid: pid_t { pid_t(text(of: pidfile).trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 }

      init(in scene: Scene) throws {
        port = try freePort()
        let disk = try scene.mount("ramfs")
        (accessLog, errorLog, pidfile) = ("\(disk)/access.log", "\(disk)/error.log", scene.path("lighttpd.pid"))
        try FileManager.default.createDirectory(atPath: scene.path("www"), withIntermediateDirectories: false)
        try scene.write(String(repeating: "a page\n", count: 100), to: "www/page.html")
        let configuration = try scene.write(
          """
          server.modules = ("mod_accesslog")
          server.document-root = "\(scene.path("www"))"
          server.bind = "127.0.0.1"
          server.port = \(port)
          server.pid-file = "\(pidfile)"
          server.errorlog = "\(errorLog)"
          accesslog.filename = "\(accessLog)"
          debug.log-state-handling = "enable"
          mimetype.assign = (".html" => "text/html")
          """, to: "lighttpd.conf")
        script = try scene.write(
          """
          pid=$(cat \(pidfile))
          kill $pid
          while kill -0 $pid 2>/dev/null; do sleep 0.02; done
          exec \(program) -f \(configuration)
          """, to: "restart.sh")
        let starter = try scene.start(program, ["-f", configuration])
        #expect(try starter.waitForExit() == 0, "\(starter.output)")
        try eventually("it serves") { isServing }
      }

      var isServing: Bool { (try? request("GET", "/page.html", at: .port(port)))?.status == 200 }

      /// Some that hang up at once, some that fetch; a long address makes a long line.
      func bother(times: Int) throws {
        let address = "/page.html?" + String(repeating: "x", count: 900)
        for _ in 0..<times {
          try connectSilently(to: port, times: 1)
          #expect(try request("GET", address, at: .port(port)).status == 200)
        }
      }
    }

    @Test func theGrowthIsTheLogsAndItsWritersAndNobodyIsRestarted() throws {
      try withScene { scene in
        let server = try Server(in: scene)
        let agent = try scene.startAgent(
          """
          interval = 200ms
          worker "lighttpd" {
            comm = "lighttpd" pidfile = "\(server.pidfile)"
            restart = {"/bin/sh", "\(server.script)"}
            soft = 64M hold = 1s
          }
          log "\(server.accessLog)" { budget = 128K }
          log "\(server.errorLog)" { budget = 128K }
          """)
        let pid = server.pid
        #expect(try agent.awaitPids(of: "lighttpd") == [pid])

        var most = [0, 0]
        for _ in 0..<200 {
          try server.bother(times: 5)
          most[0] = max(most[0], allocatedBytes(server.accessLog) ?? 0)
          most[1] = max(most[1], allocatedBytes(server.errorLog) ?? 0)
          // A pace, not a wait: about 300 kB a second for each log.
          usleep(15_000)
        }
        #expect(most[0] <= 131072 + 4096 && most[1] <= 131072 + 4096, "\(most)")

        // 1000 lines of 1 kB and more: the memory went to the logs, and the agent says whose they are.
        for path in [server.accessLog, server.errorLog] {
          let log = try agent.log(path)
          #expect(log.text("state") == "watched" && log.text("type") == "ramfs")
          #expect(log.number("cuts") ?? 0 > 3, "\(path)")
          let writer = try #require(log.objects("writers").first)
          #expect(writer.number("pid") == Int(pid) && writer.text("comm") == "lighttpd")
          #expect(writer.text("worker") == "lighttpd" && writer["appends"] as? Bool == true)
          let lines = text(of: path)
          #expect(!lines.contains("\0") && lines.last == "\n")
        }
        try eventually("its growth is told") {
          try server.bother(times: 5)
          return try !agent.events("log_grows", of: server.accessLog).isEmpty
        }
        let grows = try agent.events("log_grows", of: server.accessLog)[0]
        #expect(grows.number("writer_pid") == Int(pid), "\(grows)")
        #expect(text(of: server.accessLog).split(separator: "\n").allSatisfy { $0.hasPrefix("127.0.0.1 ") })
        #expect(text(of: server.accessLog).hasSuffix("\n"))

        // And not to the process.
        let worker = try agent.worker("lighttpd")
        #expect(worker.text("state") == "ok" && worker.number("recycles") == 0)
        #expect(abs((worker.number("value_bytes") ?? 0) - (uss(of: pid) ?? 0)) < megabyte)
        #expect(try agent.get("/v1/workers/lighttpd/explain").json().text("message")?.contains("left alone") == true)
        #expect(try agent.events("recycle_began").isEmpty)
        #expect(server.pid == pid && server.isServing)
      }
    }

    @Test func aLimitThatIsReallyCrossedRecyclesItThroughItsOwnRestartCommand() throws {
      try withScene { scene in
        let server = try Server(in: scene)
        let old = server.pid, present = try #require(uss(of: old))
        let agent = try scene.startAgent(
          """
          interval = 200ms
          worker "lighttpd" {
            comm = "lighttpd" pidfile = "\(server.pidfile)"
            restart = {"/bin/sh", "\(server.script)"}
            soft = \(max(4096, present / 2)) hold = 400ms cooldown = 1h
          }
          """)
        let recycled = try agent.awaitEvent("recycled", of: "lighttpd")
        let new = server.pid
        #expect(new != old && !isAlive(old) && isAlive(new))
        #expect(recycled.number("old_pid") == Int(old) && recycled.number("new_pid") == Int(new))
        try eventually("it serves again") { server.isServing }
        try agent.awaitEvent("blocked", of: "lighttpd")
        try always(for: 1, "recycled once") { try agent.events("recycle_began").count == 1 && server.pid == new }
      }
    }
  }
}

// A guard that allocates while it watches would grow, and would fail just when memory is short.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct AllocationTests {
    /// Compiled here, for the host's C library: the product itself is not changed to be counted.
    private func counter(in scene: Scene) throws -> String {
      let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Benchmarks/allocations/count.c").path
      let compiler = try scene.start("/usr/bin/cc", ["-O1", "-shared", "-fPIC", "-o", scene.path("count.so"), source])
      try eventually("cc ends") { !compiler.isRunning }
      return scene.path("count.so")
    }

    private func allocations(_ path: String) throws -> UInt64 {
      let bytes = try #require(FileManager.default.contents(atPath: path))
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    @Test func aSteadyTickAllocatesNothing() throws {
      try withScene { scene in
        let library = try counter(in: scene)
        var settings = "interval = 100ms\n"
        for i in 0..<10 {
          _ = try scene.startLeaky("idle", "--size", "\(1000 + i)K")
          settings += "worker \"w\(i)\" { cmdline = 'leaky idle --size \(1000 + i)K' soft = 64M }\n"
        }
        settings += "worker \"all\" { cmdline = 'nothing is called so' metric = pss of = sum soft = 64M }\n"
        settings += "logs \"\(scene.directory)/*\" { budget = 1M }\nram_filesystems { budget = 100% }\n"
        settings += "filesystem \"/dev/shm\" { budget = 100% }\n"
        let counts = scene.path("allocations")
        let agent = try scene.startAgent(
          settings, under: ["/usr/bin/env", "ALLOCATIONS=\(counts)", "LD_PRELOAD=\(library)"])
        try eventually("all workers are found and read") {
          let workers = try agent.get("/v1/workers").json()["workers"] as? [[String: Any]] ?? []
          return workers.filter { ($0["value_bytes"] as? Int ?? 0) > 0 }.count == 10
        }
        #expect(try allocations(counts) > 100)
        // The connection of the last request is closed within a few turns, the first walks and searches are over within
        // a few seconds; then nothing but ticks wakes it. One that allocates in every tick never comes to rest.
        var (turns, start) = (try switches(agent.process.pid), try allocations(counts))
        try eventually("thirty ticks without an allocation") {
          let now = try allocations(counts)
          if now != start { (turns, start) = (try switches(agent.process.pid), now) }
          return try switches(agent.process.pid) >= turns + 30
        }
      }
    }

    /// How often the process has gone to sleep: once per turn of its loop.
    private func switches(_ pid: pid_t) throws -> Int {
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") })
      return try #require(Int(line.split(separator: "\t")[1]))
    }
  }
}

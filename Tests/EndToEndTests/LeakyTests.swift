// leaky does what its help says: the other end-to-end tests rest on it.
import Foundation
import Testing

private let megabyte = 1 << 20

extension EndToEnd {
  @Suite struct Leaky {
    @Test func aLeakerGrowsAtItsRateAndStopsAtItsMaximum() throws {
      try withScene { scene in
        let leaker = try scene.startLeaky("leak", "--rate", "40M", "--start", "4M", "--max", "24M")
        try eventually("it holds its maximum") { uss(of: leaker.pid) ?? 0 >= 24 * megabyte }
        try always(for: 0.2, "it holds no more") { uss(of: leaker.pid) ?? 0 < 26 * megabyte }
        #expect(try leaker.stop() == 0)
      }
    }

    @Test func anIdleWorkerHoldsItsSize() throws {
      try withScene { scene in
        let idler = try scene.startLeaky("idle", "--size", "16M")
        try eventually("it holds 16 MB") { uss(of: idler.pid) ?? 0 >= 16 * megabyte }
        try always(for: 0.2, "it holds no more") { uss(of: idler.pid) ?? 0 < 17 * megabyte }
        #expect(try idler.stop() == 0)
      }
    }

    @Test func aRetainerKeepsNineTenthsOfWhatItFreed() throws {
      try withScene { scene in
        let retainer = try scene.startLeaky("retain", "--size", "100M")
        let peak = { (kilobytes("VmHWM", in: "/proc/\(retainer.pid)/status") ?? 0) * 1024 }
        try eventually("it freed its top") { peak() > 100 * megabyte && uss(of: retainer.pid) ?? 0 < 96 * megabyte }
        try always(for: 0.2, "the rest stays") { uss(of: retainer.pid) ?? 0 > 85 * megabyte }
      }
    }

    @Test func aSpikeComesAndGoes() throws {
      try withScene { scene in
        let spiker = try scene.startLeaky("spike", "--size", "32M", "--for", "300ms", "--every", "600ms")
        for _ in 0..<2 {
          try eventually("the spike") { uss(of: spiker.pid) ?? 0 > 32 * megabyte }
          try eventually("its end") { uss(of: spiker.pid) ?? .max < 2 * megabyte }
        }
      }
    }

    @Test func aMasterReplacesAWorkerThatEndsAndTakesAllAlong() throws {
      try withScene { scene in
        let master = try scene.startLeaky("fork", "3", "--rate", "1M")
        try eventually("three workers") { children(of: master.pid).count == 3 }
        let first = children(of: master.pid)
        kill(first[0], SIGKILL)
        try eventually("a new worker") {
          let now = children(of: master.pid)
          return now.count == 3 && !now.contains(first[0])
        }
        let last = children(of: master.pid)
        #expect(try master.stop() == 0)
        #expect(!last.contains(where: isAlive))
      }
    }

    @Test func aFlooderWritesNumberedWholeLinesAndThenStays() throws {
      try withScene { scene in
        let path = scene.path("flood.log")
        let flooder = try scene.startLeaky("flood", "--file", path, "--rate", "0", "--total", "8K", "--line", "64")
        try eventually("all lines") { text(of: path).utf8.count == 8192 }
        let lines = text(of: path).split(separator: "\n")
        #expect(lines.count == 128)
        #expect(lines.allSatisfy { $0.utf8.count == 63 })
        #expect(lines.enumerated().allSatisfy { $1.hasPrefix(String(format: "%08d ", $0 + 1)) })
        #expect(flooder.isRunning)
        #expect(try flooder.stop() == 0)
      }
    }

    // Needs a filesystem of its own that can be full.
    @Test(.enabled(if: mayMount, "needs the right to mount"))
    func aFlooderSurvivesAFullFilesystem() throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs", "size=64k") + "/flood.log"
        let flooder = try scene.startLeaky("flood", "--file", path, "--rate", "0")
        try eventually("the filesystem is full") { allocatedBytes(path) == 65536 }
        truncate(path, 0)
        try eventually("it goes on") { allocatedBytes(path) == 65536 }
        #expect(try flooder.stop() == 0)
        #expect(flooder.output == "")
      }
    }

    @Test func aStubbornWorkerIgnoresSIGTERM() throws {
      try withScene { scene in
        let worker = try scene.startLeaky("stubborn", "--start", "1M")
        try eventually("it started") { uss(of: worker.pid) ?? 0 > megabyte }
        worker.signal(SIGTERM)
        try always(for: 0.2, "it runs") { worker.isRunning }
      }
    }

    @Test func aDaemonLeavesItsPidAndItsParent() throws {
      try withScene { scene in
        let pidfile = scene.path("pid")
        let starter = try scene.startLeaky("daemonize", "--pidfile", pidfile, "idle", "--size", "1M")
        #expect(try starter.waitForExit() == 0)
        let pid = try #require(pid_t(text(of: pidfile).trimmingCharacters(in: .newlines)))
        #expect(isAlive(pid))
        #expect(statFields(pid)[1] != "\(starter.pid)")
      }
    }

    @Test func aCrashIsACrash() throws {
      try withScene { scene in
        let crasher = try scene.startLeaky("crash", "--after", "50ms")
        #expect(try crasher.waitForExit() == 128 + Int(SIGABRT))
      }
    }

    @Test func slabsGrowTheKernelAndNotTheProcess() throws {
      try withScene { scene in
        let slab = { (kilobytes("Slab", in: "/proc/meminfo") ?? 0) * 1024 }
        let before = slab()
        let pinner = try scene.startLeaky("slab", "--size", "64M")
        try eventually("the kernel holds more") { slab() - before > 48 * megabyte }
        #expect(try #require(uss(of: pinner.pid)) < megabyte)
      }
    }

    @Test func aSilentClientCostsExactlySeventyBytes() throws {
      try withScene { scene in
        let port = try freePort(), log = scene.path("system.log")
        _ = try scene.startLeaky("silent-server", "--log", log, "--port", "\(port)")
        try eventually("it listens") { (try? request("GET", "/", at: .port(port)))?.text == "ok\n" }
        try connectSilently(to: port, times: 400)
        try eventually("400 lines") { text(of: log).utf8.count == 28_000 }
        #expect(text(of: log).split(separator: "\n").count == 400)
      }
    }

    @Test(arguments: [["leak"], ["nonsense"], ["leak", "--rate", "3Q"], ["idle", "--size"], []])
    func wrongUsageIsTold(_ words: [String]) throws {
      try withScene { scene in
        let process = try scene.start(try builtProgram("leaky"), words)
        #expect(try process.waitForExit() == 100)
        #expect(process.output.contains("leaky"))
      }
    }
  }

  @Suite struct Harness {
    @Test func orphansAreKilledAndMountsUndoneWhenATestFails() throws {
      var pid: pid_t = 0, directory = ""
      #expect(throws: Failure.self) {
        try withScene { scene in
          directory = scene.directory
          if mayMount { _ = try scene.mount("tmpfs") }
          let starter = try scene.startLeaky("daemonize", "--pidfile", scene.path("pid"), "stubborn")
          #expect(try starter.waitForExit() == 0)
          pid = pid_t(text(of: scene.path("pid")).trimmingCharacters(in: .newlines)) ?? 0
          #expect(isAlive(pid))
          throw Failure("on purpose")
        }
      }
      #expect(pid > 0 && !isAlive(pid))
      #expect(access(directory, F_OK) != 0)
      #expect(!text(of: "/proc/self/mountinfo").contains(directory))
    }
  }
}

// What stands at a log's path and is not cut: links, special files, files that are not in RAM. The reason is told, and
// whatever the path leads to stays as it was.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct Refusal {
    private static let budget = 65536

    /// A file over the budget that must not change, and the agent told to guard `path`.
    private func expectRefusal(
      _ reason: String, in scene: Scene, of path: String, precious: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let before = FileManager.default.contents(atPath: precious), modified = try modification(of: precious)
      let agent = try scene.startAgent("interval = 100ms\nlog \"\(path)\" { budget = 64K }")
      let refused = try agent.awaitEvent("cut_refused", of: path, sourceLocation: sourceLocation)
      #expect(refused.text("message")?.contains(reason) == true, sourceLocation: sourceLocation)
      let log = try agent.log(path)
      #expect(log.text("state") == "refused", sourceLocation: sourceLocation)
      #expect(log.text("refusal")?.contains(reason) == true, sourceLocation: sourceLocation)
      let id = log.text("id") ?? ""
      let answer = try agent.post("/v1/logs/\(id)/cut")
      #expect(answer.status == 409 && answer.text.contains(reason), "nor when asked", sourceLocation: sourceLocation)
      try always(for: 1.5, "told once, and the agent goes on", sourceLocation: sourceLocation) {
        try agent.events("cut_refused").count == 1 && agent.events("cut").isEmpty
      }
      #expect(FileManager.default.contents(atPath: precious) == before, sourceLocation: sourceLocation)
      #expect(try modification(of: precious) == modified, sourceLocation: sourceLocation)
    }

    private func modification(of path: String) throws -> [Int] {
      var status = stat()
      guard stat(path, &status) == 0 else { throw Failure("stat \(path): \(errorText())") }
      return [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size), Int(status.st_blocks)]
    }

    private func fill(_ path: String) throws -> String {
      try Data(repeating: 0x78, count: 4 * Refusal.budget).write(to: URL(fileURLWithPath: path))
      return path
    }

    @Test func aSymbolicLink() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), precious = try fill("\(disk)/precious")
        symlink(precious, "\(disk)/flood.log")
        try expectRefusal("link", in: scene, of: "\(disk)/flood.log", precious: precious)
      }
    }

    @Test func aHardLink() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), precious = try fill("\(disk)/precious")
        link(precious, "\(disk)/flood.log")
        try expectRefusal("hard link", in: scene, of: "\(disk)/flood.log", precious: precious)
      }
    }

    @Test func aFIFO() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), precious = try fill("\(disk)/precious")
        mkfifo("\(disk)/flood.log", 0o600)
        try expectRefusal("not a regular file", in: scene, of: "\(disk)/flood.log", precious: precious)
      }
    }

    @Test func aFileOnADisk() throws {
      try withScene { scene in
        let precious = try fill(scene.path("flood.log"))
        try expectRefusal("not on ramfs or tmpfs", in: scene, of: precious, precious: precious)
      }
    }

    @Test func aFileInAFolderThatAnybodyMayWriteTo() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs", "size=16m,mode=777"), precious = try fill("\(disk)/flood.log")
        try expectRefusal("sticky", in: scene, of: precious, precious: precious)
      }
    }

    @Test func aDevice() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), precious = try fill("\(disk)/precious")
        try #require(mknod("\(disk)/flood.log", S_IFCHR | 0o600, 0x103) == 0, "/dev/null by another name")
        try expectRefusal("not a regular file", in: scene, of: "\(disk)/flood.log", precious: precious)
      }
    }

    @Test func aFileOfSomebodyElseWhoDoesNotWriteIt() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs", "size=16m,mode=1777"), precious = try fill("\(disk)/flood.log")
        try #require(chown(precious, 65534, 65534) == 0)
        try expectRefusal("belongs to somebody who does not write it", in: scene, of: precious, precious: precious)
      }
    }

    /// As fast as the kernel can: the log, a link to the precious file and a hard link to it, each by rename.
    @Test func whatIsSwappedBetweenLookAndActIsNeverCut() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs", "size=32m,mode=755"), precious = try fill("\(disk)/precious")
        let before = FileManager.default.contents(atPath: precious), path = "\(disk)/flood.log"
        let agent = try scene.startAgent("interval = 100ms\nlog \"\(path)\" { budget = 64K }")
        let id = try agent.log(path).text("id") ?? ""
        let swapper = try scene.start(
          "/bin/sh",
          [
            "-c",
            """
            cd '\(disk)'; while :; do
              cp precious .log; mv .log flood.log; ln -s precious .link; mv -T .link flood.log
              ln precious .hard; mv -T .hard flood.log; rm -f flood.log; done
            """,
          ])
        var answers = Set<Int>()
        try eventually("both were seen, often enough") {
          for _ in 0..<50 { answers.insert(try agent.post("/v1/logs/\(id)/cut").status) }
          #expect(FileManager.default.contents(atPath: precious) == before)
          return try answers.isSuperset(of: [200, 409]) && agent.log(path).number("cuts") ?? 0 > 20
        }
        swapper.kill()
        #expect(FileManager.default.contents(atPath: precious) == before)
      }
    }

    @Test func aLinkThatTakesThePlaceOfAWatchedLog() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), precious = try fill("\(disk)/precious")
        let before = FileManager.default.contents(atPath: precious)
        let path = "\(disk)/flood.log"
        let agent = try scene.startAgent("interval = 100ms\nlog \"\(path)\" { budget = 64K }")
        _ = try scene.startLeaky("flood", "--file", path, "--rate", "1M")
        try agent.awaitEvent("cut", of: path)
        rename(path, "\(disk)/flood.log.1")
        symlink(precious, path)
        try agent.awaitEvent("cut_refused", of: path)
        #expect(FileManager.default.contents(atPath: precious) == before)
      }
    }

    @Test func aLogThatIsRotatedAwayIsFollowedByItsPath() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), path = "\(disk)/flood.log"
        let agent = try scene.startAgent("interval = 100ms\nlog \"\(path)\" { budget = 64K }")
        let first = try scene.startLeaky("flood", "--file", path, "--rate", "1M")
        try agent.awaitEvent("cut", of: path)
        first.kill()
        rename(path, "\(disk)/flood.log.1")
        let cuts = try agent.log(path).number("cuts") ?? 0
        let second = try scene.startLeaky("flood", "--file", path, "--rate", "1M")
        try eventually("the new file is cut") { try agent.log(path).number("cuts") ?? 0 > cuts + 1 }
        #expect(try agent.log(path).objects("writers").map { $0.number("pid") } == [Int(second.pid)])
      }
    }

    /// Each try makes an object that is given up half-way: the runtime of Embedded Swift 6.3 does not free such.
    @Test func twoThousandTriesInVainCostNoMemory() throws {
      try withScene { scene in
        let path = try scene.mount("tmpfs") + "/none.log"
        let agent = try scene.startAgent("log \"\(path)\" { budget = 64K }")
        let id = try #require(try agent.log(path).text("id"))
        func tryInVain(_ times: Int) throws {
          for _ in 0..<times { try #require(try agent.post("/v1/logs/\(id)/cut").status == 409) }
        }
        try tryInVain(100)
        let before = try #require(uss(of: agent.process.pid))
        try tryInVain(2000)
        #expect(try #require(uss(of: agent.process.pid)) < before + 128 << 10)
      }
    }
  }
}

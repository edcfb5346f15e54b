// Everything that lives in RAM as files is seen: on real mounts, with what no path leads to, whatever the names are.
import Foundation
import Testing

extension Agent {
  /// What it says of the filesystem that is mounted there.
  fileprivate func fileSystem(_ point: String) throws -> JSONObject {
    try get("/v1/filesystems").json().objects("filesystems").first { $0.text("mount") == point } ?? [:]
  }
}

/// st_blocks × 512 and st_size of what a descriptor of a process leads to.
private func held(_ pid: pid_t, _ descriptor: Int) -> (allocated: Int, size: Int)? {
  var status = stat()
  return stat("/proc/\(pid)/fd/\(descriptor)", &status) == 0 ? (Int(status.st_blocks) * 512, Int(status.st_size)) : nil
}

private func fill(_ path: String, _ bytes: Int) throws {
  try Data(repeating: UInt8(ascii: "x"), count: bytes).write(to: URL(fileURLWithPath: path))
}

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct FileSystems {
    @Test(arguments: ["ramfs", "tmpfs"]) func aThousandFilesOfTwoBytesAreFourThousandKilobytes(type: String) throws {
      try withScene { scene in
        let disk = try scene.mount(type)
        for i in 0..<1000 { try fill("\(disk)/\(i)", 2) }
        let agent = try scene.startAgent("interval = 200ms\n")
        try eventually("all of it was seen") { try agent.fileSystem(disk).number("used_bytes") == 4_096_000 }
        let told = try agent.fileSystem(disk)
        #expect(told.text("type") == type && told.number("files") == 1001 && told.number("regular_files") == 1000)
        #expect(told.number("apparent_bytes") == 2000 && told.number("rounding_bytes") == 4_094_000)
        #expect(told.objects("largest_files").count == 8)
        // Nothing is full before RAM is.
        let limit = try #require(told.number("limit_bytes"))
        #expect(type == "tmpfs" ? limit <= 16 << 20 : limit > 4_096_000)
        #expect(try agent.get("/metrics").text.contains("memwarden_filesystem_used_bytes{mount=\"\(disk)\"} 4096000"))
        let status = try agent.get("/v1/status").json().objects("ram_filesystems").first { $0.text("mount") == disk }
        #expect(status?.number("used_bytes") == 4_096_000)
      }
    }

    @Test func aBindMountIsCountedOnceAndACoveredMountIsTold() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), bound = scene.path("bound"),
          covered = try scene.mount("ramfs", at: "covered")
        try fill("\(disk)/file", 1 << 20)
        try FileManager.default.createDirectory(atPath: bound, withIntermediateDirectories: false)
        #expect(mount(disk, bound, nil, UInt(MS_BIND), nil) == 0)
        defer { umount2(bound, 0) }
        #expect(mount("over", covered, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(covered, 0) }

        let agent = try scene.startAgent("interval = 200ms\n")
        try eventually("the file was seen") { try agent.fileSystem(disk).number("used_bytes") == 1 << 20 }
        let all = try agent.get("/v1/filesystems").json().objects("filesystems")
        #expect(all.allSatisfy { $0.text("mount") != bound })
        #expect(try agent.fileSystem(disk)["also_mounted_at"] as? [String] == [bound])
        let there = all.filter { $0.text("mount") == covered }
        #expect(there.map { $0["covered"] as? Bool } == [true, false])
        #expect(there.first?.text("type") == "ramfs" && there.first?.text("used_absent") == "covered")
      }
    }

    @Test(arguments: ["ramfs", "tmpfs"]) func aSparseFileHoldsWhatIsAllocated(type: String) throws {
      try withScene { scene in
        let disk = try scene.mount(type), path = "\(disk)/sparse"
        let agent = try scene.startAgent("interval = 200ms\n")
        try fill(path, 10)
        #expect(truncate(path, 1 << 30) == 0)
        try eventually("it was seen") { try agent.fileSystem(disk).number("apparent_bytes") == 1 << 30 }
        let told = try agent.fileSystem(disk)
        #expect(told.number("used_bytes") == 4096 && told.number("rounding_bytes") == 0)
        #expect(told.objects("largest_files").first?.number("allocated_bytes") == 4096)
      }
    }

    @Test(arguments: ["tmpfs", "ramfs"], [true, false])
    func aDeletedLogIsBoundedWhileItsWriterRunsOn(type: String, appends: Bool) throws {
      try withScene { scene in
        let disk = try scene.mount(type), path = "\(disk)/flood.log", budget = 256 * 1024
        let writer = try scene.start(
          try builtProgram("leaky"),
          ["flood", "--file", path, "--rate", "500K"] + (appends ? [] : ["--no-append"]))
        try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
        let descriptor = try #require(
          (0..<20).first {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(writer.pid)/fd/\($0)")) == path
          })
        let agent = try scene.startAgent(
          """
          interval = 200ms
          log "\(path)" { budget = 256K }
          """)
        try agent.awaitEvent("log_grows", of: path)
        #expect(unlink(path) == 0)

        let cut = try agent.awaitEvent("deleted_log_cut", of: path, within: 60)
        #expect(cut.number("writer_pid") == Int(writer.pid) && cut.number("descriptor") == descriptor)
        #expect(cut.number("freed_bytes") ?? 0 > 0)
        let before = try #require(held(writer.pid, descriptor))
        var most = 0
        try eventually("it goes on for another megabyte") {
          let now = try #require(held(writer.pid, descriptor))
          most = max(most, now.allocated)
          return try agent.log(path).number("cuts") ?? 0 >= 6
        }
        #expect(most <= budget * 3, "\(most) after \(before)")
        #expect(writer.isRunning)
        let told = try #require(
          try agent.get("/v1/filesystems").json().objects("deleted_files").first { $0.text("path") == path })
        #expect(
          told.number("pid") == Int(writer.pid) && told.text("comm") == "leaky" && told["watched_log"] as? Bool == true)

        // The writer ends: nothing keeps its memory.
        writer.kill()
        try eventually("its memory is back") { try agent.fileSystem(disk).number("used_bytes") == 0 }
        try eventually("it is no longer told") {
          try agent.get("/v1/filesystems").json().number("deleted_count") == 0
            || !(try agent.get("/v1/filesystems").json().objects("deleted_files").contains { $0.text("path") == path })
        }
      }
    }

    @Test(arguments: ["ramfs", "tmpfs"]) func anyOtherDeletedFileIsReportedAndNotTouched(type: String) throws {
      try withScene { scene in
        let disk = try scene.mount(type), path = "\(disk)/a\n\"b\\ (deleted)"
        let agent = try scene.startAgent("interval = 200ms\nlog \"\(disk)/some.log\" { budget = 64K }\n")
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        let text = [UInt8](repeating: 7, count: 2 << 20)
        #expect(write(file, text, text.count) == text.count)
        try eventually("it was seen") { try agent.fileSystem(disk).number("used_bytes") == 2 << 20 }
        #expect(unlink(path) == 0)
        var told: JSONObject = [:]
        try eventually("it was found") {
          told =
            try agent.get("/v1/filesystems").json().objects("deleted_files").first { $0.text("path") == path } ?? [:]
          return told.number("allocated_bytes") == 2 << 20
        }
        #expect(told.number("pid") == Int(getpid()) && told.number("descriptor") == Int(file))
        #expect(told["watched_log"] as? Bool == false)
        #expect(try agent.fileSystem(disk).number("deleted_bytes") == 2 << 20)
        try eventually("it is part of what is used") { try agent.fileSystem(disk).number("used_bytes") == 2 << 20 }
        let event = try agent.awaitEvent("deleted_file_held")
        #expect(event.text("path") == path && event.number("allocated_bytes") == 2 << 20)
        var after = stat()
        #expect(fstat(file, &after) == 0 && after.st_size == 2 << 20 && after.st_blocks == 4096)
        #expect(ftruncate(file, 0) == 0)
        try eventually("it shrank") { try agent.fileSystem(disk).number("deleted_bytes") == 0 }
      }
    }

    @Test func memfdsAndSharedMemoryAreListedWithTheirOwners() throws {
      try withScene { scene in
        typealias Create = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
        typealias Get = @convention(c) (CInt, Int, CInt) -> CInt
        typealias Attach = @convention(c) (CInt, UnsafeRawPointer?, CInt) -> UnsafeMutableRawPointer?
        typealias Control = @convention(c) (CInt, CInt, UnsafeMutableRawPointer?) -> CInt
        func call<F>(_ name: String, _ type: F.Type) throws -> F {
          unsafeBitCast(try #require(dlsym(nil, name)), to: type)
        }

        let memfd = try call("memfd_create", Create.self)("hostile\n\u{1B}[2J", 1)
        try #require(memfd >= 0)
        defer { close(memfd) }
        let text = [UInt8](repeating: 1, count: 300_000)
        #expect(write(memfd, text, text.count) == text.count)
        let segment = try call("shmget", Get.self)(0, 1 << 20, 0o1600)
        try #require(segment >= 0)
        defer { _ = try? call("shmctl", Control.self)(segment, 0, nil) }
        let memory = try call("shmat", Attach.self)(segment, nil, 0)
        memset(try #require(memory), 1, 500_000)

        let agent = try scene.startAgent("interval = 200ms\n")
        var told: JSONObject = [:]
        try eventually("both are listed") {
          told = try agent.get("/v1/filesystems").json()
          return told.number("memfd_count") ?? 0 > 0 && told.number("shared_memory_count") ?? 0 > 0
        }
        let listed = try #require(told.objects("memfds").first { $0.text("name") == "hostile\n\u{1B}[2J" })
        #expect(listed.number("pid") == Int(getpid()) && listed.number("allocated_bytes") ?? 0 >= 300_000)
        let shared = try #require(told.objects("shared_memory").first { $0.number("id") == Int(segment) })
        #expect(shared.number("creator_pid") == Int(getpid()) && shared.number("size_bytes") == 1 << 20)
        #expect(shared.number("attached") == 1 && shared.number("resident_bytes") ?? 0 >= 500_000)
        #expect(shared.text("creator_comm")?.isEmpty == false)
      }
    }

    @Test func hostileNamesAreTextAndNothingElse() throws {
      try withScene { scene in
        let disk = try scene.mount("ramfs")
        let names: [[UInt8]] = [
          Array("line\nbreak".utf8), Array("\u{1B}[2J\u{7}".utf8), Array("\"},{\"a\":[".utf8), [0xFF, 0xFE, 0x2E],
          Array(" (deleted)".utf8), Array(String(repeating: "n", count: 255).utf8), Array("\\040".utf8),
        ]
        let agent = try scene.startAgent("interval = 200ms\n")
        var files: [CInt] = []
        for name in names {
          let path = Array("\(disk)/".utf8) + name + [0]
          files.append(
            path.withUnsafeBytes {
              open($0.bindMemory(to: CChar.self).baseAddress!, O_RDWR | O_CREAT | O_APPEND, 0o600)
            })
        }
        defer { for file in files { close(file) } }
        #expect(files.allSatisfy { $0 >= 0 })
        try eventually("all are told as growing") {
          for file in files { #expect(write(file, "0123456789", 10) == 10) }
          let paths = try agent.fileSystem(disk).objects("growing_files").compactMap { $0.text("path") }
          return names.allSatisfy { name in paths.contains("\(disk)/" + String(decoding: name, as: UTF8.self)) }
        }
        let plain = try request("GET", "/v1/filesystems", at: agent.endpoint, headers: ["Accept": "text/plain"]).body
        #expect(!plain.contains(0x1B) && !plain.contains(0x07))
        #expect(plain.split(separator: 0x0A).allSatisfy { !$0.starts(with: Array("break".utf8)) })
      }
    }

    /// What a log is made of: a thousand times the same line, but for its time and number.
    @Test func linesAreCountedAndTheShareOfRepeatedOnesIsTold() throws {
      try withScene { scene in
        let disk = try scene.mount("tmpfs"), same = "\(disk)/same.log", other = "\(disk)/other.log"
        for path in [same, other] { try Data().write(to: URL(fileURLWithPath: path)) }
        let agent = try scene.startAgent(
          "interval = 200ms\nlog \"\(same)\" { budget = 4M }\nlog \"\(other)\" { budget = 4M }\n")
        let words = ["al", "be", "ga", "de", "ep", "ze", "et", "th"]
        var n = 0
        let files = [same, other].map { (path: String) in open(path, O_WRONLY | O_APPEND) }
        defer { for file in files { close(file) } }
        try eventually("both shares are known") {
          for _ in 0..<20 {
            n += 1
            let line = "1970-01-01 00:00:\(n % 60) client \(n) was silent\n"
            let word = (0..<5).map { words[(n >> ($0 * 3)) & 7] }.joined()
            _ = write(files[0], line, line.utf8.count)
            _ = write(files[1], "\(word) \(word)\n", word.utf8.count * 2 + 2)
          }
          let (one, two) = (try agent.log(same), try agent.log(other))
          return n > 2000 && one.number("repeated_lines_permyriad") ?? 0 > 9500
            && two.number("repeated_lines_permyriad") ?? 10_000 < 500 && one.number("lines_per_second") ?? 0 > 0
        }
        let told = try agent.log(same)
        let perSecond = try #require(told.number("lines_per_second")),
          bytes = try #require(told.number("bytes_per_second"))
        #expect(bytes / max(perSecond, 1) > 35 && bytes / max(perSecond, 1) < 50)
      }
    }
  }
}

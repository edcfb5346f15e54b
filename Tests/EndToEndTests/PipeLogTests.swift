// `some-daemon | memwarden log DIR` with the Embedded binary, on a real tmpfs.
import Foundation
import Testing

/// Starts `memwarden log` with a pipe for its standard input; the test holds the other end, which never blocks.
private final class Logger {
  let process: StartedProcess
  private(set) var input: CInt
  let fifo: String

  init(_ words: [String], in scene: Scene) throws {
    fifo = scene.path("fifo-\(UUID().uuidString)")
    guard mkfifo(fifo, 0o600) == 0 else { throw Failure("mkfifo: \(errorText())") }
    let command = "exec \"$0\" log \"$@\" < '\(fifo)'"
    process = try scene.start("/bin/sh", ["-c", command, try builtProgram("memwarden")] + words)
    input = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    // Once the logger reads, nobody else may.
    try eventually("it reads") { text(of: "/proc/\(process.pid)/comm") == "memwarden\n" || !process.isRunning }
    let writing = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    close(input)
    input = writing
  }
  deinit { end() }

  /// Writes all of it, waiting for room; the longest wait of all writes in seconds.
  func send(_ text: String, within seconds: Double = 30) throws -> Double {
    var rest = Array(text.utf8)[...], longest = 0.0, waiting = Date()
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { write(input, $0.baseAddress, min($0.count, 4096)) }
      if n > 0 {
        longest = max(longest, Date().timeIntervalSince(waiting))
        rest = rest.dropFirst(n)
        waiting = Date()
        continue
      }
      guard errno == EAGAIN, Date().timeIntervalSince(waiting) < seconds else {
        throw Failure("the writer is stopped: \(errorText()); \(process.output)")
      }
      usleep(200)
    }
    return longest
  }

  /// The writer ends.
  func end() {
    if input >= 0 { close(input) }
    input = -1
  }
}

private func numbered(_ range: Range<Int>) -> String {
  var text = ""
  for i in range { text += "\(i) a line of a daemon that says the same as ever, again and again\n" }
  return text
}

/// Archives in their order, then current, line by line.
private func lines(_ folder: String) -> [Substring] {
  let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix("@") }
  return (names.sorted() + ["current"]).map { text(of: "\(folder)/\($0)") }.joined().split(separator: "\n")
}
private func numbers(_ lines: [Substring]) -> [Int] {
  lines.compactMap { $0.hasSuffix(" again and again") ? Int($0.prefix { $0 != " " }) : nil }
}
/// N and B of every "memwarden log: dropped N lines (B bytes)".
private func drops(_ lines: [Substring]) -> (lines: Int, bytes: Int) {
  var sum = (0, 0)
  for line in lines where line.hasPrefix("memwarden log: dropped ") {
    let found = line.split { !$0.isNumber }.compactMap { Int($0) }
    if found.count == 2 { sum = (sum.0 + found[0], sum.1 + found[1]) }
  }
  return sum
}

extension EndToEnd {
  @Suite struct PipeLog {
    @Test func aWriterAtFullSpeedLosesNothing() throws {
      try withScene { scene in
        // On a disk each rotation waits for it, and what a busy one takes in a second is not the test's affair.
        let folder = (mayMount ? try scene.mount("tmpfs", "size=64m,mode=755") : scene.directory) + "/it"
        let logger = try Logger([folder, "--size", "1M", "--keep", "100", "--budget", "64M"], in: scene)
        for start in stride(from: 0, to: 400_000, by: 20_000) { _ = try logger.send(numbered(start..<start + 20_000)) }
        logger.end()
        #expect(try logger.process.waitForExit() == 0, "\(logger.process.output)")
        let all = lines(folder)
        #expect(drops(all).lines == 0, "\(drops(all))")
        #expect(numbers(all) == Array(0..<400_000))
      }
    }

    @Test func whatIsKeptHasNoGapAndStaysWithinTheBudget() throws {
      try withScene { scene in
        let folder = scene.path("log")
        let logger = try Logger([folder, "--size", "256K", "--keep", "3", "--budget", "1M"], in: scene)
        for start in stride(from: 0, to: 100_000, by: 5_000) {
          _ = try logger.send(numbered(start..<start + 5_000))
          #expect(allocated(folder) <= 1024 * 1024 + 4096)
        }
        logger.end()
        #expect(try logger.process.waitForExit() == 0)
        let found = numbers(lines(folder))
        #expect(found.count > 10_000 && found == Array((found.first ?? 0)..<100_000))
        let archives = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("@") }
        #expect(archives.count == 3)
      }
    }

    @Test(.enabled(if: mayMount, "needs the right to mount"))
    func aFullFilesystemDoesNotStopTheWriterAndEveryDroppedLineIsCounted() throws {
      try withScene { scene in
        let mount = try scene.mount("tmpfs", "size=2m,mode=755")
        let ballast = "\(mount)/ballast"
        let logger = try Logger(["\(mount)/log", "--size", "256K", "--budget", "512K"], in: scene)
        _ = try logger.send(numbered(0..<1000))
        try eventually("the first lines are there") { numbers(lines("\(mount)/log")).count == 1000 }
        // Somebody else fills the filesystem; the logger's own archives go first, then nothing is left to give.
        _ = FileManager.default.createFile(atPath: ballast, contents: nil)
        let file = open(ballast, O_WRONLY | O_APPEND)
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
        close(file)
        let stopped = try logger.send(numbered(1000..<60_000), within: 20)
        // A second is allowed once; the rest is the machine.
        #expect(stopped < 5, "the writer stood for \(stopped) s")
        unlink(ballast)
        try eventually("the gap is told") { drops(lines("\(mount)/log")).lines > 0 }
        _ = try logger.send(numbered(60_000..<60_100))
        logger.end()
        #expect(try logger.process.waitForExit() == 0, "\(logger.process.output)")
        let all = lines("\(mount)/log"), found = numbers(all)
        #expect(found == found.sorted() && found.last == 60_099)
        // All that was written is still kept: 512K hold it.
        #expect(found.first == 0 && found.count + drops(all).lines == 60_100)
        let kept = found.map { "\($0) a line of a daemon that says the same as ever, again and again\n".utf8.count }
        #expect(kept.reduce(0, +) + drops(all).bytes == numbered(0..<60_100).utf8.count)
        #expect(logger.process.output.contains("cannot be written, errno 28"))
      }
    }

    @Test func aLoggerThatIsKilledLeavesWholeLinesAndTheNextGoesOn() throws {
      try withScene { scene in
        let folder = scene.path("log")
        for round in 0..<4 {
          let logger = try Logger([folder, "--size", "64K", "--keep", "1000", "--budget", "64M"], in: scene)
          for part in 0..<10 {
            _ = try logger.send(numbered(round * 10_000 + part * 500..<round * 10_000 + part * 500 + 500))
          }
          // Sometimes both halves, sometimes the one that reads.
          let writer = children(of: logger.process.pid)
          if round % 2 == 0 { for pid in writer { kill(pid, SIGKILL) } }
          logger.process.kill()
        }
        let logger = try Logger([folder, "--size", "64K", "--keep", "1000", "--budget", "64M"], in: scene)
        _ = try logger.send(numbered(90_000..<90_100))
        logger.end()
        #expect(try logger.process.waitForExit() == 0, "\(logger.process.output)")
        let all = lines(folder), found = numbers(all)
        #expect(found == found.sorted() && Set(found).count == found.count)
        #expect(found.suffix(100) == Array(90_000..<90_100)[...])
        #expect(all.count - found.count <= 4, "a half line for each kill at most")
      }
    }

    @Test func aSecondLoggerOfAFolderIsSentAwayAndTheFirstGoesOn() throws {
      try withScene { scene in
        let folder = scene.path("log")
        let first = try Logger([folder], in: scene)
        _ = try first.send("one\n")
        try eventually("it writes") { lines(folder) == ["one"] }
        let second = try Logger([folder], in: scene)
        #expect(try second.process.waitForExit() == 111)
        #expect(second.process.output.contains("in use by another memwarden log"))
        _ = try first.send("two\n")
        first.end()
        #expect(try first.process.waitForExit() == 0)
        #expect(lines(folder) == ["one", "two"])
      }
    }

    @Test func hangupRotatesAndTermWritesWhatWasSent() throws {
      try withScene { scene in
        let folder = scene.path("log")
        let logger = try Logger([folder, "--timestamp", "boot"], in: scene)
        _ = try logger.send("one\n")
        try eventually("it writes") { lines(folder).count == 1 }
        logger.process.signal(SIGHUP)
        _ = try logger.send("two\n")
        try eventually("it rotates") { FileManager.default.fileExists(atPath: "\(folder)/@0000000001") }
        _ = try logger.send(numbered(0..<500) + "no newline")
        #expect(try logger.process.stop() == 0)
        let all = lines(folder)
        #expect(all.count == 503 && all.last?.hasSuffix(" no newline") == true)
        #expect(all.allSatisfy { Double($0.prefix { $0 != " " }) ?? 0 > 1 }, "seconds since the boot")
        #expect(numbersAfterStamp(all) == Array(0..<500))
      }
    }

    @Test func whatSomebodyLaidInTheWayIsRefusedAndLeftAsItIs() throws {
      try withScene { scene in
        let target = try scene.write("precious\n", to: "target")
        func run(_ folder: String) throws -> (Int, String) {
          let logger = try Logger([folder], in: scene)
          if logger.process.isRunning { _ = try? logger.send("harm\n") }
          logger.end()
          return (try logger.process.waitForExit(), logger.process.output)
        }
        let manager = FileManager.default
        try manager.createDirectory(atPath: scene.path("real"), withIntermediateDirectories: false)
        try manager.createSymbolicLink(atPath: scene.path("link"), withDestinationPath: scene.path("real"))
        for name in ["link", "link/", "target"] {
          let (code, said) = try run(scene.path(name))
          #expect(code == 111 && said.contains("a link, or no folder"), "\(name): \(said)")
        }
        for name in ["current", "lock"] {
          for kind in ["symbolic", "hard", "fifo"] {
            let folder = scene.path("\(name)-\(kind)")
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: false)
            switch kind {
            case "symbolic": symlink(target, "\(folder)/\(name)")
            case "hard": link(target, "\(folder)/\(name)")
            default: mkfifo("\(folder)/\(name)", 0o600)
            }
            let (code, said) = try run(folder)
            #expect(code == 111 && said.contains("refused"), "\(name), \(kind): \(said)")
          }
        }
        try manager.createDirectory(atPath: scene.path("open"), withIntermediateDirectories: false)
        chmod(scene.path("open"), 0o777)
        #expect(try run(scene.path("open")).0 == 111)
        chmod(scene.path("open"), 0o1777)
        #expect(try run(scene.path("open")).0 == 0)
        try manager.createDirectory(atPath: scene.path("theirs"), withIntermediateDirectories: false)
        if geteuid() == 0 {
          chown(scene.path("theirs"), 65534, 65534)
          #expect(try run(scene.path("theirs")).0 == 111)
          _ = FileManager.default.createFile(atPath: scene.path("open/current"), contents: Data("theirs\n".utf8))
          chown(scene.path("open/current"), 65534, 65534)
          #expect(try run(scene.path("open")).0 == 111)
          #expect(text(of: scene.path("open/current")) == "theirs\n")
        }
        #expect(text(of: target) == "precious\n")
        #expect(try manager.contentsOfDirectory(atPath: scene.path("real")).isEmpty)
        #expect(try run(scene.path("none/log")).1.contains("its parent folder is missing"))
      }
    }

    @Test func bytesThatAreNoTextPassAndALongLineIsSplit() throws {
      try withScene { scene in
        let folder = scene.path("log")
        let logger = try Logger([folder], in: scene)
        let text = "a\u{0}b\u{1b}\n" + String(repeating: "x", count: 20_000) + "\n"
        _ = try logger.send(text)
        logger.end()
        #expect(try logger.process.waitForExit() == 0)
        let found = lines(folder)
        #expect(found.map(\.count) == [4, 8192, 8192, 20_000 - 2 * 8192])
        #expect(found.first == "a\u{0}b\u{1b}")
      }
    }
  }
}

private func numbersAfterStamp(_ lines: [Substring]) -> [Int] {
  numbers(lines.map { $0.drop { $0 != " " }.dropFirst() })
}
private func allocated(_ folder: String) -> Int {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return names.reduce(0) { $0 + (allocatedBytes("\(folder)/\($1)") ?? 0) }
}

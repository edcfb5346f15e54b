// A log on a RAM filesystem stays within its budget while it is flooded, in place: its writer is not touched, its newest
// lines are there, and none is torn.
import Foundation
import Testing

private let megabyte = 1 << 20

/// What a log holds, by the writer's line numbers. Lines of the flooder: 8 digits, text, 80 bytes with the newline.
private struct Lines {
  private(set) var numbers: [Int] = []
  private(set) var torn: [String] = []

  /// Reads the last `bytes` of the file; NULs before a line are what a hole is read as. The first piece counts only when
  /// it is known to begin a line: at the start of the file or behind a hole.
  init(_ path: String, last bytes: Int) throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    let size = try file.seekToEnd()
    let start = size - min(size, UInt64(bytes))
    try file.seek(toOffset: start)
    var text = try file.readToEnd() ?? Data()
    if start > 0, text.first != 0 { text = text[(text.firstIndex(of: 0x0A) ?? text.endIndex)...].dropFirst() }
    // A line that is being written is not torn: whole lines end with a newline.
    for line in text.split(separator: 0x0A) {
      let words = line.drop { $0 == 0 }
      if words.isEmpty { continue }
      if words.count == 79, let number = Int(String(decoding: words.prefix(8), as: UTF8.self)) {
        numbers.append(number)
      } else {
        torn.append(String(decoding: words.prefix(120), as: UTF8.self))
      }
    }
    if let last = text.last, last != 0x0A { torn.append("no newline at the end") }
  }
}

/// Bytes that a process has written so far.
private func written(by pid: pid_t) -> Int {
  text(of: "/proc/\(pid)/io").split(separator: "\n").compactMap { line in
    line.hasPrefix("wchar: ") ? Int(line.dropFirst(7)) : nil
  }.first ?? 0
}

extension EndToEnd {
  @Suite(.enabled(if: mayMount, "needs the right to mount")) struct LogBudget {
    @Test(arguments: ["tmpfs", "ramfs"], [true, false])
    func aFloodOf200MegabytesStaysWithinItsBudget(type: String, appends: Bool) throws {
      try withScene { scene in
        let path = try scene.mount(type) + "/flood.log", total = 200 * megabyte, budget = megabyte
        let agent = try scene.startAgent(
          """
          interval = 200ms
          log "\(path)" { budget = 1M }
          worker "flooder" { cmdline = "flood --file \(path)" respawn = yes soft = 32M }
          """)
        let words = ["flood", "--file", path, "--rate", floodRate, "--total", "\(total)"]
        let flooder = try scene.start(try builtProgram("leaky"), words + (appends ? [] : ["--no-append"]))

        var most = 0, over = 0, looks = 0, longest = 0, then = bootMilliseconds()
        while written(by: flooder.pid) < total {
          try #require(flooder.isRunning && bootMilliseconds() - then < 10_000)
          let allocated = allocatedBytes(path) ?? 0, now = bootMilliseconds()
          most = max(most, allocated)
          longest = max(longest, now - then)
          if allocated > budget + 4096 { over += 1 }
          (looks, then) = (looks + 1, now)
          usleep(2_000)
        }
        #expect(over == 0, "of \(looks) looks, \(longest) ms apart at most; the most was \(most) of \(budget)")
        #expect(looks > 200)

        let log = try agent.log(path)
        #expect(log.number("cuts") ?? 0 >= 150)
        #expect(flooder.isRunning, "its writer was not restarted")
        #expect(try agent.awaitPids(of: "flooder") == [flooder.pid])
        let lines = try Lines(path, last: budget + 65536)
        #expect(lines.numbers.last == total / 80, "the newest line is there")
        #expect(lines.torn.isEmpty)
        #expect(zip(lines.numbers, lines.numbers.dropFirst()).allSatisfy { $0 < $1 })
        // Punching loses nothing of what it keeps.
        if type == "tmpfs" { #expect(lines.numbers.last.map { $0 - lines.numbers[0] + 1 } == lines.numbers.count) }
        #expect(lines.numbers.count > 300)
      }
    }
  }
}
private let floodRate = ProcessInfo.processInfo.environment["FLOOD"] ?? "0"

import Foundation
import Policy
import Samples
import Testing

@testable import Report

private func lines(_ board: Board) throws -> [String] {
  let response = try #require(Router.open.get("/metrics", board))
  #expect(response.type.name.description == "text/plain; version=0.0.4; charset=utf-8")
  return string(response.body).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}

/// Text exposition format 0.0.4, line by line: HELP, TYPE, then the samples of that family, each series once.
@Test func everyLineOfTheMetricsIsWellFormed() throws {
  let board = makeBoard()
  board.pressure = Pressure()
  for (i, name) in hostileNames.enumerated() {
    board.logs.append(LogRecord(rules: LogRules(path: name + bytes("\(i)"), budget: .mib(1))))
    board.logs[i + 2].state = .watched
  }
  let sample = /memwarden_([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\\\|\\"|\\n)*"\})? (\d+(?:\.\d{6})?)/
  var family = "", type = ""
  var seen = Set<String>()
  let all = try lines(board)
  #expect(all.last == "")
  for line in all.dropLast() {
    let words = line.split(separator: " ", maxSplits: 3).map(String.init)
    if line.hasPrefix("# HELP memwarden_") {
      family = words[2]
      #expect(words[3].hasSuffix(".") && seen.insert("# " + family).inserted)
    } else if line.hasPrefix("# TYPE ") {
      type = words[3]
      #expect(words[2] == family && ["gauge", "counter"].contains(type))
      #expect((type == "counter") == family.hasSuffix("_total"))
    } else if let match = line.wholeMatch(of: sample) {
      #expect("memwarden_" + match.1 == family)
      #expect(seen.insert(family + (match.2 ?? "")).inserted, "twice: \(line)")
    } else {
      Issue.record("not a sample: \(line)")
    }
  }
}

@Test func whatCannotBeReadHasNoSample() throws {
  let all = try lines(makeBoard())
  #expect(!all.contains { $0.contains("pressure") })
  #expect(!all.contains { $0.hasPrefix("memwarden_worker_value_bytes{worker=\"dark\"}") })
  #expect(!all.contains { $0.hasPrefix("memwarden_worker_soft_limit_bytes{worker=\"dark\"}") })
  #expect(!all.contains { $0.hasPrefix("memwarden_self_memory_bytes{") })
  #expect(!all.contains { $0.hasPrefix("memwarden_self_descriptors") })
  // A walk that has not seen all of its filesystem, and one that was denied.
  #expect(all.filter { $0.hasPrefix("memwarden_filesystem_used_bytes{") }.count == 1)
  #expect(all.contains("memwarden_filesystem_used_bytes{mount=\"/tmp\"} 3145728"))
  #expect(all.contains("memwarden_worker_processes{worker=\"dark\"} 0"))
}

@Test func timesAreSecondsToTheMicrosecond() throws {
  let board = makeBoard()
  var pressure = Pressure()
  (pressure.someTotalMicroseconds, pressure.fullTotalMicroseconds) = (12_000_034, .max)
  board.pressure = pressure
  board.own.cpuMicroseconds = 999_999
  let all = try lines(board)
  #expect(all.contains("memwarden_pressure_some_seconds_total 12.000034"))
  #expect(all.contains("memwarden_pressure_full_seconds_total 9223372036854.775807"))
  #expect(all.contains("memwarden_self_cpu_seconds_total 0.999999"))
}

@Test func aLabelCannotBeLeft() throws {
  let board = makeBoard()
  board.logs = [LogRecord(rules: LogRules(path: bytes("/x\"} 1\nmemwarden_evil 2\\"), budget: .mib(1)))]
  board.logs[0].state = .watched
  let all = try lines(board)
  #expect(!all.contains { $0.hasPrefix("memwarden_evil") })
  #expect(all.contains(#"memwarden_log_cuts_total{path="/x\"} 1\\x0amemwarden_evil 2\\"} 0"#))
}

@Test func theLargestCountersAreWrittenInFull() throws {
  let board = makeBoard()
  (board.workers[0].recycles, board.workers[0].freed) = (.max, ByteCount(.max))
  let all = try lines(board)
  #expect(all.contains("memwarden_worker_recycles_total{worker=\"web\"} 18446744073709551615"))
  #expect(all.contains("memwarden_worker_freed_bytes_total{worker=\"web\"} 18446744073709551615"))
}

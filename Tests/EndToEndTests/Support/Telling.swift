// What the agent tells, taken apart for the tests: its events, workers and logs by name. Only the HTTP API; the truth
// to hold it against is in Processes.swift.
import Foundation
import Testing

typealias JSONObject = [String: Any]

extension JSONObject {
  func number(_ key: String) -> Int? { (self[key] as? NSNumber)?.intValue }
  func text(_ key: String) -> String? { self[key] as? String }
  func object(_ key: String) -> JSONObject { self[key] as? JSONObject ?? [:] }
  func objects(_ key: String) -> [JSONObject] { self[key] as? [JSONObject] ?? [] }
}

extension Agent {
  /// The events of this name so far, of this worker or log only when `subject` is given; in their order.
  func events(_ name: String, of subject: String? = nil) throws -> [JSONObject] {
    try events().filter {
      $0.text("event") == name && (subject == nil || subject == $0.text("worker") ?? $0.text("log"))
    }
  }

  /// Waits until there are `count` such events; answers the last of them.
  @discardableResult
  func awaitEvent(
    _ name: String, of subject: String? = nil, count: Int = 1, within seconds: Double = 30,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> JSONObject {
    try eventually(
      within: seconds, "\(count) \(name) of \(subject ?? "anything"), having said:\n\(process.output)",
      sourceLocation: sourceLocation
    ) {
      try events(name, of: subject).count >= count
    }
    return try #require(try events(name, of: subject).dropFirst(count - 1).first, sourceLocation: sourceLocation)
  }

  func worker(_ name: String) throws -> JSONObject { try get("/v1/workers/\(name)").json() }

  /// The worker's processes as the agent knows them.
  func pids(of worker: String) throws -> [pid_t] {
    try self.worker(worker).objects("process_list").compactMap { $0.number("pid").map { pid_t($0) } }
  }

  /// Waits until the worker has processes, and as many as wanted; answers their pids.
  func awaitPids(
    of worker: String, count: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [pid_t] {
    var found: [pid_t] = []
    try eventually("\(count) processes of \(worker), having said:\n\(process.output)", sourceLocation: sourceLocation) {
      found = try pids(of: worker)
      return found.count == count
    }
    return found
  }

  func log(_ path: String) throws -> JSONObject {
    let all = try get("/v1/logs").json().objects("logs")
    return try #require(all.first { $0.text("path") == path })
  }
}

/// The clock of the agent's `boot_ms`.
func bootMilliseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_BOOTTIME, &time)
  return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

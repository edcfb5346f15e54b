// A prefork server under constant requests: its workers all cross their limit at once and are drained and recycled one
// after another, and no request fails.
import Foundation
import Testing

/// Asks without a pause, from several threads, until it is told to end.
private final class Clients: @unchecked Sendable {
  private let lock = NSLock()
  private var ends = false, running = 0
  private(set) var answered = 0
  private(set) var failures = [String]()

  init(_ count: Int, port: UInt16) {
    running = count
    for _ in 0..<count { Thread.detachNewThread { self.ask(port) } }
  }
  private func ask(_ port: UInt16) {
    while !locked({ ends }) {
      var failure: String?
      do {
        let answer = try request("GET", "/", at: .port(port))
        if answer.status != 200 { failure = "status \(answer.status)" }
      } catch { failure = "\(error)" }
      locked { if let failure { failures.append(failure) } else { answered += 1 } }
      usleep(5_000)
    }
    locked { running -= 1 }
  }
  @discardableResult func locked<T>(_ body: () -> T) -> T {
    lock.lock()
    defer { lock.unlock() }
    return body()
  }
  func end() throws {
    locked { ends = true }
    try eventually("the last answers") { locked { running } == 0 }
  }
}

extension EndToEnd {
  @Suite struct Drains {
    @Test func fourServersOverTheirLimitAtOnceAreDrainedOneByOneAndNoRequestFails() throws {
      try withScene { scene in
        let drain = try consecutivePorts(5), port = drain + 4
        let server = try scene.startLeaky(
          "serve", "4", "--port", "\(port)", "--drain", "\(drain)", "--grow", "64K", "--pids", scene.directory)
        try eventually("four servers, not: \(server.output)") {
          (0..<4).allSatisfy { !text(of: scene.path("\($0)")).isEmpty }
        }
        let workers = (0..<4).map {
          """
          worker "w\($0)" {
            pidfile = "\(scene.path("\($0)"))" respawn = yes soft = 12M hold = 500ms cooldown = 1h health_after = 100ms
            health = "tcp://127.0.0.1:\(Int(drain) + $0)"
            steps = {"drain http://127.0.0.1:\(Int(drain) + $0)/", recycle}
          }

          """
        }.joined()
        let agent = try scene.startAgent(
          "interval = 100ms\n\(workers)group \"all\" { workers = {\"w0\", \"w1\", \"w2\", \"w3\"} at_once = 1 healthy = 3 }"
        )
        for i in 0..<4 { _ = try agent.awaitPids(of: "w\(i)") }
        let clients = Clients(6, port: port)
        for i in 0..<4 { try agent.awaitEvent("recycled", of: "w\(i)", within: 90) }
        try clients.end()
        #expect(server.isRunning)
        #expect(
          clients.failures.isEmpty, "\(clients.failures.count) of \(clients.answered): \(clients.failures.prefix(3))")
        #expect(clients.answered > 500)

        let recycled = try agent.events("recycled")
        #expect(Set(recycled.compactMap { $0.text("worker") }).count == 4 && recycled.count == 4)
        for event in recycled {
          #expect(event.number("before_bytes") ?? 0 >= 12 << 20, "\(event)")
          #expect(event.number("freed_bytes") ?? 0 > 8 << 20 && event["killed"] as? Bool == false, "\(event)")
        }
        let drains = try agent.events("step")
        #expect(
          drains.count == 4
            && drains.allSatisfy { $0["trouble"] == nil && $0.text("step")?.hasPrefix("drain ") == true })
        // Under way: from the drain on, one at a time.
        #expect(try agent.mostRecycledAtOnce() == 1)
      }
    }

    @Test func whoIsAskedToBeRecycledIsDrainedFirstAndADeafURLDoesNotKeepIt() throws {
      try withScene { scene in
        let port = try freePort()
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "w" {
            run = {"\(try builtProgram("leaky"))", "idle", "--size", "1M"} soft = 8M step_timeout = 500ms
            steps = {"trim", "drain http://127.0.0.1:\(port)/", "recycle"}
          }
          """)
        _ = try agent.awaitPids(of: "w")
        #expect(try agent.post("/v1/workers/w/recycle").status == 202)
        try agent.awaitEvent("recycled", of: "w")
        let steps = try agent.events("step")
        #expect(steps.count == 1 && steps[0].text("trouble") == "its URL does not answer", "\(steps)")
        #expect(steps[0]["enough"] is NSNull)
      }
    }
  }
}

/// The first of `count` loopback ports in a row that nobody listens on; below those that the kernel gives to clients, for
/// a server that comes back must find its own free.
private func consecutivePorts(_ count: Int) throws -> UInt16 {
  for _ in 0..<100 {
    let first = UInt16.random(in: 20_000..<30_000)
    let isFree = (0..<count).allSatisfy { (try? connectSilently(to: first + UInt16($0), times: 1)) == nil }
    if isFree { return first }
  }
  throw Failure("no ports in a row")
}

// Workers of a group are recycled one after another, and the next only when the one before answers again.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Groups {
    @Test func theNextIsRecycledWhenTheOneBeforeIsUp() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let workers = (0..<3).map {
          """
          worker "w\($0)" { run = {"\(leaky)", "idle", "--size", "\(8 + $0)M"} recycle_when = {"age > 3s"}
            cooldown = 1h health_after = 300ms }
          """
        }.joined(separator: "\n")
        let agent = try scene.startAgent(
          "interval = 100ms\n\(workers)\ngroup \"all\" { workers = {\"w0\", \"w1\", \"w2\"} healthy = 2 }")
        for name in ["w0", "w1", "w2"] { try agent.awaitEvent("recycled", of: name) }
        #expect(try agent.mostRecycledAtOnce() == 1)
        let blocked = try agent.events("blocked")
        #expect(blocked.contains { $0.text("obstacle") == "group_busy" })
      }
    }

    @Test func aWorkerIsUpWhenItAnswers() throws {
      try withScene { scene in
        let port = try freePort(), other = try freePort(), leaky = try builtProgram("leaky")
        let agent = try scene.startAgent(
          """
          interval = 100ms
          worker "good" {
            run = {"\(leaky)", "silent-server", "--log", "\(scene.path("a.log"))", "--port", "\(port)"}
            recycle_when = {"age > 2s"} cooldown = 1h health = "tcp://127.0.0.1:\(port)"
          }
          worker "deaf" {
            run = {"\(leaky)", "idle", "--size", "1M"}
            recycle_when = {"age > 2s"} backoff = 1h backoff_max = 1h start_timeout = 1s
            health = "http://127.0.0.1:\(other)/"
          }
          worker "large" {
            run = {"\(leaky)", "idle", "--size", "8M"}
            recycle_when = {"age > 2s"} backoff = 1h backoff_max = 1h health_below = 4M
          }
          """)
        try agent.awaitEvent("recycled", of: "good")
        #expect(try agent.awaitEvent("recycle_failed", of: "deaf").text("message")?.contains("did not answer") == true)
        #expect(try agent.awaitEvent("recycle_failed", of: "large").text("message")?.contains("health_below") == true)
        #expect(try agent.events("recycled").allSatisfy { $0.text("worker") == "good" })
      }
    }
  }
}

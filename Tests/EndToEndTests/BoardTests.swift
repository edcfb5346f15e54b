// What a poor board does to memwarden: no folder for its socket and its journal, a SIGKILL from the kernel.
import Foundation
import Testing

extension EndToEnd {
  @Suite struct Board {
    @Test func withoutAFolderForSocketAndJournalItWatchesAndSaysSoOnce() throws {
      try withScene { scene in
        let port = try freePort()
        try scene.write(
          """
          http { listen = "127.0.0.1:\(port)" socket = "\(scene.path("missing/socket"))" }
          journal { file = "\(scene.path("missing/journal"))" }
          """, to: "memwarden.conf")
        let agent = try scene.start(try builtProgram("memwarden"), ["run", "-c", scene.path("memwarden.conf")])
        let get = { try request("GET", $0, at: .port(port)).json() }
        try eventually("it answers, having said:\n\(agent.output)") { (try? get("/healthz")) != nil }

        let missing = try #require(try get("/v1/status")["missing_features"] as? [String])
        let events = try #require(try get("/v1/events?limit=256")["events"] as? [[String: Any]])
        for word in ["No unix socket", "No journal file"] {
          #expect(missing.filter { $0.hasPrefix(word) }.count == 1)
          let told = events.filter { ($0["message"] as? String)?.hasPrefix(word) == true }
          #expect(told.count == 1 && told.first?["event"] as? String == "feature_missing")
        }
        #expect(try agent.stop() == 0)
      }
    }

    /// What becomes of them where it can be saved is in SurvivalTests.
    @Test func whereNoStateCanBeSavedBeingKilledEndsItsOwnWorkersAndNoOthers() throws {
      try withScene { scene in
        let leaky = try builtProgram("leaky")
        let other = try scene.startLeaky("idle", "--size", "1M")
        let agent = try scene.startAgent(
          """
          state = "/proc/nowhere/state"
          worker "own" { run = {"\(leaky)", "idle", "--size", "1M"} soft = 8M }
          """)
        let started = try agent.awaitEvent("child_started", of: "own")
        let own = pid_t(try #require(started.number("pid")))
        #expect(try agent.awaitEvent("state_unusable").text("message")?.contains("end with memwarden") == true)
        agent.process.kill()
        try eventually("its own worker ends") { !isAlive(own) }
        #expect(other.isRunning)
      }
    }
  }
}

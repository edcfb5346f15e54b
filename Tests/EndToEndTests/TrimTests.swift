// Free memory goes back without a restart, where the library is preloaded, and where not it is said why.
import Foundation
import Testing

extension EndToEnd {
  @Suite(.enabled(if: geteuid() == 0, "reading another process's memory needs root")) struct Trimming {
    private func worker(_ name: String, preloaded: Bool = true, _ words: String...) throws -> String {
      let library = try builtProgram("memwarden").replacingOccurrences(
        of: "/memwarden", with: "/libmemwarden-trim.so", options: .backwards)
      let preload = preloaded ? ["/usr/bin/env", "LD_PRELOAD=\(library)"] : []
      let list = (preload + words).map { "\"\($0)\"" }.joined(separator: ", ")
      return "worker \"\(name)\" { run = {\(list)} soft = 900M }\n"
    }

    @Test func ninetyMegabytesComeBackAndTheWorkerGoesOn() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "interval = 100ms\n"
            + worker("fragmented", try builtProgram("leaky"), "crumbs", "--report", scene.path("malloc")))
        let pid = try agent.awaitPids(of: "fragmented")[0]
        try eventually("the peak is over") { FileManager.default.fileExists(atPath: scene.path("malloc")) }
        #expect(kilobytes("VmRSS", in: "/proc/\(pid)/status") ?? 0 > 85_000)
        let answer = try agent.post("/v1/workers/fragmented/trim")
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try answer.json().number("freed_bytes") ?? 0 > 80 << 20)
        #expect(kilobytes("VmRSS", in: "/proc/\(pid)/status") ?? .max < 5_000)
        #expect(try agent.awaitPids(of: "fragmented") == [pid])
        let event = try #require(try agent.events().last { $0.text("event") == "trimmed" })
        #expect(event.number("pid") == Int(pid) && event.number("freed_bytes") ?? 0 > 80 << 20)
      }
    }

    @Test func aBusyServerOfManyThreadsIsTrimmedTwoHundredTimesAndGoesOn() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "interval = 1s\n" + worker("busy", try builtProgram("leaky"), "churn", "--threads", "2", "--rate", "20000"))
        let pid = try agent.awaitPids(of: "busy")[0]
        try eventually("the library is there") { text(of: "/proc/\(pid)/maps").contains("libmemwarden-trim") }
        for _ in 0..<200 {
          let answer = try agent.post("/v1/workers/busy/trim")
          #expect(answer.status == 200 || answer.status == 409, "\(answer.text)")
        }
        #expect(try agent.awaitPids(of: "busy") == [pid])
        #expect(try agent.events().contains { $0.text("event") == "trimmed" })
      }
    }

    @Test func whoCannotBeTrimmedIsLeftAloneWithTheReason() throws {
      try withScene { scene in
        let agent = try scene.startAgent(
          "interval = 100ms\n" + worker("plain", preloaded: false, try builtProgram("leaky"), "idle", "--size", "1M")
            + worker("spins", "/bin/sh", "-c", "while :; do :; done"))
        let plain = try agent.awaitPids(of: "plain")[0], spins = try agent.awaitPids(of: "spins")[0]
        try eventually("the library is there") { text(of: "/proc/\(spins)/maps").contains("libmemwarden-trim") }
        let refused = try agent.post("/v1/workers/plain/trim")
        #expect(refused.status == 409 && refused.text.contains("not preloaded"), "\(refused.text)")
        let busy = try agent.post("/v1/workers/spins/trim")
        #expect(busy.status == 409 && busy.text.contains("at work"), "\(busy.text)")
        #expect(isAlive(plain) && isAlive(spins))
        #expect(try agent.events().contains { $0.text("event") == "trim_refused" })
        #expect(try agent.get("/v1/workers/plain/trim").status == 405)
      }
    }
  }
}

// The key `steps`: what it means, and what is said of it when it is wrong.
import Actions
import Foundation
import Samples
import Testing

@testable import memwarden

extension ConfigurationTests {
  struct Steps {
    private func plan(_ keys: String) throws -> StepPlan {
      try Folder().read("worker a { run = {/bin/a} \(keys) }").get().workers[0].plan.steps
    }

    @Test func withoutStepsThereIsTheRecycle() throws {
      #expect(try plan("") == StepPlan())
      #expect(try plan("steps = {recycle}") == StepPlan())
      #expect(StepPlan().timeout == .seconds(10))
    }

    @Test func stepsAreTakenAsTheyAreWritten() throws {
      let all = try plan(
        #"step_timeout = 3s steps = {"cut", "trim", "signal USR1", "hook /bin/x  -v", "drain http://[::1]:80/d", recycle}"#
      )
      #expect(all.endsWithRecycle && all.drains && all.timeout == .seconds(3))
      #expect(
        all.steps.count == 5
          && all.names == bytes("cut, trim, signal USR1, hook /bin/x  -v, drain http://[::1]:80/d, recycle"))
      let acts = all.steps.map { step in
        var expected: StaticString = ""
        return parseStep(step, &expected)
      }
      let gate = parseHealth(bytes("http://[::1]:80/d"))
      #expect(gate != nil)
      #expect(
        acts == [.cut, .trim, .signal(SIGUSR1), .hook([bytes("/bin/x"), bytes("-v")]), gate.map { .drain($0) }])
      #expect(try !plan(#"steps = {"trim"}"#).endsWithRecycle)
    }

    @Test(arguments: [
      ("steps = {}", "expected one step at least, found nothing"),
      (
        "steps = {\"\"}",
        "expected cut, trim, signal NAME, hook PROGRAM, drain URL, or recycle as the last, found nothing"
      ),
      ("steps = {recycle, trim}", #"expected nothing after recycle, found "trim""#),
      (
        "steps = {trims}",
        #"expected cut, trim, signal NAME, hook PROGRAM, drain URL, or recycle as the last, found "trims""#
      ),
      ("steps = {\"trim now\"}", #"found "trim now""#),
      ("steps = {trim, \"signal\"}", #"found "signal""#),
      ("steps = {trim, \"signal KILL\"}", #"expected signal and one that can be caught: TERM, INT, QUIT, HUP, USR1,"#),
      ("steps = {trim, \"signal 19\"}", #"found "signal 19""#),
      ("steps = {trim, \"signal 65\"}", #"found "signal 65""#),
      (
        "steps = {\"hook x\"}", #"expected hook, the absolute path of a program and up to 63 arguments, found "hook x""#
      ),
      ("steps = {\"hook  \"}", #"found "hook  ""#),
      (
        "steps = {\"drain http://10.0.0.1/\", recycle}",
        "expected drain and a URL on loopback such as http://127.0.0.1:8080/"
      ),
      ("steps = {\"drain http://10.0.0.1:80/\", recycle}", "expected drain and a URL on loopback"),
      ("steps = {\"drain tcp://127.0.0.1:80\", recycle}", "expected drain and a URL on loopback"),
      ("steps = {\"drain http://127.0.0.1:80/\"}", "expected recycle right after drain, found"),
      ("steps = {\"drain http://127.0.0.1:80/\", trim, recycle}", #"expected recycle right after drain, found "trim""#),
      ("steps = {cut, cut, cut, cut, cut, cut, cut, cut, cut}", "expected at most 8 steps and recycle, found"),
      ("step_timeout = 99ms", #"step_timeout: expected a duration from 100ms to 1h, found "99ms""#),
    ])
    func aWrongStepIsNamedWithWhatWasExpected(keys: String, complaint: String) {
      let found = complaints("worker a { run = {/bin/a}\n \(keys) }")
      #expect(
        found.contains { $0.hasPrefix("memwarden.conf:2: worker \"a\": step") && $0.contains(complaint) }, "\(found)")
    }

    @Test func aRecycleNeedsAWay() {
      let found = complaints("worker a { comm = a\n steps = {trim, recycle} }")
      #expect(
        found == [
          #"memwarden.conf:2: worker "a": steps: expected one of run, restart and respawn for a recycle, found "recycle""#
        ])
      #expect(complaints("worker a { comm = a\n steps = {trim} }").isEmpty)
    }

    @Test func hostileTextIsRefusedOrUnderstoodAndNeverShownRaw() {
      for text in [
        "\u{1B}[1m", "hook /\u{7F}", String(repeating: "x", count: 5000), "signal -1", "signal  ", "drain http://",
      ] {
        for line in complaints("worker a { run = {/bin/a} steps = {'\(text)', recycle} }") {
          #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && line.utf8.count < 400)
        }
      }
    }
  }
}

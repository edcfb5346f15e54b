// What is saved of workers, read back; and what was not saved by memwarden.
import Actions
import Policy
import Samples
import Testing

@testable import memwarden

private let boot = bytes("7f89c5dc-029b-470e-9d4f-ca0c64ea4616")
private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }

private func conduct(_ phase: Phase, failures: Int = 0) -> Conduct {
  Conduct(
    phase: phase, parkedBefore: .budgetUsedUp, paused: true, tally: Tally([at(5), at(7_000_000_000)]),
    failures: failures)
}
private let saved: WorkerState = {
  var own = SavedWorker(name: bytes("web-1.a_b"))
  own.child = Identity(pid: 77, startTicks: .max)
  (own.childStartedAt, own.starting, own.stopSignal, own.grace) = (at(1234), 99, 3, .seconds(5))
  own.pipe = SavedPipe(device: Device(major: 0, minor: 14), inode: 1 << 40)
  (own.baseline, own.dueSince, own.counts) = (.mib(3), at(44), [1, 2, 3, 4, .max])
  own.conduct = conduct(.acting, failures: 3)
  own.act = SavedAct(
    reason: .hardLimit, pid: 77, before: .mib(30), newestPid: -1,
    progress: RecycleProgress(stage: 6, until: at(9), began: at(8), killed: true),
    command: Identity(pid: 80, startTicks: 1), going: [Identity(pid: 77, startTicks: 6)],
    known: [Identity(pid: 77, startTicks: 6), Identity(pid: 78, startTicks: 7)])
  own.conduct.remedy = Remedy(at: at(50), freed: .mib(2), backAfter: .zero, useless: 1)
  own.conduct.steps = StepMemory(life: Identity(pid: 77, startTicks: 9), once: 0x81, spent: 0x80)
  let phases: [Phase] = [
    .armed, .coolingDown(until: at(70)), .backingOff(until: at(80)), .parked(.budgetUsedUp), .parked(.remedyUseless),
  ]
  var state = WorkerState()
  state.workers = [own]
  for phase in phases {
    var worker = SavedWorker(name: bytes("w"))
    worker.conduct = conduct(phase)
    state.workers.append(worker)
  }
  state.leaving = [SavedDeparture(child: Identity(pid: 90, startTicks: 3), killAt: at(6), pipe: own.pipe)]
  return state
}()

@Test func whatIsSavedOfWorkersIsFoundAgain() {
  #expect(WorkerState(saved.text(bootID: boot), bootID: boot) == saved)
  #expect(WorkerState(WorkerState().text(bootID: boot), bootID: boot) == WorkerState())
}

@Test func theWorkersOfAnotherBootAreNothing() {
  let other = bytes("00000000-029b-470e-9d4f-ca0c64ea4616")
  #expect(WorkerState(saved.text(bootID: other), bootID: boot) == WorkerState())
}

@Test func aWorkersStateThatIsCutShortOrChangedAnywhereIsNotWhole() {
  let text = saved.text(bootID: boot)
  for n in 0..<text.count { #expect(WorkerState(Bytes(text.prefix(n)), bootID: boot) == nil) }
  for i in text.indices {
    for change: UInt8 in [1, 0x20, 0x80] {
      var other = text
      other[i] ^= change
      let found = WorkerState(other, bootID: boot)
      #expect(found == nil || found == saved, "byte \(i)")
    }
  }
}

@Test func hostileStatesOfWorkersWithARightSumAreRefusedOrHarmless() {
  let text = saved.text(bootID: boot), head = text.prefix(through: text.firstIndex(of: 0x0A) ?? 0)
  func parsed(_ body: String) -> WorkerState? {
    var text = Bytes(head) + bytes(body)
    StateFile.seal(&text)
    return WorkerState(text, bootID: boot)
  }
  let zeroes = String(repeating: " 0", count: 20), worker = "worker 77 0\(zeroes)\n"
  #expect(parsed(worker) != nil)
  #expect(parsed("worker 77 0\(zeroes) 1 0 0 2 7 0 255 0\n") != nil)
  for body in [
    "worker\n", "worker 77\n", "worker 7 0\(zeroes)\n", "worker 77 1\(zeroes)\n", "worker 77 99999999999\(zeroes)\n",
    "worker 77 0\(zeroes) 1 0 0 3 0 0 0 0\n", "worker 77 0\(zeroes) 1 0 0 0 1 0 0 0\n",
    "worker 77 0\(zeroes) 1 0 0 0 0 0 256 0\n", "worker 77 0\(zeroes) 1 0 0 0 0 0 0 0 0\n",
    "worker 77 0\(zeroes) 0\n", "worker 77 0\(zeroes)x\n", "worker 77 0\(zeroes)\u{0}\n", "tally 1\n", "act 1\n",
    "leaving 1 0 0 0 0 0\n", "leaving 5 0 0\n", "nonsense\n", "\n", worker + "going 5 6\n",
    worker + "act 9 5 0 0 0 0 0 0 0 0\n", worker + "act 0 5 0 0 7 0 0 0 0 0\n",
    worker + "act 0 5 0 0 0 0 0 0 0 0\ngoing 5\n", worker + "act 0 5 0 0 0 0 0 0 0 0\ngoing 0 4\n",
    worker + "tally 18446744073709551615\n",
  ] {
    #expect(parsed(body) == nil, "\(body)")
  }
}

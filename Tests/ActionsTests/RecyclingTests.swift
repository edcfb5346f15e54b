import Samples
import Testing

@testable import Actions

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }
private let new = Identity(pid: 200, startTicks: 9), newer = Identity(pid: 201, startTicks: 10)
private let up = Sighting(oldAlive: false, replacement: new)
private let alive = Sighting(oldAlive: true), gone = Sighting(oldAlive: false)

/// Grace 10 s, start_timeout 30 s.
private func begin(_ means: RecycleMeans, _ now: Int64 = 0) -> Recycling {
  var plan = RecyclePlan()
  plan.means = means
  return Recycling(plan, now: at(now))
}
private let child = RecycleMeans.child([Bytes("/bin/worker")]), command = RecycleMeans.command([Bytes("restart")])

@Test func aRespawnedWorkerIsStoppedAwaitedAndSeenToLive() {
  var r = begin(.respawn)
  #expect(r.step(alive, now: at(0)) == .sendStop)
  #expect(r.step(alive, now: at(0)) == .wait(until: at(10_000)))
  #expect(r.step(alive, now: at(9_999)) == .wait(until: at(10_000)))
  #expect(r.step(gone, now: at(9_999)) == .wait(until: at(9_999)))
  #expect(r.step(gone, now: at(10_000)) == .wait(until: at(39_999)))
  #expect(r.step(up, now: at(12_000)) == .wait(until: at(12_500)))
  #expect(r.step(up, now: at(12_499)) == .wait(until: at(12_500)))
  #expect(r.step(up, now: at(12_500)) == .done(new))
  #expect(!r.killed)
}

@Test func anOwnChildIsStartedOnceTheOldOneIsGone() {
  var r = begin(child)
  #expect(r.step(alive, now: at(0)) == .sendStop)
  #expect(r.step(gone, now: at(70)) == .startChild)
  #expect(r.step(gone, now: at(70)) == .wait(until: at(30_070)))
  #expect(r.step(up, now: at(90)) == .wait(until: at(590)))
  #expect(r.step(up, now: at(590)) == .done(new))
}

@Test func whatIsAlreadyGoneIsNotSignalled() {
  var own = begin(child), respawned = begin(.respawn, 5)
  #expect(own.step(gone, now: at(0)) == .startChild)
  #expect(respawned.step(gone, now: at(5)) == .wait(until: at(5)))
  #expect(respawned.step(up, now: at(5)) == .wait(until: at(505)))
}

@Test func whoIgnoresTheStopSignalIsKilledAtTheEndOfItsGrace() {
  var r = begin(.respawn)
  _ = r.step(alive, now: at(0))
  #expect(r.step(alive, now: at(10_000)) == .kill)
  #expect(r.killed)
  #expect(r.step(alive, now: at(10_000)) == .wait(until: at(20_000)))
  #expect(r.step(up, now: at(10_020)) == .wait(until: at(10_020)))
  #expect(r.step(up, now: at(10_020)) == .wait(until: at(10_520)))
  #expect(r.step(up, now: at(10_520)) == .done(new))
}

@Test func aGraceOfNothingKillsAtTheNextLook() {
  var plan = RecyclePlan()
  (plan.means, plan.grace) = (.respawn, .zero)
  var r = Recycling(plan, now: at(0))
  #expect(r.step(alive, now: at(0)) == .sendStop)
  #expect(r.step(alive, now: at(0)) == .kill)
}

@Test func whatHangsInTheKernelIsGivenUpAfterTenSeconds() {
  var r = begin(child)
  _ = r.step(alive, now: at(0))
  #expect(r.step(alive, now: at(10_000)) == .kill)
  #expect(r.step(alive, now: at(19_999)) == .wait(until: at(20_000)))
  #expect(r.step(alive, now: at(20_000)) == .failed(.unkillable))
}

@Test func aSuspendDuringTheGraceEndsIt() {
  var r = begin(.respawn)
  _ = r.step(alive, now: at(0))
  #expect(r.step(alive, now: at(3 * 3_600_000)) == .kill)
  // It is given its time from the kill on, not from the past.
  #expect(r.step(alive, now: at(3 * 3_600_000)) == .wait(until: at(3 * 3_600_000 + 10_000)))
}

@Test func nothingNewWithinTheStartTimeoutIsAFailure() {
  for means in [.respawn, child] {
    var r = begin(means)
    _ = r.step(alive, now: at(0))
    _ = r.step(gone, now: at(100))
    #expect(r.step(gone, now: at(30_099)) == .wait(until: at(30_100)))
    #expect(r.step(gone, now: at(30_100)) == .failed(.noReplacement))
  }
}

@Test func aReplacementThatEndsAtOnceIsAFailure() {
  var r = begin(child)
  _ = r.step(gone, now: at(0))
  #expect(r.step(up, now: at(10)) == .wait(until: at(510)))
  #expect(r.step(gone, now: at(400)) == .failed(.replacementDied))
}

/// A program that makes itself a daemon: the first process is gone as soon as the one that stays is there.
@Test func anotherReplacementMustLiveAsLongAsTheFirst() {
  var r = begin(.respawn)
  _ = r.step(gone, now: at(0))
  #expect(r.step(up, now: at(10)) == .wait(until: at(510)))
  let other = Sighting(oldAlive: false, replacement: newer)
  #expect(r.step(other, now: at(500)) == .wait(until: at(1000)))
  #expect(r.step(other, now: at(999)) == .wait(until: at(1000)))
  #expect(r.step(other, now: at(1000)) == .done(newer))
}

@Test func aReplacementThatIsReplacedAgainAndAgainIsAFailureInTheEnd() {
  var r = begin(.respawn)
  _ = r.step(gone, now: at(0))
  var order = Order.sendStop
  var now: Int64 = 0
  for pid in 300..<1000 as Range<Int32> {
    now += 400
    order = r.step(Sighting(oldAlive: false, replacement: Identity(pid: pid, startTicks: 1)), now: at(now))
    if case .wait = order { continue }
    break
  }
  #expect(order == .failed(.replacementDied))
  #expect(now <= 31_000)
}

@Test func aRestartCommandReplacesTheWorker() {
  var r = begin(command)
  #expect(r.step(alive, now: at(0)) == .runCommand)
  #expect(r.step(alive, now: at(5)) == .wait(until: at(30_000)))
  let exit0 = Actions.ExitStatus(code: 0, signal: 0)
  // The command is done and the old one still on its way out: it has its grace from here.
  #expect(r.step(Sighting(oldAlive: true, commandExit: exit0), now: at(2_000)) == .wait(until: at(12_000)))
  let seen = Sighting(oldAlive: false, replacement: new, commandExit: exit0)
  #expect(r.step(seen, now: at(3_000)) == .wait(until: at(3_000)))
  #expect(r.step(seen, now: at(3_000)) == .wait(until: at(3_500)))
  #expect(r.step(seen, now: at(3_500)) == .done(new))
}

@Test func theOldOneThatOutlivesItsRestartCommandIsKilled() {
  var r = begin(command)
  _ = r.step(alive, now: at(0))
  let seen = Sighting(oldAlive: true, commandExit: Actions.ExitStatus(code: 0, signal: 0))
  #expect(r.step(seen, now: at(100)) == .wait(until: at(10_100)))
  #expect(r.step(seen, now: at(10_100)) == .kill)
}

@Test(arguments: [
  Actions.ExitStatus(code: 1, signal: 0), Actions.ExitStatus(code: 127, signal: 0),
  Actions.ExitStatus(code: 0, signal: 9),
])
func aRestartCommandThatFailsIsTheFailure(_ status: Actions.ExitStatus) {
  var r = begin(command)
  _ = r.step(alive, now: at(0))
  // Even where a new process came up meanwhile.
  let seen = Sighting(oldAlive: false, replacement: new, commandExit: status)
  #expect(r.step(seen, now: at(10)) == .failed(.commandFailed(status)))
}

@Test func aRestartCommandThatTakesTooLongIsKilledAndIsTheFailure() {
  var r = begin(command)
  _ = r.step(alive, now: at(0))
  #expect(r.step(alive, now: at(29_999)) == .wait(until: at(30_000)))
  #expect(r.step(alive, now: at(30_000)) == .abandonCommand)
  #expect(r.step(alive, now: at(30_000)) == .failed(.commandTimedOut))
}

@Test func whatTheLoopCouldNotDoEndsTheRecycleAtAnyStage() {
  let failures: [RecycleFailure] = [.signalFailed(errno: 1), .spawnFailed(errno: 2)]
  for failure in failures {
    for steps in 0..<4 {
      var r = begin(child)
      for seen in [alive, gone, gone, up].prefix(steps) { _ = r.step(seen, now: at(0)) }
      #expect(r.step(Sighting(oldAlive: false, failure: failure), now: at(1)) == .failed(failure))
    }
  }
}

/// `r` as the next memwarden goes on with it.
private func resumed(_ r: Recycling, _ means: RecycleMeans) -> Recycling {
  var plan = RecyclePlan()
  plan.means = means
  return Recycling(plan, goingOn: r.progress)
}

@Test func anotherMemwardenSendsTheStopSignalOnlyWhereItWasNotSentForSure() {
  var r = begin(.respawn, 100)
  #expect(r.progress.stage == 0)
  var asked = resumed(r, .respawn)
  #expect(asked.step(alive, now: at(200)) == .sendStop && asked.began == at(100))
  _ = r.step(alive, now: at(100))
  var stopping = resumed(r, .respawn)
  #expect(stopping.step(alive, now: at(5000)) == .wait(until: at(10_100)))
  #expect(stopping.step(alive, now: at(10_100)) == .kill)
  var killing = resumed(stopping, .respawn)
  #expect(killing.step(alive, now: at(10_200)) == .wait(until: at(20_100)) && killing.killed)
}

@Test func anotherMemwardenStartsAChildThatIsToBeStarted() {
  var r = begin(child)
  _ = r.step(alive, now: at(0))
  var stopped = resumed(r, child)
  #expect(stopped.step(gone, now: at(500)) == .startChild)
  // Started by then: it is awaited.
  var verifying = resumed(stopped, child)
  #expect(verifying.step(gone, now: at(600)) == .wait(until: at(30_500)))
  #expect(verifying.step(up, now: at(700)) == .wait(until: at(1200)))
  var settling = resumed(verifying, child)
  #expect(settling.step(up, now: at(1200)) == .wait(until: at(1700)))
  #expect(settling.step(up, now: at(1700)) == .done(new))
}

@Test func aRestartCommandWhoseEndNobodySawMayHaveSucceeded() {
  var r = begin(command)
  _ = r.step(alive, now: at(0))
  let ended = Sighting(oldAlive: true, commandExit: .unknown)
  var well = resumed(r, command)
  #expect(well.step(ended, now: at(100)) == .wait(until: at(10_100)))
  #expect(well.step(gone, now: at(200)) == .wait(until: at(200)))
  #expect(well.step(up, now: at(300)) == .wait(until: at(800)))
  // The old one lives on: the command may have refused, and meant it to.
  var ill = resumed(r, command)
  _ = ill.step(ended, now: at(100))
  var again = resumed(ill, command)
  #expect(again.step(ended, now: at(200)) == .wait(until: at(10_200)))
  #expect(again.step(ended, now: at(10_200)) == .failed(.commandFailed(.unknown)))
}

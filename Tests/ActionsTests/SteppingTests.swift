// The order of steps, over simulated time.
import Actions
import Samples
import Testing

private func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }
private func plan(_ count: Int, recycles: Bool = true) -> StepPlan {
  var plan = StepPlan()
  plan.steps = (0..<count).map { Bytes("step".utf8) + [UInt8(48 + $0)] }
  plan.endsWithRecycle = recycles
  return plan
}

@Test func eachStepIsFollowedByALookAndTheListEndsWithTheRecycle() {
  var steps = Stepping(plan(2))
  #expect(steps.step(.atWork, now: at(0)) == .begin(0))
  #expect(steps.step(.atWork, now: at(0)) == .wait(until: at(10)))
  #expect(steps.step(.done, now: at(1)) == .look(0))
  #expect(steps.step(.notEnough, now: at(1)) == .begin(1))
  #expect(steps.step(.done, now: at(1)) == .look(1))
  #expect(steps.step(.notEnough, now: at(1)) == .recycle)
}

@Test func whatIsEnoughEndsTheList() {
  for last in 0..<3 {
    var steps = Stepping(plan(3))
    for i in 0...last {
      let order = i == 0 ? steps.step(.atWork, now: at(0)) : steps.step(.notEnough, now: at(0))
      #expect(order == .begin(i))
      #expect(steps.step(.done, now: at(1)) == .look(i))
    }
    #expect(steps.step(.enough, now: at(1)) == .enough)
  }
}

@Test func aSignalThatHelpsEndsItsTimeEarly() {
  var steps = Stepping(plan(2))
  #expect(steps.step(.atWork, now: at(0)) == .begin(0))
  for second in 0..<9 as Range<Int64> { #expect(steps.step(.atWork, now: at(second)) == .wait(until: at(10))) }
  #expect(steps.step(.enough, now: at(9)) == .enough)
}

@Test func aStepWhoseTimeIsOverIsGivenUpAndLookedAfterAllTheSame() {
  for late in [10, 100_000] as [Int64] {
    var steps = Stepping(plan(1))
    #expect(steps.step(.atWork, now: at(0)) == .begin(0))
    #expect(steps.step(.atWork, now: Instant(milliseconds: 9_999)) == .wait(until: at(10)))
    #expect(steps.step(.atWork, now: at(late)) == .giveUp(0))
    var other = steps
    #expect(steps.step(.notEnough, now: at(late)) == .recycle)
    #expect(other.step(.enough, now: at(late)) == .enough)
  }
}

@Test func withoutARecycleAtTheEndThereIsNone() {
  var steps = Stepping(plan(1, recycles: false))
  #expect(steps.step(.atWork, now: at(0)) == .begin(0))
  #expect(steps.step(.done, now: at(0)) == .look(0))
  #expect(steps.step(.notEnough, now: at(0)) == .spent)
}

@Test func stepsThatAreLeftOutAreNotBegunForAnySetOfThem() {
  for skipped in 0...UInt8.max {
    var steps = Stepping(plan(8), skipped: skipped), begun: UInt8 = 0
    var order = steps.step(.atWork, now: at(0))
    while case .begin(let i) = order {
      begun |= 1 << UInt8(i)
      #expect(steps.step(.done, now: at(0)) == .look(i))
      order = steps.step(.notEnough, now: at(0))
    }
    #expect(order == .recycle && begun == ~skipped)
  }
}

@Test func aPersonsRecycleBeginsAtTheDrain() {
  var steps = Stepping(plan(3), from: 2, skipped: 0b11)
  #expect(steps.step(.atWork, now: at(0)) == .begin(2))
}

import Policy
import Samples
import Testing

private func group(_ atOnce: Int, _ healthy: Int) -> GroupRules {
  var rules = GroupRules(name: [], workers: [])
  rules.atOnce = atOnce
  rules.healthy = healthy
  return rules
}

@Suite struct Groups {
  @Test func oneAtATimeUnlessMoreMay() {
    #expect(group(1, 0).objection(to: .up, acting: 0, up: 2) == nil)
    #expect(group(1, 0).objection(to: .up, acting: 1, up: 1) == .groupBusy)
    #expect(group(2, 0).objection(to: .up, acting: 1, up: 1) == nil)
    #expect(group(2, 0).objection(to: .up, acting: 2, up: 0) == .groupBusy)
  }
  @Test func soManyStayUp() {
    #expect(group(3, 2).objection(to: .up, acting: 0, up: 2) == nil)
    #expect(group(3, 2).objection(to: .up, acting: 1, up: 1) == .groupThin)
    #expect(group(3, 2).objection(to: .up, acting: 0, up: 0) == .groupThin)
  }
  @Test func oneThatIsDownAlreadyTakesNobodyAway() {
    #expect(group(1, 3).objection(to: .down, acting: 0, up: 1) == nil)
    #expect(group(1, 3).objection(to: .down, acting: 1, up: 0) == .groupBusy)
  }

  /// 10 000 random schedules with faults: acts begin when permitted, end well, fail, and members crash and come back.
  @Test func neverMoreThanMayAndNeverFewerThanMust() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<10_000 {
      let n = Int.random(in: 2...6, using: &random)
      let rules = group(Int.random(in: 1...n, using: &random), Int.random(in: 0...(n - 1), using: &random))
      var states = [MemberState](repeating: .up, count: n)
      for _ in 0..<50 {
        let i = Int.random(in: 0..<n, using: &random)
        switch states[i] {
        case .acting: states[i] = Bool.random(using: &random) ? .up : .down
        case .down where Int.random(in: 0..<3, using: &random) > 0: states[i] = .up
        case .up where Int.random(in: 0..<20, using: &random) == 0: states[i] = .down
        case .up, .down:
          var others = states
          let own = others.remove(at: i)
          let acting = others.count { $0 == .acting }, up = others.count { $0 == .up }
          guard rules.objection(to: own, acting: acting, up: up) == nil else { continue }
          states[i] = .acting
          #expect(states.count { $0 == .acting } <= rules.atOnce)
          if own == .up { #expect(states.count { $0 == .up } >= rules.healthy) }
        }
      }
    }
  }
}

import Policy
import Samples
import Testing

private func condition(_ fact: Fact, above n: Int64) -> Expression.Step {
  .condition(Condition(fact, isAbove: true, .absolute(n)))
}
private func facts(_ known: [Fact: Int64]) -> Facts {
  var facts = Facts()
  for (fact, value) in known { facts[fact] = value }
  return facts
}
private let whole = Permyriad(10_000)

@Suite struct Expressions {
  /// All nine pairs of Kleene's tables, with 1 for true, 0 for false, nil for unknown.
  @Test func whatIsNotKnownDecidesNothingUnlessTheRestDecides() throws {
    let values: [Int64?] = [1, 0, nil]
    for a in values {
      for b in values {
        var facts = Facts()
        facts[.threads] = a
        facts[.descriptors] = b
        let steps = [condition(.threads, above: 0), condition(.descriptors, above: 0)]
        let (x, y) = (a.map { $0 > 0 }, b.map { $0 > 0 })
        let and: Bool? = x == false || y == false ? false : x == nil || y == nil ? nil : true
        let or: Bool? = x == true || y == true ? true : x == nil || y == nil ? nil : false
        #expect(
          try #require(Expression(steps + [.and])).holds(facts, clear: whole) == and, "\(a as Any) and \(b as Any)")
        #expect(try #require(Expression(steps + [.or])).holds(facts, clear: whole) == or, "\(a as Any) or \(b as Any)")
        let not = try #require(Expression([steps[0], .not]))
        #expect(not.holds(facts, clear: whole) == x.map { !$0 })
      }
    }
  }

  @Test func operatorsWorkOnWhatStandsBeforeThem() throws {
    // age > 7 and not (connections > 0 or cpu > 5)
    let e = try #require(
      Expression([
        condition(.age, above: 7), condition(.connections, above: 0), condition(.cpu, above: 5), .or, .not, .and,
      ]))
    #expect(e.holds(facts([.age: 8, .connections: 0, .cpu: 0]), clear: whole) == true)
    #expect(e.holds(facts([.age: 8, .connections: 1, .cpu: 0]), clear: whole) == false)
    #expect(e.holds(facts([.age: 8, .connections: 0, .cpu: 6]), clear: whole) == false)
    #expect(e.holds(facts([.age: 7, .connections: 0, .cpu: 0]), clear: whole) == false)
    // One that is true decides the whole, whatever the other is.
    #expect(e.holds(facts([.age: 8, .cpu: 6]), clear: whole) == false)
    #expect(e.holds(facts([.age: 8, .cpu: 1]), clear: whole) == nil)
  }

  @Test func whatIsNoExpressionIsRefused() {
    let c = condition(.age, above: 1)
    #expect(Expression([]) == nil)
    #expect(Expression([.not]) == nil)
    #expect(Expression([c, .and]) == nil)
    #expect(Expression([c, c]) == nil)
    #expect(Expression([c, c, .or, .or]) == nil)
    #expect(Expression(Array(repeating: c, count: 17) + Array(repeating: .and, count: 16)) == nil)
    #expect(Expression(Array(repeating: c, count: 16) + Array(repeating: .and, count: 15)) != nil)
  }

  @Test func boundsAreOfRAMOrOfWhatWasLearned() throws {
    var facts = facts([.uss: 100 << 20])
    facts.memoryTotal = .mib(1000)
    func holds(_ bound: Bound) -> Bool? {
      Expression([.condition(Condition(.uss, isAbove: true, bound))])?.holds(facts, clear: whole)
    }
    #expect(holds(.share(Permyriad(999))) == true)
    #expect(holds(.share(Permyriad(1000))) == false)
    #expect(holds(.times(150)) == nil, "nothing learned yet")
    #expect(holds(.above(.mib(15))) == nil)
    facts.baseline = .mib(66)
    #expect(holds(.times(150)) == true)
    #expect(holds(.times(152)) == false)
    #expect(holds(.above(.mib(33))) == true)
    #expect(holds(.above(.mib(34))) == false)
    facts.baseline = ByteCount(.max)
    #expect(holds(.times(.max)) == false)
    #expect(holds(.above(ByteCount(.max))) == false)
  }

  @Test func theClearLineIsWhereAConditionEnds() {
    let above = Condition(.uss, isAbove: true, .absolute(100)),
      below = Condition(.available, isAbove: false, .absolute(100))
    func holds(_ c: Condition, _ value: Int64, _ clear: UInt32) -> Bool? {
      Expression([.condition(c)])?.holds(facts([c.fact: value]), clear: Permyriad(clear))
    }
    #expect(holds(above, 100, 10_000) == false && holds(above, 101, 10_000) == true)
    #expect(holds(above, 86, 8500) == true && holds(above, 85, 8500) == false)
    #expect(holds(below, 100, 10_000) == false && holds(below, 99, 10_000) == true)
    // 100 / 0.85 is 117.6.
    #expect(holds(below, 117, 8500) == true && holds(below, 118, 8500) == false)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, .max], [Int64.min, -1, 0, 1, .max])
  func numbersAtTheEdgesAreComparedAsNumbers(value: Int64, line: Int64) {
    let e = Expression([.condition(Condition(.growth, isAbove: true, .absolute(line)))])
    #expect(e?.holds(facts([.growth: value]), clear: whole) == (value > line))
  }

  /// Against a plain recursive evaluation, 20 000 random expressions.
  @Test func randomExpressionsAreEvaluatedLikeTheirTree() throws {
    indirect enum Tree {
      case leaf(Fact), not(Tree), and(Tree, Tree), or(Tree, Tree)
      var steps: [Expression.Step] {
        switch self {
        case .leaf(let fact): [condition(fact, above: 0)]
        case .not(let a): a.steps + [.not]
        case .and(let a, let b): a.steps + b.steps + [.and]
        case .or(let a, let b): a.steps + b.steps + [.or]
        }
      }
      func value(_ facts: Facts) -> Bool? {
        switch self {
        case .leaf(let fact): return facts[fact].map { $0 > 0 }
        case .not(let a): return a.value(facts).map { !$0 }
        case .and(let a, let b):
          let (x, y) = (a.value(facts), b.value(facts))
          return x == false || y == false ? false : x == nil || y == nil ? nil : true
        case .or(let a, let b):
          let (x, y) = (a.value(facts), b.value(facts))
          return x == true || y == true ? true : x == nil || y == nil ? nil : false
        }
      }
    }
    var random = SystemRandomNumberGenerator()
    func grow(_ depth: Int) -> Tree {
      switch depth == 0 ? 0 : Int.random(in: 0...3, using: &random) {
      case 1: .not(grow(depth - 1))
      case 2: .and(grow(depth - 1), grow(depth - 1))
      case 3: .or(grow(depth - 1), grow(depth - 1))
      default: .leaf(Fact.allCases.randomElement(using: &random) ?? .uss)
      }
    }
    for _ in 0..<20_000 {
      let tree = grow(5)
      var facts = Facts()
      for fact in Fact.allCases { facts[fact] = [0, 1, nil].randomElement(using: &random) ?? nil }
      let expression = try #require(Expression(tree.steps))
      #expect(expression.holds(facts, clear: whole) == tree.value(facts), "\(tree)")
    }
  }
}

@Suite struct Triggers {
  private struct Trial {
    var rules: TriggerRules
    var memory = TriggerMemory()
    init(hold: Int64 = 0, needed: Int = 1, of: Int = 1) throws {
      rules = TriggerRules(name: [], when: try #require(Expression([condition(.uss, above: 100)])))
      rules.hold = .seconds(hold)
      rules.needed = needed
      rules.of = of
    }
    mutating func judge(_ second: Int64, _ value: Int64?) -> TriggerState {
      var facts = Facts()
      facts[.uss] = value
      return memory.judge(rules, facts, gap: .seconds(16), now: Instant(milliseconds: second * 1000))
    }
  }
  private func at(_ second: Int64) -> Instant { Instant(milliseconds: second * 1000) }

  @Test func aTriggerCountsOnceItHeld() throws {
    var t = try Trial(hold: 30)
    #expect(t.judge(0, 100) == .quiet)
    #expect(t.judge(5, 101) == .holding(since: at(5)))
    #expect(t.judge(15, 90) == .holding(since: at(5)), "between the clear line and the bound")
    #expect(t.judge(30, 101) == .holding(since: at(5)))
    #expect(t.judge(35, 101) == .due(since: at(5)))
    #expect(t.judge(40, 85) == .quiet)
    #expect(t.judge(45, 90) == .quiet, "it begins at the bound, not at the clear line")
  }

  @Test func soManyOfTheLastSamplesMustMeetIt() throws {
    var t = try Trial(needed: 3, of: 5)
    let values: [Int64] = [101, 0, 101, 0, 101, 0, 0, 0]
    let states = values.enumerated().map { t.judge(Int64($0.offset) * 5, $0.element) }
    #expect(
      states == [
        .quiet, .quiet, .quiet, .quiet, .due(since: at(20)), .quiet, .quiet, .quiet,
      ])
  }

  @Test func whatCannotBeReadConcludesNothing() throws {
    var t = try Trial(hold: 10)
    _ = t.judge(0, 101)
    #expect(t.judge(5, nil) == .unknown)
    #expect(t.judge(10, 101) == .due(since: at(0)))
  }

  @Test func aSuspendedMachineHasNotBeenOverAllNight() throws {
    var t = try Trial(hold: 30, needed: 2, of: 3)
    _ = t.judge(0, 101)
    _ = t.judge(5, 101)
    #expect(t.judge(36_000, 101) == .quiet, "the samples of the evening do not count")
    #expect(t.judge(36_005, 101) == .holding(since: at(36_005)))
    #expect(t.judge(36_035 - 16, 101) == .holding(since: at(36_005)))
    #expect(t.judge(36_035, 101) == .due(since: at(36_005)))
  }

  @Test func thirtyTwoSamplesAreTheMost() throws {
    var t = try Trial(needed: 32, of: 32)
    for second in 0..<31 as Range<Int64> { #expect(t.judge(second, 101) == .quiet) }
    #expect(t.judge(31, 101) == .due(since: at(31)))
  }
}

@Suite struct MaintenanceWindows {
  /// Monday to Friday is 0b0111110.
  @Test func itBeginsAtItsFirstMinuteAndEndsBeforeItsLast() {
    let w = MaintenanceWindow(days: 0b0111110, start: 120, end: 300)
    #expect(!w.contains(weekday: 1, minute: 119) && w.contains(weekday: 1, minute: 120))
    #expect(w.contains(weekday: 5, minute: 299) && !w.contains(weekday: 5, minute: 300))
    #expect(!w.contains(weekday: 0, minute: 200) && !w.contains(weekday: 6, minute: 200))
  }
  @Test func overMidnightItBelongsToTheDayOnWhichItBegins() {
    let w = MaintenanceWindow(days: 0b1000000, start: 23 * 60, end: 60)  // Saturday night
    #expect(w.contains(weekday: 6, minute: 23 * 60) && w.contains(weekday: 0, minute: 59))
    #expect(!w.contains(weekday: 0, minute: 60) && !w.contains(weekday: 0, minute: 23 * 60))
    #expect(!w.contains(weekday: 6, minute: 30))
  }
  @Test func aWholeDayIsFromZeroTo1440() {
    let w = MaintenanceWindow(days: 0b0000001, start: 0, end: 1440)
    for minute in 0..<1440 { #expect(w.contains(weekday: 0, minute: minute)) }
    #expect(!w.contains(weekday: 1, minute: 0))
  }
}

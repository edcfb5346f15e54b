import Policy
import Samples
import Testing

@testable import memwarden

private func condition(_ fact: Fact, _ isAbove: Bool, _ bound: Bound) -> Expression.Step {
  .condition(Condition(fact, isAbove: isAbove, bound))
}

@Suite struct ConfigurationExpressions {
  @Test func `Not binds closest, then and, then or`() throws {
    let a = condition(.age, true, .absolute(7 * 86_400_000)), b = condition(.threads, true, .absolute(64))
    let c = condition(.connections, false, .absolute(1))
    #expect(
      try parseTrigger(bytes("age > 7d or threads > 64 and not connections < 1")).when.steps == [
        a, b, c, .not, .and, .or,
      ])
    #expect(
      try parseTrigger(bytes("(age>7d or threads>64)and not(connections<1)")).when.steps == [a, b, .or, c, .not, .and])
    #expect(
      try parseTrigger(bytes("age > 7d and threads > 64 and connections < 1")).when.steps == [a, b, .and, c, .and])
  }

  @Test(
    arguments: [
      ("uss > 24M", .uss, .absolute(24 << 20)), ("rss > 10%", .rss, .share(Permyriad(1000))),
      ("uss > 1.5x", .uss, .times(150)), ("pss > +15M", .pss, .above(.mib(15))),
      ("growth > 1M/1h", .growth, .absolute(1 << 20)), ("growth > 1K/1s", .growth, .absolute(3600 * 1024)),
      ("growth > 24M/1d", .growth, .absolute(1 << 20)), ("peak > 1G", .peak, .absolute(1 << 30)),
      ("descriptors > 900", .descriptors, .absolute(900)), ("pressure > 20%", .pressure, .absolute(2000)),
      ("cpu > 0.5%", .cpu, .absolute(50)), ("available > 5%", .available, .share(Permyriad(500))),
    ] as [(String, Fact, Bound)])
  func `A bound is written in its fact's own unit`(text: String, fact: Fact, bound: Bound) throws {
    #expect(try parseTrigger(bytes(text)).when.steps == [condition(fact, true, bound)])
  }

  @Test(
    arguments: [
      ("", "expected a condition such as uss > 24M"), ("uss", "expected > or <, found the end after \"uss\""),
      ("uss > ", "expected a size such as 24M"), ("uss > 24Q", "found \"24Q\" after \">\""),
      ("uss = 24M", "expected > or <, found \"=\""), ("age > 24M", "expected a duration such as 7d"),
      ("threads > 5%", "expected a number, found \"5%\""),
      ("available > 1.5x", "expected a size such as 24M or a share"),
      ("growth > 1M", "expected an amount per time such as 1M/1h"), ("growth > 1M/0s", "expected an amount per time"),
      ("uss > 0.5x", "1.5x or +15M"),
      ("uss > 24M age > 1d", "expected and, or, for, in, or the end, found \"age\" after \"24M\""),
      ("(uss > 24M", "expected and, or, or )"), ("uss > 24M)", "found \")\""), ("not", "found the end after \"not\""),
      ("cpu > 1% and", "found the end after \"and\""), ("load > 3", "found \"load\""), ("USS > 1M", "found \"USS\""),
    ])
  func `What is wrong is said with its place`(text: String, words: String) {
    do throws(ExpressionProblem) {
      _ = try parseTrigger(bytes(text))
      Issue.record("accepted: \(text)")
    } catch {
      #expect(
        String(decoding: error.message, as: UTF8.self).contains(words),
        "\(String(decoding: error.message, as: UTF8.self))")
    }
  }

  @Test func `How long and how often it must be met stands behind it`() throws {
    let plain = try parseTrigger(bytes("cpu > 90%"))
    #expect(plain.hold == .zero && plain.needed == 1 && plain.of == 1 && plain.name == bytes("cpu > 90%"))
    let both = try parseTrigger(bytes("cpu > 90% for 30s in 3/5"))
    #expect(both.hold == .seconds(30) && both.needed == 3 && both.of == 5)
    for wrong in [
      "cpu > 90% for", "cpu > 90% for 2d", "cpu > 90% in 5/3", "cpu > 90% in 0/3", "cpu > 90% in 3/33",
      "cpu > 90% in 3", "cpu > 90% in 3/5 for 30s", "cpu > 90% for 30s or age > 1d", "for 30s",
    ] { #expect(throws: ExpressionProblem.self, "\(wrong)") { try parseTrigger(bytes(wrong)) } }
  }

  @Test func `Nesting has an end`() {
    let nots = String(repeating: "not ", count: 100_000) + "cpu > 1%"
    #expect(throws: ExpressionProblem.self) { try parseTrigger(bytes(nots)) }
    let parentheses = String(repeating: "(", count: 100_000)
    #expect(throws: ExpressionProblem.self) { try parseTrigger(bytes(parentheses)) }
    let right = (0..<20).map { _ in "cpu > 1% and (" }.joined() + "cpu > 1%" + String(repeating: ")", count: 20)
    #expect(throws: ExpressionProblem.self) { try parseTrigger(bytes(right)) }
    #expect(throws: Never.self) {
      try parseTrigger(bytes((0..<500).map { _ in "cpu > 1%" }.joined(separator: " and ")))
    }
  }
}

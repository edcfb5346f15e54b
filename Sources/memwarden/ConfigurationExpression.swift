// `uss > 24M and not (connections > 0 or cpu > 1%) for 30s in 3/5`: text to a trigger, by recursive descent. `not` binds closest,
// then `and`, then `or`.
import Policy
import Report
import Samples

/// What is wrong, as a sentence that names the place: the words still unread there.
struct ExpressionProblem: Error, Equatable {
  var message: Bytes
}

/// A condition, then how long and how often it must be met: `growth > 1M/1h for 30m`, `cpu > 90% in 3/5`. Its name is its
/// text.
func parseTrigger(_ text: Bytes) throws(ExpressionProblem) -> TriggerRules {
  var parser = ExpressionParser(tokens: tokens(of: text))
  let when = try parser.parse()
  var rules = TriggerRules(name: text, when: when)
  if parser.accept("for") {
    guard let word = parser.next, let hold = parseDuration(.zero...(.seconds(86_400)))(word) else {
      throw parser.expected("a duration from 0s to 1d")
    }
    parser.position += 1
    rules.hold = hold
  }
  if parser.accept("in") {
    guard let word = parser.next, let slash = word.firstIndex(of: UInt8(ascii: "/")),
      let of = parseNumber(1...32)(Bytes(word[(slash + 1)...])), let needed = parseNumber(1...of)(Bytes(word[..<slash]))
    else { throw parser.expected("how many of the last samples, such as 3/5, up to 32/32") }
    parser.position += 1
    (rules.needed, rules.of) = (needed, of)
  }
  guard parser.next == nil else { throw parser.expected("and, or, for, in, or the end") }
  return rules
}

/// A condition alone.
func parseCondition(_ text: Bytes) throws(ExpressionProblem) -> Expression {
  var parser = ExpressionParser(tokens: tokens(of: text))
  let expression = try parser.parse()
  guard parser.next == nil else { throw parser.expected("and, or, or the end") }
  return expression
}

/// Words, and each of ( ) < > by itself.
private func tokens(of text: Bytes) -> [Bytes] {
  var tokens = [Bytes](), word = Bytes()
  for byte in text + [0x20] {
    let isMark = byte == 0x28 || byte == 0x29 || byte == 0x3C || byte == 0x3E
    guard isMark || byte == 0x20 || byte == 0x09 else {
      word.append(byte)
      continue
    }
    if !word.isEmpty { tokens.append(word) }
    word = []
    if isMark { tokens.append([byte]) }
  }
  return tokens
}

private struct ExpressionParser {
  let tokens: [Bytes]
  var position = 0
  var steps: [Expression.Step] = []
  private static let depthMaximum = 16

  init(tokens: [Bytes]) { self.tokens = tokens }

  mutating func parse() throws(ExpressionProblem) -> Expression {
    try parseOr(depth: 0)
    guard let expression = Expression(steps) else {
      throw ExpressionProblem(
        message: Bytes("more than 16 conditions wait for each other: join them by and and or in turn"))
    }
    return expression
  }

  var next: Bytes? { position < tokens.count ? tokens[position] : nil }
  mutating func accept(_ word: StaticString) -> Bool {
    guard let next, equal(next, word) else { return false }
    position += 1
    return true
  }

  func expected(_ what: StaticString) -> ExpressionProblem {
    var message = Bytes("expected ")
    message.write(what)
    if let next { message.say(", found \"\(next)\"") } else { message.write(", found the end") }
    if position > 0 { message.say(" after \"\(tokens[position - 1])\"") }
    return ExpressionProblem(message: message)
  }

  private mutating func parseOr(depth: Int) throws(ExpressionProblem) {
    try parseAnd(depth: depth)
    while accept("or") {
      try parseAnd(depth: depth)
      steps.append(.or)
    }
  }
  private mutating func parseAnd(depth: Int) throws(ExpressionProblem) {
    try parseNot(depth: depth)
    while accept("and") {
      try parseNot(depth: depth)
      steps.append(.and)
    }
  }
  private mutating func parseNot(depth: Int) throws(ExpressionProblem) {
    guard depth < Self.depthMaximum else { throw expected("fewer than 16 levels of not and ( )") }
    if accept("not") {
      try parseNot(depth: depth + 1)
      steps.append(.not)
    } else if accept("(") {
      try parseOr(depth: depth + 1)
      guard accept(")") else { throw expected("and, or, or )") }
    } else {
      try parseCondition()
    }
  }

  private mutating func parseCondition() throws(ExpressionProblem) {
    guard let word = next, let fact = Fact.allCases.first(where: { equal(word, $0.name) }) else {
      throw expected(
        """
        a condition such as uss > 24M, with one of uss, pss, rss, anon, swap, peak, growth, exhaustion, descriptors, \
        threads, connections, age, cpu, available, pressure
        """)
    }
    position += 1
    let isAbove = accept(">")
    guard isAbove || accept("<") else { throw expected("> or <") }
    guard let text = next, let bound = bound(text, of: fact) else { throw expected(fact.boundsInWords) }
    position += 1
    steps.append(.condition(Condition(fact, isAbove: isAbove, bound)))
  }

  private func bound(_ text: Bytes, of fact: Fact) -> Bound? {
    let sizes = ByteCount.zero...ByteCount(1 << 50), century = Milliseconds.zero...(.seconds(100 * 365 * 86_400))
    switch fact.unit {
    case .bytes:
      if let size = parseSize(sizes)(text) { return .absolute(Int64(size.rawValue)) }
      if let share = parseShare(Permyriad(0)...Permyriad(10_000))(text) { return .share(share) }
      guard fact.hasBaseline else { return nil }
      if text.first == UInt8(ascii: "+") { return parseSize(sizes)(Bytes(text.dropFirst())).map { .above($0) } }
      return parseTimes(text).map { .times($0) }
    case .bytesPerHour:
      guard let slash = text.firstIndex(of: UInt8(ascii: "/")), let size = parseSize(sizes)(Bytes(text[..<slash])),
        let per = parseDuration(.seconds(1)...(.seconds(365 * 86_400)))(Bytes(text[(slash + 1)...]))
      else { return nil }
      let (high, low) = size.rawValue.multipliedFullWidth(by: 3_600_000)
      let divisor = UInt64(per.rawValue)
      return .absolute(high >= divisor ? .max : Int64(clamping: divisor.dividingFullWidth((high, low)).quotient))
    case .milliseconds: return parseDuration(century)(text).map { .absolute($0.rawValue) }
    case .count: return parseNumber(0...Int(Int32.max))(text).map { .absolute(Int64($0)) }
    case .permyriad: return parseShare(Permyriad(0)...Permyriad(10_000))(text).map { .absolute(Int64($0.rawValue)) }
    }
  }
}

/// `2x`, `1.5x`, `1.25x`: 1 to 100, in hundredths.
private func parseTimes(_ text: Bytes) -> UInt32? {
  guard text.last == UInt8(ascii: "x") else { return nil }
  let share = Bytes(text.dropLast()) + Bytes("%")
  return parseShare(Permyriad(100)...Permyriad(10_000))(share)?.rawValue
}

extension Fact {
  fileprivate var boundsInWords: StaticString {
    switch unit {
    case .bytes:
      hasBaseline
        ? "a size such as 24M, a share of RAM such as 10%, or of what it holds after its warm-up: 1.5x or +15M"
        : "a size such as 24M or a share of RAM such as 10%"
    case .bytesPerHour: "an amount per time such as 1M/1h"
    case .milliseconds: "a duration such as 7d or 30m"
    case .count: "a number"
    case .permyriad: "a share such as 20%"
    }
  }
}

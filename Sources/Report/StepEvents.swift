// The steps before a recycle, and whether a recycle helped: values, words and numbers.
public import Policy
public import Samples

/// One step that was taken.
public struct StepOutcome: Sendable {
  /// As it stands in the configuration.
  public var step: Bytes
  public var reason: Reason
  /// What is measured: the worker's metric, or what its trigger names first; before and after, in the fact's unit.
  public var fact: Fact
  public var before: Int64?, after: Int64?
  public var took: Milliseconds
  /// nil of a drain: the recycle follows in any case.
  public var isEnough: Bool?
  /// Why it could not do what it should; with an exit code, a signal or an errno.
  public var trouble: StaticString?, code: Int32
  public init(
    step: Bytes, reason: Reason, fact: Fact, before: Int64?, after: Int64?, took: Milliseconds, isEnough: Bool?,
    trouble: StaticString?, code: Int32
  ) {
    (self.step, self.reason, self.fact, self.before, self.after) = (step, reason, fact, before, after)
    (self.took, self.isEnough, self.trouble, self.code) = (took, isEnough, trouble, code)
  }

  var words: Sentence {
    let end: Sentence = isEnough.map { $0 ? ", enough" : ", not enough" } ?? ""
    var words: Sentence = "step \(step) took \(took)\(end)"
    if let before, let after { words.bytes.say(": \(fact.name) \(fact.words(before)) to \(fact.words(after))") }
    if let trouble { words.bytes.say("; \(trouble)") }
    if code != 0 { words.bytes.say(" \(code)") }
    return words
  }

  func write(to json: inout JSONWriter) {
    json.field("step", step)
    json.field("reason", reason.name)
    json.field("fact", fact.name)
    if let before { json.field("before", before) } else { json.null("before") }
    if let after { json.field("after", after) } else { json.null("after") }
    json.field("took_ms", took.rawValue)
    if let isEnough { json.field("enough", isEnough) } else { json.null("enough") }
    if let trouble {
      json.field("trouble", trouble)
      json.field("code", code)
    }
  }
}

extension Remedy {
  var words: Sentence {
    """
    restarting does not help: after each of the last \(useless) restarts it was over again at once, after the last \
    within \(backAfter ?? .zero), though \(freed) came back; no further restart by itself until resumed or its \
    configuration changes
    """
  }
  func write(to json: inout JSONWriter) {
    json.field("freed_bytes", freed)
    if let backAfter { json.field("back_after_ms", backAfter.rawValue) } else { json.null("back_after_ms") }
    json.field("useless", useless)
  }
}

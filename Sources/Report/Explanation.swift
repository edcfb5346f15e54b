// GET /v1/workers/NAME/explain: which rule is how close, what was last done, and why.
import Policy
import Samples

extension WorkerRecord {
  /// What memwarden thinks of the worker, in one sentence.
  func conclusion(now: Instant) -> Sentence {
    guard let figure else {
      if processes.isEmpty { return "no process matches, so there is nothing to judge" }
      return "its memory cannot be read (\((absence ?? .notRead).name)), so nothing is judged"
    }
    switch verdict {
    case .unknown: return "it has not been judged yet"
    case .below:
      guard let limit = limits.first else { return "it is watched only: no limit is set; \(figure.words)" }
      let level = plateau.duration(now)
      return "left alone: \(figure.words), \(limit - figure.value) below its limit; level for \(level)"
    case .holding(let since):
      return "over its soft limit for \(now - since) of the \(rules.hold) it must hold: \(figure.words)"
    case .recycle(let reason): return "being recycled (\(reason.words)): \(figure.words)"
    case .wouldRecycle(let reason):
      return "would be recycled (\(reason.words)), but is only observed: \(figure.words)"
    case .blocked(let reason, let obstacle):
      return "due to be recycled (\(reason.words)) and not done: \(obstacle.words(now: now)); \(figure.words)"
    case .park: return "its restart budget is used up: \(figure.words)"
    }
  }

  func writeExplanation(to json: inout JSONWriter, _ board: Board) {
    let now = board.now
    json.object { json in
      json.field("worker", name)
      json.field("state", state)
      json.field("message", conclusion(now: now).bytes)
      if let figure { json.object("figure") { figure.write(to: &$0) } } else { json.null("figure") }
      json.field("pid", figurePid)
      json.array("rules") { json in
        writeRule("soft", limits.soft, hold: rules.hold, to: &json)
        writeRule("hard", limits.hard, hold: .zero, to: &json)
      }
      writeDiagnosis(to: &json, board)
      json.array("triggers") { json in
        for (rule, state) in zip(rules.triggers, triggers) {
          json.object { json in
            json.field("when", rule.name)
            json.field("state", state.name)
            if let since = state.since { json.field("for_ms", (now - since).rawValue) } else { json.null("for_ms") }
          }
        }
      }
      if let trend = growth.trend(GrowthRules()) {
        json.object("growth") { json in
          json.field("bytes_per_hour", trend.bytesPerHour)
          json.field("r2_permyriad", UInt64(trend.r2.rawValue))
          json.field("rises", trend.rises)
          json.field("points", trend.points)
        }
      } else {
        json.null("growth")
      }
      json.field("baseline_bytes", growth.baseline)
      json.field("level_ms", plateau.duration(now).rawValue)
      json.field("clear_permyriad", UInt64(rules.clear.rawValue))
      json.object("restart_budget") { json in
        json.field("used", conduct.used(rules.budget, now: now))
        json.field("count", rules.budget.count)
        json.field("per_ms", rules.budget.per.rawValue)
      }
      switch conduct.phase {
      case .coolingDown(let until), .backingOff(let until): json.field("waits_ms", max(0, (until - now).rawValue))
      case .armed, .acting, .parked: json.null("waits_ms")
      }
      if conduct.remedy.at != nil { json.object("remedy") { conduct.remedy.write(to: &$0) } }
      if let lastAct {
        json.key("last_act")
        lastAct.write(to: &json)
      } else {
        json.null("last_act")
      }
    }
  }

  private func writeRule(_ rule: StaticString, _ limit: ByteCount?, hold: Milliseconds, to json: inout JSONWriter) {
    guard let limit else { return }
    json.object { json in
      json.field("rule", rule)
      json.field("limit_bytes", limit)
      json.field("value_bytes", figure?.value)
      json.field("headroom_bytes", figure.map { limit - $0.value })
      if let figure { json.field("percent", percent(figure.value, of: limit)) } else { json.null("percent") }
      json.field("hold_ms", hold.rawValue)
    }
  }

  func writeExplanation(to text: inout Bytes, _ board: Board) {
    let now = board.now
    text.say("\(name): \(state)\n  \(conclusion(now: now))\n")
    writeDiagnosis(to: &text, board)
    for (rule, limit) in [("soft", limits.soft), ("hard", limits.hard)] as [(StaticString, ByteCount?)] {
      guard let limit else { continue }
      text.say("  \(rule) limit   \(limit)")
      if let figure { text.say(", at \(percent(figure.value, of: limit)) %") }
      text.write("\n")
    }
    for (rule, state) in zip(rules.triggers, triggers) {
      text.say("  trigger      \(rule.name): \(state.name)")
      if let since = state.since { text.say(" for \(now - since)") }
      text.write("\n")
    }
    if let trend = growth.trend(GrowthRules()) {
      let amount = ByteCount(trend.bytesPerHour.magnitude)
      text.say("  growth       \(trend.bytesPerHour < 0 ? "-" : "")\(amount) an hour, by the floors of five minutes\n")
    }
    text.say("  restarts     \(conduct.used(rules.budget, now: now)) of \(rules.budget.count) ")
    text.say("within \(rules.budget.per)\n")
    guard let lastAct else {
      text.write("  last act     none\n")
      return
    }
    text.say("  last act     \(now - lastAct.at) ago: \(lastAct.message)\n")
  }
}

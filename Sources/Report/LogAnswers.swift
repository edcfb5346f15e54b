// GET /v1/logs, /v1/logs/ID and /v1/events, for programs.
import Policy
import Samples

extension LogRecord {
  public var stateName: StaticString {
    if redirect != nil { return "redirected" }
    return switch state {
    case .absent: "absent"
    case .watched: "watched"
    case .refused: "refused"
    }
  }

  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("id", id)
      json.field("path", rules.path)
      json.field("state", stateName)
      if state == .refused { json.field("refusal", refusal) }
      json.field("type", kind.name)
      json.field("observe", rules.observe)
      json.field("allocated_bytes", state == .absent ? nil : allocated)
      json.field("apparent_bytes", state == .absent ? nil : size)
      json.field("budget_bytes", rules.budget)
      json.field("bytes_per_second", bytesPerSecond)
      json.field("bytes_per_day", bytesPerDay)
      json.field("budget_reached_in_ms", untilFull)
      if let method { json.field("method", method.name) } else { json.null("method") }
      json.array("writers") { json in
        for writer in writers {
          json.object { json in
            json.field("pid", writer.pid)
            json.field("comm", writer.comm)
            if writer.worker.isEmpty { json.null("worker") } else { json.field("worker", writer.worker) }
            json.field("appends", writer.appends)
          }
        }
      }
      if let redirect {
        json.key("redirect")
        redirect.write(to: &json)
      } else {
        json.null("redirect")
      }
      json.field("cuts", cuts)
      json.field("freed_bytes", freed)
      json.field("lost_bytes", lost)
      if let lastCut { json.object("last_cut") { lastCut.write(to: &$0) } } else { json.null("last_cut") }
    }
  }

  func write(to text: inout Bytes) {
    text.say("\(rules.path): \(stateName)\n")
    if state == .refused { text.say("  not cut      \(refusal)\n") }
    text.say("  holds        \(allocated) of a budget of \(rules.budget), apparent size \(size)\n")
    text.say("  grows by     \(ByteCount(bytesPerSecond))/s, \(bytesPerDay) a day\n")
    if let untilFull { text.say("  full in      \(untilFull)\n") }
    for writer in writers {
      text.say("  written by   pid \(writer.pid) (\(writer.comm))\(writer.appends ? ", appends" : "")\n")
    }
    if let redirect {
      text.say("  goes to      \(redirect.target.words), \(redirect.writers, "writer"), \(redirect.received) so far\n")
    }
    text.say("  cuts         \(cuts), \(freed) freed\n")
  }
}

extension Board {
  func writeLogs(to json: inout JSONWriter) {
    json.object { json in json.array("logs") { json in for log in logs { log.write(to: &json) } } }
  }

  func writeEvents(to json: inout JSONWriter, after: UInt64, limit: Int) {
    json.object { json in
      json.field("newest", journal.newest)
      json.field("dropped", journal.dropped)
      json.array("events") { json in journal.forEach(after: after, limit: limit) { $0.write(to: &json) } }
    }
  }
}

// GET /v1/logs, /v1/logs/ID and /v1/events, for programs.
import Policy
import Samples

extension LogRecord {
  public var stateName: StaticString {
    if let redirect { return redirect.phase.name }
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
      if pattern.isEmpty { json.null("group") } else { json.field("group", pattern) }
      json.field("state", stateName)
      if state == .refused { json.field("refusal", refusal) }
      json.field("type", kind.name)
      json.field("observe", rules.observe)
      json.field("allocated_bytes", state == .absent ? nil : allocated)
      json.field("apparent_bytes", state == .absent ? nil : size)
      json.field("budget_bytes", rules.budget)
      json.field("bytes_per_second", bytesPerSecond)
      json.field("bytes_per_day", bytesPerDay)
      json.field("lines_per_second", lines.lines(in: ByteCount(bytesPerSecond)))
      json.field("lines_per_day", lines.lines(in: bytesPerDay))
      json.field("repeated_lines_permyriad", lines.repeatedShare.map { UInt64($0.rawValue) })
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
      if rules.reopen != nil { json.field("moved_bytes", moved) }
      writeArchive(to: &json)
      if let lastCut { json.object("last_cut") { lastCut.write(to: &$0) } } else { json.null("last_cut") }
    }
  }

  private func writeArchive(to json: inout JSONWriter) {
    guard let rules = rules.archive, let archive else { return json.null("archive") }
    json.object("archive") { json in
      json.field("folder", rules.folder)
      json.field("files", archive.files)
      json.field("bytes", archive.size)
      json.field("budget_bytes", rules.budget)
      json.field("made", archive.made)
      json.field("archived_bytes", archive.archived)
      json.field("unarchived_bytes", archive.unarchived)
      json.field("written_bytes", archive.written)
      json.field("written_today_bytes", archive.writtenToday)
      json.field("wear_bytes_per_day", rules.wear)
      if let trouble = archive.trouble { json.field("trouble", trouble) } else { json.null("trouble") }
    }
  }

  func write(to text: inout Bytes) {
    text.say("\(rules.path): \(stateName)\n")
    if !pattern.isEmpty { text.say("  one of       \(pattern)\n") }
    if state == .refused { text.say("  not cut      \(refusal)\n") }
    text.say("  holds        \(allocated) of a budget of \(rules.budget), apparent size \(size)\n")
    text.say("  grows by     \(ByteCount(bytesPerSecond))/s, \(bytesPerDay) a day\n")
    if let perSecond = lines.lines(in: ByteCount(bytesPerSecond)), let share = lines.repeatedShare {
      text.say("  lines        \(perSecond)/s, \(UInt64(share.rawValue / 100)) % of them said again\n")
    }
    if let untilFull { text.say("  full in      \(untilFull)\n") }
    for writer in writers {
      text.say("  written by   pid \(writer.pid) (\(writer.comm))\(writer.appends ? ", appends" : "")\n")
    }
    if let redirect {
      text.say("  goes to      \(redirect.target.words), \(redirect.writers, "writer"), \(redirect.received) so far\n")
    }
    text.say("  cuts         \(cuts), \(freed) freed\n")
    if moved > .zero { text.say("  renamed      another \(moved), until its writers have let go of it\n") }
    guard let rules = rules.archive, let archive else { return }
    text.say("  archive      \(archive.files, "file") with \(archive.size) in \(rules.folder)\n")
    text.say("  archived     \(archive.archived); cut without an archive: \(archive.unarchived)\n")
    if let trouble = archive.trouble { text.say("  not archived \(trouble)\n") }
  }
}

extension Board {
  func writeLogs(to json: inout JSONWriter) {
    json.object { json in
      json.array("logs") { json in for log in logs { log.write(to: &json) } }
      json.array("groups") { json in for budget in budgets { budget.write(to: &json) } }
    }
  }

  func writeEvents(to json: inout JSONWriter, after: UInt64, limit: Int) {
    json.object { json in
      json.field("newest", journal.newest)
      json.field("dropped", journal.dropped)
      json.array("events") { json in journal.forEach(after: after, limit: limit) { $0.write(to: &json) } }
    }
  }
}

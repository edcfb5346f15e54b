// Events for programs: one JSON object each, the numbers with their units in the names.
import Policy
import Samples

extension Event {
  /// One object: id, times, class, event, subject, message, then the numbers of this kind of event.
  public func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("id", number)
      var time = Bytes()
      time.writeTimestamp(wall)
      json.field("time", time)
      json.field("clock_synchronised", isSynchronised)
      json.field("boot_ms", at.milliseconds)
      json.field("class", what.kind.0.name)
      json.field("event", what.kind.1)
      switch subject {
      case .agent: break
      case .worker: json.field("worker", name)
      case .log: json.field("log", name)
      case .budget: json.field("budget", name)
      }
      json.field("message", message.bytes)
      what.writeNumbers(to: &json, at: at)
    }
  }
}

extension Happening {
  fileprivate func writeNumbers(to json: inout JSONWriter, at: Instant) {
    switch self {
    case .started(let workers, let logs, let memory):
      json.field("workers", workers)
      json.field("logs", logs)
      json.field("mem_total_bytes", memory)
    case .reloaded(let workers, let logs):
      json.field("workers", workers)
      json.field("logs", logs)
    case .stopping, .reloadRefused, .featureMissing, .unparked, .paused, .resumed, .logBackInBudget, .stateUnusable:
      break
    case .logSparse(let size, let allocated):
      json.field("apparent_bytes", size)
      json.field("allocated_bytes", allocated)
    case .archiveFailed(_, let errno): json.field("errno", errno)
    case .archiveRecovered(let bytes): json.field("unarchived_bytes", bytes)
    case .renameFailed(_, let pid): if let pid { json.field("pid", pid) } else { json.null("pid") }
    case .trimmed(let outcome): outcome.write(to: &json)
    case .trimRefused(_, let pid): json.field("pid", pid)
    case .clockStepped(let by): json.field("step_ms", by)
    case .appeared(let pid), .vanished(let pid), .childStarted(let pid), .childAdopted(let pid): json.field("pid", pid)
    case .childEnded(let pid, let end, let said):
      json.field("pid", pid)
      if end.code < 0 { json.null("exit_code") } else { json.field("exit_code", end.code) }
      json.field("signal", end.signal)
      json.field("cause", end.cause.name)
      if !said.isEmpty {
        json.array("last_lines") { json in
          for line in linesOf(said) { json.string(Bytes(line)) }
        }
      }
    case .outputFloods(let rate): json.field("bytes_per_second", rate)
    case .childNotStarted(let errno): json.field("errno", errno)
    case .overSoft(let figure, let pid, let hold):
      json.field("pid", pid)
      figure.write(to: &json)
      json.field("hold_ms", hold.rawValue)
    case .overHard(let figure, let pid):
      json.field("pid", pid)
      figure.write(to: &json)
    case .backBelow(let figure, let pid, let after):
      json.field("pid", pid)
      figure.write(to: &json)
      json.field("after_ms", after.rawValue)
    case .triggerDue(let text, let value, let fact):
      json.field("trigger", text)
      if let fact { json.field("fact", fact.name) }
      if let value { json.field("value", value) }
    case .settled(let figure, let pid, let level):
      json.field("pid", pid)
      figure.write(to: &json)
      json.field("level_ms", level.rawValue)
    case .wouldRecycle(let reason, let figure, let steps):
      json.field("reason", reason.name)
      if !steps.isEmpty { json.field("steps", steps) }
      figure.write(to: &json)
    case .stepTaken(let step): step.write(to: &json)
    case .remedyUseless(let remedy): remedy.write(to: &json)
    case .blocked(let reason, let obstacle, let figure):
      json.field("reason", reason.name)
      json.field("obstacle", obstacle.name)
      figure.write(to: &json)
    case .recycleBegan(let reason, let figure, let pid):
      json.field("pid", pid)
      json.field("reason", reason.name)
      figure.write(to: &json)
    case .recycleResumed(let reason, let pid, let after):
      json.field("pid", pid)
      json.field("reason", reason.name)
      json.field("after_ms", after.rawValue)
    case .killedAfterGrace(let pid, let grace):
      json.field("pid", pid)
      json.field("grace_ms", grace.rawValue)
    case .recycled(let outcome): outcome.write(to: &json)
    case .recycleFailed(_, let code, let wait):
      json.field("code", code)
      json.field("backoff_ms", wait.rawValue)
    case .parked(_, let used, let per):
      json.field("restarts", used)
      json.field("per_ms", per.rawValue)
    case .logGrows(let rate, let allocated, let writer):
      json.field("bytes_per_second", rate)
      json.field("allocated_bytes", allocated)
      if let writer { json.field("writer_pid", writer) } else { json.null("writer_pid") }
    case .logWouldCut(let method, let allocated, let budget):
      json.field("method", method.name)
      json.field("allocated_bytes", allocated)
      json.field("budget_bytes", budget)
    case .logCut(let cut, let cuts):
      json.field("cuts", cuts)
      cut.write(to: &json)
    case .logRefused(_, let errno): json.field("errno", errno)
    case .budget(let what): what.writeNumbers(to: &json)
    case .deletedFileHeld(let path, let allocated, let pid, let descriptor):
      json.field("path", path)
      json.field("allocated_bytes", allocated)
      json.field("pid", pid)
      json.field("descriptor", descriptor)
    case .deletedLogCut(let cut, let descriptor):
      json.field("descriptor", descriptor)
      json.field("freed_bytes", cut.before - cut.after)
      cut.write(to: &json)
    case .redirected(let target, let processes, let freed):
      json.field("to", target.words.bytes)
      json.field("processes", processes)
      json.field("freed_bytes", freed)
    case .redirectKept(let target, let processes):
      json.field("to", target.words.bytes)
      json.field("processes", processes)
    case .redirectedToo(let pid): json.field("pid", pid)
    case .redirectRefused(_, let pid, let errno), .redirectStuck(_, let pid, let errno):
      json.field("pid", pid)
      json.field("errno", errno)
    case .redirectUndone(let processes): json.field("processes", processes)
    }
  }
}

extension Figure {
  func write(to json: inout JSONWriter) {
    json.field("metric", metric.name)
    json.field("of", scope.name)
    json.field("value_bytes", value)
    json.field("limit_bytes", limit)
    if isEstimate { json.field("estimate", true) }
  }
}
extension RecycleOutcome {
  func write(to json: inout JSONWriter) {
    json.field("reason", reason.name)
    json.field("metric", metric.name)
    json.field("before_bytes", before)
    json.field("after_bytes", after)
    json.field("freed_bytes", freed)
    json.field("old_pid", oldPid)
    json.field("new_pid", newPid)
    json.field("took_ms", took.rawValue)
    json.field("killed", killed)
  }
}
extension CutOutcome {
  func write(to json: inout JSONWriter) {
    json.field("method", method.name)
    json.field("before_bytes", before)
    json.field("after_bytes", after)
    json.field("apparent_before_bytes", sizeBefore)
    json.field("apparent_after_bytes", sizeAfter)
    json.field("lost_bytes", lost)
    json.field("whole_lines", wholeLines)
    json.field("took_us", microseconds)
    if let writer { json.field("writer_pid", writer) } else { json.null("writer_pid") }
    guard let archived else { return }
    json.object("archive") { json in
      json.field("name", archived.name)
      json.field("bytes", archived.bytes)
      json.field("stored_bytes", archived.stored)
      json.field("lines", archived.lines)
    }
  }
}

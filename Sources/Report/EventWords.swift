// Events in plain words: one sentence each, the same in the journal, on the terminal and in the API's `message`.
import Policy
public import Samples

extension Happening {
  /// The class, and the short name that programs match on.
  public var kind: (EventClass, StaticString) {
    switch self {
    case .started: (.seen, "started")
    case .stopping: (.seen, "stopping")
    case .reloaded: (.acted, "reloaded")
    case .reloadRefused: (.failed, "reload_refused")
    case .featureMissing: (.seen, "feature_missing")
    case .clockStepped: (.seen, "clock_stepped")
    case .appeared: (.seen, "appeared")
    case .vanished: (.seen, "vanished")
    case .childStarted: (.acted, "child_started")
    case .childEnded: (.failed, "child_ended")
    case .childAdopted: (.recovered, "child_adopted")
    case .childNotStarted: (.failed, "child_not_started")
    case .outputFloods: (.seen, "output_floods")
    case .overSoft: (.seen, "over_soft")
    case .overHard: (.seen, "over_hard")
    case .backBelow: (.recovered, "back_below")
    case .triggerDue: (.seen, "trigger_due")
    case .settled: (.judged, "settled")
    case .wouldRecycle: (.judged, "would_recycle")
    case .blocked: (.judged, "blocked")
    case .recycleBegan: (.acted, "recycle_began")
    case .recycleResumed: (.recovered, "recycle_resumed")
    case .killedAfterGrace: (.acted, "killed_after_grace")
    case .recycled: (.acted, "recycled")
    case .recycleFailed: (.failed, "recycle_failed")
    case .parked: (.judged, "parked")
    case .unparked: (.recovered, "unparked")
    case .stepTaken(let step): (step.trouble == nil ? .acted : .failed, "step")
    case .remedyUseless: (.judged, "remedy_useless")
    case .paused: (.acted, "paused")
    case .resumed: (.acted, "resumed")
    case .trimmed: (.acted, "trimmed")
    case .trimRefused: (.failed, "trim_refused")
    case .logGrows: (.seen, "log_grows")
    case .logWouldCut: (.judged, "would_cut")
    case .logCut: (.acted, "cut")
    case .logRefused: (.failed, "cut_refused")
    case .logBackInBudget: (.recovered, "log_back_in_budget")
    case .budget(let what): what.kind
    case .deletedFileHeld: (.seen, "deleted_file_held")
    case .deletedLogCut: (.acted, "deleted_log_cut")
    case .logSparse: (.seen, "log_sparse")
    case .archiveFailed: (.failed, "archive_failed")
    case .archiveRecovered: (.recovered, "archive_recovered")
    case .renameFailed: (.failed, "rename_failed")
    case .redirected: (.acted, "redirected")
    case .redirectedToo: (.acted, "redirected_too")
    case .redirectRefused: (.failed, "redirect_refused")
    case .redirectUndone: (.acted, "redirect_undone")
    case .redirectStuck: (.failed, "redirect_stuck")
    case .redirectKept: (.seen, "redirect_kept")
    case .stateUnusable: (.failed, "state_unusable")
    }
  }
}

extension Event {
  /// The sentence, without time and subject.
  public var message: Sentence {
    switch what {
    case .started(let workers, let logs, let memory):
      return "watching \(workers, "worker") and \(logs, "log") on a board with \(memory)"
    case .stopping(true): return "stopping: own workers are ended, all others go on"
    case .stopping(false): return "stopping: all workers go on, own ones until the next memwarden takes them over"
    case .reloaded(let workers, let logs):
      return "configuration reloaded: \(workers, "worker") and \(logs, "log")"
    case .reloadRefused(let problem): return "the new configuration is wrong, the old one stays: \(problem)"
    case .featureMissing(let sentence): return "\(sentence)"
    case .clockStepped(let by):
      let distance = Milliseconds(Int64(clamping: by.magnitude))
      return "the wall clock was stepped \(by < 0 ? "back" : "forward") by \(distance); no timer changed"
    case .appeared(let pid): return "pid \(pid) is watched"
    case .vanished(let pid): return "pid \(pid) ended"
    case .childStarted(let pid): return "started as pid \(pid)"
    case .childEnded(let pid, let end, let said):
      let words: Sentence = linesOf(said).last.map { "; it said last: \(Bytes($0.prefix(200)))" } ?? ""
      return "pid \(pid) \(end.words)\(words)"
    case .childAdopted(let pid): return "goes on as pid \(pid), which an earlier memwarden started"
    case .childNotStarted(let errno): return "cannot be started: errno \(errno)"
    case .outputFloods(let rate): return "floods its output with \(ByteCount(rate))/s"
    case .overSoft(let figure, let pid, let hold):
      return "pid \(pid) is over its soft limit: \(figure.words); acts if that holds for \(hold)"
    case .overHard(let figure, let pid): return "pid \(pid) is over its hard limit: \(figure.words)"
    case .backBelow(let figure, let pid, let after):
      return "pid \(pid) is back below the clear line by itself after \(after): \(figure.words)"
    case .triggerDue(let text, let value, let fact):
      guard let value, let fact else { return "due: \(text)" }
      return "due: \(text); \(fact.name) is \(fact.words(value))"
    case .settled(let figure, let pid, let level):
      return "pid \(pid) left alone: level for \(level) and under its limit, \(figure.words)"
    case .wouldRecycle(let reason, let figure, let steps):
      let what: Sentence = steps.isEmpty ? "be recycled" : "have its steps taken (\(steps))"
      return "would \(what) (\(reason.words)), but is only observed: \(figure.words)"
    case .blocked(let reason, let obstacle, let figure):
      return "a recycle is due (\(reason.words)) and not done: \(obstacle.words(now: at)); \(figure.words)"
    case .parked(_, let used, let per):
      return "parked: \(used, "restart") within \(per) used up its budget; `memwarden unpark` lets it go on"
    case .stepTaken(let step): return step.words
    case .remedyUseless(let remedy): return remedy.words
    case .unparked: return "unparked, with a fresh restart budget"
    case .paused: return "paused: watched, and nothing is done to it"
    case .resumed: return "resumed"
    case .trimmed(let outcome): return outcome.words
    case .trimRefused(let why, let pid): return "pid \(pid) not trimmed: \(why)"
    case .recycleBegan(let reason, let figure, let pid):
      return "recycling pid \(pid) (\(reason.words)): \(figure.words)"
    case .recycleResumed(let reason, let pid, let after):
      return "going on with recycling pid \(pid) (\(reason.words)), which an earlier memwarden began \(after) ago"
    case .killedAfterGrace(let pid, let grace):
      return "pid \(pid) did not stop within its grace period of \(grace): killed"
    case .recycled(let outcome): return outcome.words
    case .recycleFailed(let words, let code, let wait):
      let number: Sentence = code == 0 ? "" : " (\(code))"
      return "recycling failed: \(words)\(number); the next try may begin in \(wait)"
    case .logGrows(let rate, let allocated, let writer):
      let by: Sentence = writer.map { "written by pid \($0)" } ?? "its writer is not known"
      return "grows by \(ByteCount(rate))/s, holds \(allocated), \(by)"
    case .logWouldCut(let method, let allocated, let budget):
      return "would be cut (\(method.name)), but is only observed: \(allocated) of a budget of \(budget)"
    case .logCut(let cut, let cuts): return cut.words(cuts: cuts)
    case .logRefused(let words, let errno):
      let number: Sentence = errno == 0 ? "" : " (errno \(errno))"
      return "not cut: \(words)\(number)"
    case .logBackInBudget: return "within its budget again"
    case .budget(let what): return what.words
    case .deletedFileHeld(let path, let allocated, let pid, let descriptor):
      return "deleted and still held: \(path), \(allocated), by pid \(pid) as descriptor \(descriptor)"
    case .deletedLogCut(let cut, let descriptor):
      let holder: Sentence = cut.writer.map { " of pid \($0)" } ?? ""
      return
        "deleted and still written: cut by \(cut.method.name) through descriptor \(descriptor)\(holder): \(cut.before) to \(cut.after)"
    case .logSparse(let size, let allocated):
      return "its apparent size is \(size), and it holds \(allocated): what was cut is a hole in front"
    case .archiveFailed(let words, let errno):
      let number: Sentence = errno == 0 ? "" : " (errno \(errno))"
      return "not archived: \(words)\(number)"
    case .archiveRecovered(let bytes): return "archived again; \(bytes) were cut without an archive so far"
    case .renameFailed(let words, let pid):
      let whose: Sentence = pid.map { "pid \($0): " } ?? ""
      return "not renamed, cut in place instead: \(whose)\(words)"
    case .redirected(let target, let processes, let freed):
      return "redirected to \(target.words) in \(processesInWords(processes)): \(freed) came back"
    case .redirectedToo(let pid): return "pid \(pid) came and wrote to the file: redirected too"
    case .redirectRefused(let words, let pid, let errno): return RedirectRefusal(words, pid: pid, errno: errno).words
    case .redirectStuck(let words, let pid, let errno):
      return "not back yet: \(RedirectRefusal(words, pid: pid, errno: errno).cause); tried again until it is"
    case .redirectUndone(let processes):
      return "written to its file again, by \(processesInWords(processes))"
    case .redirectKept(let target, let processes):
      return "still redirected to \(target.words), in \(processesInWords(processes))"
    case .stateUnusable(let sentence): return "\(sentence)"
    }
  }

  /// The line a person reads: time, class, subject, sentence. A `?` behind the time: the clock is not synchronised.
  public func writeLine(to text: inout Bytes) {
    text.writeTimestamp(wall)
    text.write(isSynchronised ? " " : "? ")
    text.write(what.kind.0.name)
    text.write(" ")
    if subject == .agent { text.write("memwarden") } else { text.writeSafely(name) }
    text.say(": \(message)\n")
  }
}

extension ChildEnd {
  var words: Sentence {
    if code < 0 { return "ended; how is not known, for an earlier memwarden started it" }
    switch cause {
    case .outOfMemory: return "was ended by the kernel for want of memory (signal \(signal))"
    case .operatorEnded: return "was ended by somebody with signal \(signal)"
    case .exited, .crashed, .unknown:
      return signal != 0 ? "ended by itself, by signal \(signal)" : "ended by itself with exit code \(code)"
    }
  }
}
extension Fact {
  /// A value of its unit.
  func words(_ value: Int64) -> Sentence {
    let amount = UInt64(clamping: value)
    switch unit {
    case .bytes: return "\(ByteCount(amount))"
    case .bytesPerHour: return "\(ByteCount(amount)) an hour"
    case .milliseconds: return "\(Milliseconds(value))"
    case .count: return "\(amount)"
    case .permyriad: return "\(amount / 100) %"
    }
  }
}
extension Figure {
  /// `uss 25.1 MiB of 24 MiB (104 %)`
  var words: Sentence {
    let whose: Sentence = scope == .sum ? "all together " : ""
    let amount: Sentence = "\(whose)\(metric.name) \(isEstimate ? "about " : "")\(value)"
    guard let limit else { return amount }
    return "\(amount) of \(limit) (\(percent(value, of: limit)) %)"
  }
}
extension RecycleOutcome {
  var words: Sentence {
    let gain: Sentence =
      after.map { "\(before - $0) came back (\(metric.name) \(before) to \($0))" }
      ?? "what came back could not be read (\(metric.name) \(before) before)"
    return "recycled in \(took): \(gain), pid \(oldPid) is now pid \(newPid)"
  }
}
extension CutOutcome {
  func words(cuts: UInt64) -> Sentence {
    let loss: Sentence = lost.map { $0 > .zero ? ", \($0) written meanwhile were lost" : "" } ?? ""
    let kept: Sentence = archived.map { ", \($0.bytes) archived as \($0.name)" } ?? ""
    return "cut by \(method.name): \(before) to \(after), cut \(cuts) of this log\(kept)\(loss)"
  }
}

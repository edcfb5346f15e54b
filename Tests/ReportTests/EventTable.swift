// Every kind of event: its class, its name, its numbers, its sentence.
import Policy
import Samples

@testable import Report

/// One event and what is told of it.
struct Expected {
  let what: Happening
  let kind: String, event: String
  /// The fields after the message.
  let numbers: String
  let message: String
  init(_ what: Happening, _ kind: String, _ event: String, _ numbers: String, _ message: String) {
    (self.what, self.kind, self.event, self.numbers, self.message) = (what, kind, event, numbers, message)
  }
}

private let figureNumbers = #""metric": "uss", "of": "each", "value_bytes": 26318848, "limit_bytes": 25165824"#
private let said = "uss 25.1 MiB of 24 MiB (104 %)"
private let estimate = Figure(metric: .pss, scope: .sum, value: .mib(9), limit: nil, isEstimate: true)

let workerEvents: [Expected] = [
  Expected(.appeared(pid: 42), "seen", "appeared", #""pid": 42"#, "pid 42 is watched"),
  Expected(.vanished(pid: 42), "seen", "vanished", #""pid": 42"#, "pid 42 ended"),
  Expected(.childStarted(pid: 42), "acted", "child_started", #""pid": 42"#, "started as pid 42"),
  Expected(
    .childAdopted(pid: 42), "recovered", "child_adopted", #""pid": 42"#,
    "goes on as pid 42, which an earlier memwarden started"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .crashed, code: 3, signal: 0), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": 3, "signal": 0, "cause": "crashed""#,
    "pid 42 ended by itself with exit code 3"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .crashed, code: 0, signal: 11), said: bytes("one\n\u{1B}[1m\"no\n")), "failed",
    "child_ended",
    #""pid": 42, "exit_code": 0, "signal": 11, "cause": "crashed", "last_lines": ["one", "\u001b[1m\"no"]"#,
    "pid 42 ended by itself, by signal 11; it said last: \\x1b[1m\"no"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .exited, code: 0, signal: 0), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": 0, "signal": 0, "cause": "exited""#, "pid 42 ended by itself with exit code 0"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .outOfMemory, code: 0, signal: 9), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": 0, "signal": 9, "cause": "oom_killed""#,
    "pid 42 was ended by the kernel for want of memory (signal 9)"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .operatorEnded, code: 0, signal: 15), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": 0, "signal": 15, "cause": "operator""#, "pid 42 was ended by somebody with signal 15"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .unknown, code: -1, signal: 0), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": null, "signal": 0, "cause": "unknown""#,
    "pid 42 ended; how is not known, for an earlier memwarden started it"),
  Expected(
    .childEnded(pid: 42, ChildEnd(cause: .unknown, code: 0, signal: 9), said: []), "failed", "child_ended",
    #""pid": 42, "exit_code": 0, "signal": 9, "cause": "unknown""#, "pid 42 ended by itself, by signal 9"),
  Expected(
    .outputFloods(bytesPerSecond: 300 << 10), "seen", "output_floods", #""bytes_per_second": 307200"#,
    "floods its output with 300 KiB/s"),
  Expected(
    .childNotStarted(errno: 2), "failed", "child_not_started", #""errno": 2"#, "cannot be started: errno 2"),
  Expected(
    .overSoft(figure, pid: 42, hold: .seconds(30)), "seen", "over_soft",
    figureNumbers + #", "pid": 42, "hold_ms": 30000"#,
    "pid 42 is over its soft limit: \(said); acts if that holds for 30 s"),
  Expected(
    .overHard(figure, pid: 42), "seen", "over_hard", figureNumbers + #", "pid": 42"#,
    "pid 42 is over its hard limit: \(said)"),
  Expected(
    .backBelow(figure, pid: 42, after: .seconds(7)), "recovered", "back_below",
    figureNumbers + #", "pid": 42, "after_ms": 7000"#,
    "pid 42 is back below the clear line by itself after 7 s: \(said)"),
  Expected(
    .triggerDue(bytes("age > 7d"), value: 7 * 86_400_000 + 5000, of: .age), "seen", "trigger_due",
    #""trigger": "age > 7d", "fact": "age", "value": 604805000"#, "due: age > 7d; age is 7 d"),
  Expected(
    .triggerDue(bytes("growth > 1M/1h"), value: 3 << 20, of: .growth), "seen", "trigger_due",
    #""trigger": "growth > 1M/1h", "fact": "growth", "value": 3145728"#,
    "due: growth > 1M/1h; growth is 3 MiB an hour"),
  Expected(
    .triggerDue(bytes("not cpu < 5%"), value: nil, of: nil), "seen", "trigger_due", #""trigger": "not cpu < 5%""#,
    "due: not cpu < 5%"),
  Expected(
    .settled(figure, pid: 42, level: .seconds(90)), "judged", "settled",
    figureNumbers + #", "pid": 42, "level_ms": 90000"#,
    "pid 42 left alone: level for 1 min 30 s and under its limit, \(said)"),
  Expected(
    .wouldRecycle(.hardLimit, estimate, steps: []), "judged", "would_recycle",
    #""reason": "hard_limit", "metric": "pss", "of": "sum", "value_bytes": 9437184, "limit_bytes": null,"#
      + #""estimate": true"#,
    "would be recycled (over the hard limit), but is only observed: all together pss about 9 MiB"),
  Expected(
    .wouldRecycle(.hardLimit, estimate, steps: bytes("trim, recycle")), "judged", "would_recycle",
    #""reason": "hard_limit", "steps": "trim, recycle", "metric": "pss", "of": "sum", "value_bytes": 9437184,"#
      + #""limit_bytes": null, "estimate": true"#,
    "would have its steps taken (trim, recycle) (over the hard limit), but is only observed: all together pss about 9 MiB"
  ),
  Expected(
    .stepTaken(
      StepOutcome(
        step: bytes("trim"), reason: .softLimitHeld, fact: .uss, before: 9 << 20, after: 3 << 20, took: .seconds(2),
        isEnough: true, trouble: nil, code: 0)), "acted", "step",
    #""step": "trim", "reason": "soft_limit_held", "fact": "uss", "before": 9437184, "after": 3145728,"#
      + #""took_ms": 2000, "enough": true"#, "step trim took 2 s, enough: uss 9 MiB to 3 MiB"),
  Expected(
    .stepTaken(
      StepOutcome(
        step: bytes("hook /x \u{1B}"), reason: .trigger, fact: .age, before: 5000, after: nil, took: .seconds(2),
        isEnough: false, trouble: "exit code", code: 3)), "failed", "step",
    #""step": "hook /x \u001b", "reason": "trigger", "fact": "age", "before": 5000, "after": null,"#
      + #""took_ms": 2000, "enough": false, "trouble": "exit code", "code": 3"#,
    "step hook /x \\x1b took 2 s, not enough; exit code 3"),
  Expected(
    .stepTaken(
      StepOutcome(
        step: bytes("drain http://[::1]:8/"), reason: .asked, fact: .uss, before: nil, after: nil, took: .seconds(2),
        isEnough: nil, trouble: nil, code: 0)), "acted", "step",
    #""step": "drain http://[::1]:8/", "reason": "asked", "fact": "uss", "before": null, "after": null,"#
      + #""took_ms": 2000, "enough": null"#, "step drain http://[::1]:8/ took 2 s"),
  Expected(
    .remedyUseless(Remedy(at: at(7), freed: .mib(3), backAfter: .seconds(1), useless: 2)), "judged", "remedy_useless",
    #""freed_bytes": 3145728, "back_after_ms": 1000, "useless": 2"#,
    "restarting does not help: after each of the last 2 restarts it was over again at once, after the last within 1 s,"
      + " though 3 MiB came back; no further restart by itself until resumed or its configuration changes"),
  Expected(
    .blocked(.softLimitHeld, by: .coolingDown(until: at(145)), figure), "judged", "blocked",
    figureNumbers + #", "reason": "soft_limit_held", "obstacle": "cooling_down""#,
    "a recycle is due (over the soft limit for too long) and not done: it cools down for another 45 s; \(said)"),
  Expected(
    .recycleBegan(.asked, figure, pid: 42), "acted", "recycle_began",
    figureNumbers + #", "pid": 42, "reason": "asked""#,
    "recycling pid 42 (asked for): \(said)"),
  Expected(
    .recycleResumed(.hardLimit, pid: 42, after: .seconds(3)), "recovered", "recycle_resumed",
    #""pid": 42, "reason": "hard_limit", "after_ms": 3000"#,
    "going on with recycling pid 42 (over the hard limit), which an earlier memwarden began 3 s ago"),
  Expected(
    .killedAfterGrace(pid: 42, grace: .seconds(10)), "acted", "killed_after_grace", #""pid": 42, "grace_ms": 10000"#,
    "pid 42 did not stop within its grace period of 10 s: killed"),
  Expected(
    .recycled(recycled(after: .mib(2))), "acted", "recycled",
    recycledNumbers("2097152", freed: "29360128"),
    "recycled in 1.2 s: 28 MiB came back (anon 30 MiB to 2 MiB), pid 42 is now pid 43"),
  // What could not be read is not nothing: nobody knows what came back.
  Expected(
    .recycled(recycled(after: nil)), "acted", "recycled",
    recycledNumbers("null", freed: "null"),
    "recycled in 1.2 s: what came back could not be read (anon 30 MiB before), pid 42 is now pid 43"),
  Expected(
    .recycled(recycled(after: .mib(31))), "acted", "recycled",
    recycledNumbers("32505856", freed: "0"),
    "recycled in 1.2 s: 0 B came back (anon 30 MiB to 31 MiB), pid 42 is now pid 43"),
  Expected(
    .recycleFailed("the restart command failed, exit code", code: 3, wait: .seconds(4)), "failed", "recycle_failed",
    #""code": 3, "backoff_ms": 4000"#,
    "recycling failed: the restart command failed, exit code (3); the next try may begin in 4 s"),
  Expected(
    .recycleFailed("no new process came up", code: 0, wait: .seconds(1)), "failed", "recycle_failed",
    #""code": 0, "backoff_ms": 1000"#, "recycling failed: no new process came up; the next try may begin in 1 s"),
  Expected(
    .parked(.budgetUsedUp, used: 5, per: .seconds(3600)), "judged", "parked", #""restarts": 5, "per_ms": 3600000"#,
    "parked: 5 restarts within 1 h used up its budget; `memwarden unpark` lets it go on"),
  Expected(.unparked, "recovered", "unparked", "", "unparked, with a fresh restart budget"),
  Expected(.paused, "acted", "paused", "", "paused: watched, and nothing is done to it"),
  Expected(.resumed, "acted", "resumed", "", "resumed"),
  Expected(
    .trimmed(TrimOutcome(pid: 42, before: .mib(90), after: .mib(2), inUse: .kib(9), microseconds: 5120)), "acted",
    "trimmed",
    #""pid": 42, "before_bytes": 94371840, "after_bytes": 2097152, "freed_bytes": 92274688, "in_use_bytes": 9216, "took_us": 5120"#,
    "pid 42 trimmed: 88 MiB came back (rss 90 MiB to 2 MiB), 5120 µs in the process"),
  Expected(
    .trimRefused("it has ended", pid: 42), "failed", "trim_refused", #""pid": 42"#, "pid 42 not trimmed: it has ended"),
]

let agentEvents: [Expected] = [
  Expected(
    .started(workers: 1, logs: 2, memory: .mib(64)), "seen", "started",
    #""workers": 1, "logs": 2, "mem_total_bytes": 67108864"#,
    "watching 1 worker and 2 logs on a board with 64 MiB"),
  Expected(
    .stopping(endsWorkers: true), "seen", "stopping", "", "stopping: own workers are ended, all others go on"),
  Expected(
    .stopping(endsWorkers: false), "seen", "stopping", "",
    "stopping: all workers go on, own ones until the next memwarden takes them over"),
  Expected(
    .reloaded(workers: 0, logs: 1), "acted", "reloaded", #""workers": 0, "logs": 1"#,
    "configuration reloaded: 0 workers and 1 log"),
  Expected(
    .reloadRefused([0x1B, 0x22]), "failed", "reload_refused", "",
    #"the new configuration is wrong, the old one stays: \x1b""#),
  Expected(.featureMissing("no PSI"), "seen", "feature_missing", "", "no PSI"),
  Expected(
    .deletedFileHeld(path: bytes("/tmp/x"), allocated: .mib(3), pid: 42, descriptor: 7), "seen", "deleted_file_held",
    #""path": "/tmp/x", "allocated_bytes": 3145728, "pid": 42, "descriptor": 7"#,
    "deleted and still held: /tmp/x, 3 MiB, by pid 42 as descriptor 7"),
  Expected(
    .clockStepped(-90_000), "seen", "clock_stepped", #""step_ms": -90000"#,
    "the wall clock was stepped back by 1 min 30 s; no timer changed"),
  Expected(
    .clockStepped(.min), "seen", "clock_stepped", #""step_ms": -9223372036854775808"#,
    "the wall clock was stepped back by 106751991167 d 7 h; no timer changed"),
]

let logEvents: [Expected] = [
  Expected(
    .logGrows(bytesPerSecond: 2048, allocated: .kib(300), writer: 42), "seen", "log_grows",
    #""bytes_per_second": 2048, "allocated_bytes": 307200, "writer_pid": 42"#,
    "grows by 2 KiB/s, holds 300 KiB, written by pid 42"),
  Expected(
    .logGrows(bytesPerSecond: 2048, allocated: .kib(300), writer: nil), "seen", "log_grows",
    #""bytes_per_second": 2048, "allocated_bytes": 307200, "writer_pid": null"#,
    "grows by 2 KiB/s, holds 300 KiB, its writer is not known"),
  Expected(
    .logWouldCut(.tailKeep, allocated: .kib(700), budget: .mib(1)), "judged", "would_cut",
    #""method": "tail-keep", "allocated_bytes": 716800, "budget_bytes": 1048576"#,
    "would be cut (tail-keep), but is only observed: 700 KiB of a budget of 1 MiB"),
  Expected(
    .logCut(cut(lost: ByteCount(12)), cuts: 3), "acted", "cut",
    cutNumbers(3, lost: "12"),
    "cut by punch: 700 KiB to 100 KiB, cut 3 of this log, 12 B written meanwhile were lost"),
  Expected(
    .logCut(cut(lost: nil), cuts: 4), "acted", "cut",
    cutNumbers(4, lost: "null"),
    "cut by punch: 700 KiB to 100 KiB, cut 4 of this log"),
  Expected(.logRefused("it is a link", errno: 0), "failed", "cut_refused", #""errno": 0"#, "not cut: it is a link"),
  Expected(
    .logRefused("cannot be opened", errno: 13), "failed", "cut_refused", #""errno": 13"#,
    "not cut: cannot be opened (errno 13)"),
  Expected(
    .deletedLogCut(cut(lost: ByteCount(12)), descriptor: 5), "acted", "deleted_log_cut",
    deletedCutNumbers,
    "deleted and still written: cut by punch through descriptor 5 of pid 42: 700 KiB to 100 KiB"),
  Expected(.logBackInBudget, "recovered", "log_back_in_budget", "", "within its budget again"),
  Expected(
    .logCut(archivedCut, cuts: 5), "acted", "cut",
    cutNumbers(5, lost: "0")
      + #", "archive": {"name": "it.00000007.gz", "bytes": 614400, "stored_bytes": 20480, "lines": 7000}"#,
    "cut by punch: 700 KiB to 100 KiB, cut 5 of this log, 600 KiB archived as it.00000007.gz"),
  Expected(
    .logSparse(size: .mib(16), allocated: .kib(40)), "seen", "log_sparse",
    #""apparent_bytes": 16777216, "allocated_bytes": 40960"#,
    "its apparent size is 16 MiB, and it holds 40 KiB: what was cut is a hole in front"),
  Expected(
    .archiveFailed("There is no folder.", errno: 0), "failed", "archive_failed", #""errno": 0"#,
    "not archived: There is no folder."),
  Expected(
    .archiveRecovered(unarchived: .kib(3)), "recovered", "archive_recovered", #""unarchived_bytes": 3072"#,
    "archived again; 3 KiB were cut without an archive so far"),
  Expected(
    .renameFailed("it is protected.", pid: 42), "failed", "rename_failed", #""pid": 42"#,
    "not renamed, cut in place instead: pid 42: it is protected."),
  Expected(
    .redirected(.ring, processes: 2, freed: .kib(700)), "acted", "redirected",
    #""to": "ring", "processes": 2, "freed_bytes": 716800"#, "redirected to ring in 2 processes: 700 KiB came back"),
  Expected(
    .redirectedToo(pid: 42), "acted", "redirected_too", #""pid": 42"#,
    "pid 42 came and wrote to the file: redirected too"),
  Expected(
    .redirectRefused("it is a kernel thread", pid: 42, errno: 13), "failed", "redirect_refused",
    #""pid": 42, "errno": 13"#, "not done: pid 42: it is a kernel thread (errno 13)"),
  Expected(
    .redirectUndone(processes: 1), "acted", "redirect_undone", #""processes": 1"#,
    "written to its file again, by 1 process"),
  Expected(
    .redirectStuck("it is a kernel thread", pid: 42, errno: 13), "failed", "redirect_stuck",
    #""pid": 42, "errno": 13"#, "not back yet: pid 42: it is a kernel thread (errno 13); tried again until it is"),
  Expected(
    .redirectKept(.file(Bytes("/x")), processes: 1), "seen", "redirect_kept", #""to": "/x", "processes": 1"#,
    "still redirected to /x, in 1 process"),
  Expected(.stateUnusable("it is torn"), "failed", "state_unusable", "", "it is torn"),
]

private let deletedCutNumbers = cutNumbers(3, lost: "12").replacing(
  #""cuts": 3"#, with: #""descriptor": 5, "freed_bytes": 614400"#)
private func recycled(after: ByteCount?) -> RecycleOutcome {
  RecycleOutcome(
    reason: .crashed, before: .mib(30), after: after, metric: .anon, oldPid: 42, newPid: 43, took: Milliseconds(1250),
    killed: true)
}
private func recycledNumbers(_ after: String, freed: String) -> String {
  """
  "reason": "crashed", "metric": "anon", "before_bytes": 31457280, "after_bytes": \(after), "freed_bytes": \(freed),
  "old_pid": 42, "new_pid": 43, "took_ms": 1250, "killed": true
  """
}
private func cutNumbers(_ cuts: Int, lost: String) -> String {
  """
  "cuts": \(cuts), "method": "punch", "before_bytes": 716800, "after_bytes": 102400, "lost_bytes": \(lost),
  "apparent_before_bytes": 7340032, "apparent_after_bytes": 7340032, "whole_lines": true, "took_us": 250,
  "writer_pid": 42
  """
}
private var archivedCut: CutOutcome {
  var outcome = cut(lost: .zero)
  outcome.archived = ArchiveOutcome(name: Bytes("it.00000007.gz"), bytes: .kib(600), stored: .kib(20), lines: 7000)
  return outcome
}
private func cut(lost: ByteCount?) -> CutOutcome {
  CutOutcome(
    method: .punch, before: .kib(700), after: .kib(100), sizeBefore: .mib(7), sizeAfter: .mib(7), lost: lost,
    wholeLines: true, microseconds: 250, writer: 42)
}

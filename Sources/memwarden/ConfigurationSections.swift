// What each section of the configuration file means: keys, ranges, and which may stand together. Reads no file but
// /etc/passwd for the name of a user. Sections that open a door or stop a process are in ConfigurationDoors.swift.
import CLinux
import Kernel
import Policy
import Report
import Samples

private let day: Int64 = 86_400

/// At most 15 bytes: the kernel keeps no more of a process's name, a longer one would never match.
func parseComm(_ text: Bytes) -> Bytes? { text.isEmpty || text.count > 15 ? nil : text }

func readWorker(_ settings: SettingReader, passwd: Bytes) -> WorkerSettings {
  var worker = WorkerSettings(name: settings.section.title)
  if parseWord(64, others: "._-")(worker.name) == nil {
    settings.report(nil, Bytes("expected a worker name of 1 to 64 letters, digits, \".\", \"_\" or \"-\""))
  }
  worker.selector = readSelector(settings, passwd: passwd)
  worker.rules = readRules(settings)
  worker.plan = readPlan(settings)
  worker.output = readOutput(settings, runs: settings.setting("run") != nil)
  // A criterion that is given and wrong has its own problem already.
  let criteria: [StaticString] = ["run", "comm", "exe", "cmdline", "pidfile", "user", "cgroup", "parent"]
  if !criteria.contains(where: { settings.setting($0) != nil }) {
    settings.report(
      nil, Bytes("expected one of comm, exe, cmdline, pidfile, user, cgroup, parent, or run, found none"))
  }
  return worker
}

private func readSelector(_ settings: SettingReader, passwd: Bytes) -> Selector {
  var selector = Selector()
  settings.readOptional("comm", &selector.comm, "1 to 15 bytes, as in /proc/PID/comm", parseComm)
  settings.readOptional("exe", &selector.exe, "a path that begins with /", parsePath(4095))
  settings.readOptional("cmdline", &selector.cmdline, "a POSIX extended regular expression of 1 to 255 bytes") {
    $0.isEmpty || $0.count > 255 ? nil : $0
  }
  if let pattern = selector.cmdline, let setting = settings.setting("cmdline") {
    let fault = regexFault(pattern)
    if !fault.isEmpty { settings.report(setting, Bytes("expected a POSIX extended regular expression: ") + fault) }
  }
  settings.readOptional("pidfile", &selector.pidfile, "a path that begins with /", parsePath(4095))
  settings.readOptional("user", &selector.uid, "a user id, or a name that is in /etc/passwd") { text in
    if let uid = parseUid(text) { return uid }
    guard let users = try? readSmallFile(passwd) else { return nil }
    return findUser(text, passwd: users)
  }
  settings.readOptional("cgroup", &selector.cgroup, "a cgroup path that begins with /", parsePath(4095))
  settings.readOptional("parent", &selector.parent, "1 to 15 bytes, as in /proc/PID/comm", parseComm)
  return selector
}

/// regcomp's message; empty for a good pattern.
private func regexFault(_ pattern: Bytes) -> Bytes {
  let pattern = pattern + [0]
  return Bytes(unsafeUninitializedCapacity: 128) { message, count in
    let fault = pattern.withUnsafeBytes { pattern in
      guard let pattern = pattern.baseAddress?.assumingMemoryBound(to: CChar.self), let to = message.baseAddress else {
        return Int32(0)
      }
      return to.withMemoryRebound(to: CChar.self, capacity: 128) { clinux_check_regex(pattern, $0, 128) }
    }
    count = fault == 0 ? 0 : message.firstIndex(of: 0) ?? 0
  }
}

private func readRules(_ settings: SettingReader) -> WorkerRules {
  var rules = WorkerRules()
  settings.read("metric", &rules.metric, "uss, pss, rss, anon or swap") { text in
    if equal(text, "uss") { return .uss }
    if equal(text, "pss") { return .pss }
    if equal(text, "rss") { return .rss }
    if equal(text, "anon") { return .anon }
    return equal(text, "swap") ? .swap : nil
  }
  settings.read("of", &rules.scope, "each or sum") { text in
    if equal(text, "each") { return .each }
    return equal(text, "sum") ? .sum : nil
  }
  if rules.scope == .sum, rules.metric == .rss {
    settings.report(settings.setting("of"), Bytes("rss would count shared pages once per process: use metric = pss"))
  }
  let limit: StaticString = "a size such as 24M (4K to 1024G) or a share of RAM such as 5%"
  settings.readOptional("soft", &rules.soft, limit, parseLimit)
  settings.readOptional("hard", &rules.hard, limit, parseLimit)
  let ordered =
    switch (rules.soft, rules.hard) {
    case (.bytes(let soft)?, .bytes(let hard)?): soft <= hard
    case (.share(let soft)?, .share(let hard)?): soft <= hard
    // A size against a share depends on the board's RAM: `check --live` sees to that.
    default: true
    }
  if !ordered { settings.report(settings.setting("soft"), Bytes("expected no more than hard")) }
  settings.read("hold", &rules.hold, "a duration from 0s to 1d", parseDuration(.zero...(.seconds(day))))
  settings.read(
    "clear", &rules.clear, "a share of the limit from 10% to 100%", parseShare(Permyriad(1000)...Permyriad(10_000)))
  readTriggers(settings, clear: rules.clear, into: &rules.triggers)
  settings.read("cooldown", &rules.coolDown, "a duration from 0s to 7d", parseDuration(.zero...(.seconds(7 * day))))
  let backoff = parseDuration(Milliseconds(100)...(.seconds(day)))
  settings.read("backoff", &rules.backoff, "a duration from 100ms to 1d", backoff)
  settings.read("backoff_max", &rules.backoffMaximum, "a duration from 100ms to 1d", backoff)
  if rules.backoff > rules.backoffMaximum {
    let setting = settings.setting("backoff_max") ?? settings.setting("backoff")
    settings.report(setting, Bytes("expected backoff (default 1s) to be no more than backoff_max (default 5m)"))
  }
  rules.timing = readTiming(settings)
  settings.read("budget", &rules.budget, "a count per time such as 5/1h: 1 to 32 in 1s to 7d", parseBudget)
  settings.read("observe", &rules.observe, "yes or no", parseYes)
  return rules
}

private func readTiming(_ settings: SettingReader) -> TimingRules {
  var timing = TimingRules()
  settings.readList(
    "window", &timing.windows, "days and times such as \"Mon-Fri 02:00-05:00\" or \"02:00-05:00\"", parseWindow)
  if let setting = settings.setting("only_when"), let text = setting.values.first {
    do throws(ExpressionProblem) { timing.onlyWhen = try parseCondition(text) } catch {
      settings.report(setting, error.message)
    }
  }
  settings.read(
    "minimum_life", &timing.minimumLife, "a duration from 0s to 30d", parseDuration(.zero...(.seconds(30 * day))))
  settings.read("postpone", &timing.postpone, "a duration from 0s to 30d", parseDuration(.zero...(.seconds(30 * day))))
  return timing
}

/// A list of conditions, each with what is wrong with it in its own words.
private func readTriggers(_ settings: SettingReader, clear: Permyriad, into triggers: inout [TriggerRules]) {
  guard let setting = settings.setting("recycle_when") else { return }
  if setting.values.count > 8 { settings.report(setting, Bytes("expected at most 8 conditions")) }
  for text in setting.values {
    do throws(ExpressionProblem) {
      var rules = try parseTrigger(text)
      rules.clear = clear
      triggers.append(rules)
    } catch { settings.report(setting, error.message) }
  }
}

func readLog(_ settings: SettingReader) -> LogRules {
  let path = settings.section.title
  if parsePath(4095)(path) == nil { settings.report(nil, Bytes("expected a log path that begins with /")) }
  var rules = LogRules(path: path, budget: .mib(1))
  let size = parseSize(.kib(16)...ByteCount(1 << 40))
  settings.read("budget", &rules.budget, "a size such as 1M, from 16K to 1024G", size)
  settings.readOptional("keep", &rules.keep, "a size such as 512K, from 4K", parseSize(.kib(4)...ByteCount(1 << 40)))
  if let keep = rules.keep, keep > ByteCount(rules.budget.rawValue / 2) {
    settings.report(settings.setting("keep"), Bytes("expected at most half of budget (default 1M)"))
  }
  readMethod(settings, &rules.method, renames: true)
  settings.read("observe", &rules.observe, "yes or no", parseYes)
  rules.archive = readArchive(settings, method: rules.method)
  readReopen(settings, &rules)
  settings.readOptional(
    "redirect", &rules.redirect, none: "no", "no, ring, null, syslog or a path that begins with /"
  ) { RedirectTarget($0) }
  if case .file(path)? = rules.redirect {
    settings.report(settings.setting("redirect"), Bytes("expected another path than that of the log"))
  }
  settings.read("ring", &rules.ring, "a size such as 32K, from 4K to 1M", parseSize(.kib(4)...(.mib(1))))
  return rules
}

/// `renames`: the section has a key for how writers open the log again.
func readMethod(_ settings: SettingReader, _ method: inout CutMethod?, renames: Bool = false) {
  let expected: StaticString =
    renames
    ? "auto, punch, tail-keep, put-back, truncate or rename" : "auto, punch, tail-keep, put-back or truncate"
  settings.readOptional("method", &method, none: "auto", expected) { text in
    if renames, equal(text, "rename") { return .rename }
    if equal(text, "punch") { return .punch }
    if equal(text, "tail-keep") { return .tailKeep }
    if equal(text, "put-back") { return .putBack }
    return equal(text, "truncate") ? .truncate : nil
  }
}

func readJournal(_ settings: SettingReader) -> JournalSettings {
  var journal = JournalSettings()
  settings.readOptional("file", &journal.file, none: "", "a path that begins with /, or \"\"", parsePath(4095))
  settings.read(
    "budget", &journal.budget, "a size from 16K to 1G", parseSize(.kib(16)...(.mib(1024))))
  settings.read("events", &journal.events, "a number from 16 to 4096", parseNumber(16...4096))
  return journal
}

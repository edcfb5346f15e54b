// The parts of a log section that keep lines: its archive, and how its writers open it again.
import CLinux
import Policy
import Samples

func readArchive(_ settings: SettingReader, method: CutMethod?) -> ArchiveRules? {
  var folder: Bytes?
  settings.readOptional("archive", &folder, none: "", "the path of a folder, or \"\"", parsePath(4095))
  var rules = ArchiveRules(folder: folder ?? [])
  settings.read("archive_keep", &rules.keep, "a number from 1 to 100000", parseNumber(1...100_000))
  settings.read(
    "archive_budget", &rules.budget, "a size such as 1M, from 16K to 1024G", parseSize(.kib(16)...ByteCount(1 << 40)))
  settings.read("gzip", &rules.gzip, "yes or no", parseYes)
  settings.readOptional(
    "wear", &rules.wear, none: "", "a size such as 512K, from 16K to 1024G, or \"\"",
    parseSize(.kib(16)...ByteCount(1 << 40)))
  if folder != nil {
    if method == .truncate {
      settings.report(settings.setting("archive"), Bytes("method = truncate keeps nothing: use auto, or no archive"))
    }
    return rules
  }
  let keys: [StaticString] = ["archive_keep", "archive_budget", "gzip", "wear"]
  for key in keys where settings.setting(key) != nil {
    settings.report(settings.setting(key), Bytes("counts only with archive = \"/a/folder\""))
  }
  return nil
}

/// Archives are told apart by the name of their log.
func refuseSharedArchive(_ settings: SettingReader, _ rules: LogRules, among others: [LogRules]) {
  guard let folder = rules.archive?.folder else { return }
  for other in others where other.archive?.folder == folder && lastName(other.path) == lastName(rules.path) {
    let message = Bytes("expected a folder of its own: another log with the same file name is archived there, ")
    settings.report(settings.setting("archive"), message + other.path)
  }
}

/// What follows the last slash.
func lastName(_ path: Bytes) -> Bytes { Bytes(path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]) }

func readReopen(_ settings: SettingReader, _ rules: inout LogRules) {
  if let setting = settings.setting("reopen") {
    let words = setting.values
    if let first = words.first, first.first == UInt8(ascii: "/"), words.count <= 64 {
      rules.reopen = .command(words)
    } else if words.count == 1, let signal = parseSignal(words[0]), signal != SIGKILL {
      rules.reopen = .signal(signal)
    } else {
      settings.refuse(setting, "a signal such as HUP, or a command such as {\"/etc/init.d/x\", \"reopen\"}")
    }
  }
  settings.read(
    "reopen_timeout", &rules.reopenTimeout, "a duration from 100ms to 10m",
    parseDuration(Milliseconds(100)...(.seconds(600))))
  settings.read("create", &rules.create, "yes or no", parseYes)
  if rules.method == .rename, settings.setting("reopen") == nil {
    settings.report(
      settings.setting("method"), Bytes("rename needs reopen: a signal or a command for the log's writers"))
  }
  if let method = rules.method, method != .rename, let setting = settings.setting("reopen") {
    settings.report(setting, Bytes("counts only with method = rename or auto"))
  }
}

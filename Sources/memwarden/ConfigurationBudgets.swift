// What the sections mean that bound several logs together: logs, filesystem, ram_filesystems.
import Kernel
import Policy
import Samples

/// Of one file, and of several.
private let sizes = ByteCount.kib(16)...ByteCount(1 << 40)
private let limit: StaticString = "a size such as 16M (4K to 1024G) or a share such as 80%"

func readLogs(_ settings: SettingReader) -> BudgetRules {
  let title = settings.section.title
  checkPattern(settings, nil, title)
  var budget = ByteCount.mib(4)
  settings.read("budget", &budget, "a size such as 4M, from 16K to 1024G", parseSize(sizes))
  var rules = BudgetRules(scope: .logs, name: title, budget: .bytes(budget))
  settings.readOptional("each", &rules.each, "a size such as 1M, from 16K to 1024G", parseSize(sizes))
  settings.readOptional("keep", &rules.keep, "a size such as 64K, from 4K", parseSize(.kib(4)...ByteCount(1 << 40)))
  if let each = rules.each, each > budget {
    settings.report(settings.setting("each"), Bytes("expected no more than budget (default 4M)"))
  }
  if let keep = rules.keep, keep > ByteCount((rules.each ?? budget).rawValue / 2) {
    settings.report(settings.setting("keep"), Bytes("expected at most half of each (default: budget)"))
  }
  readMethod(settings, &rules.method)
  settings.readList("protect", &rules.protect, "paths or patterns that begin with /", parsePath(4095))
  for path in rules.protect { checkPattern(settings, settings.setting("protect"), path) }
  settings.read("observe", &rules.observe, "yes or no", parseYes)
  return rules
}

func readFileSystem(_ settings: SettingReader) -> BudgetRules {
  let title = settings.section.title
  if parsePath(4095)(title) == nil { settings.report(nil, Bytes("expected a path on the filesystem, from /")) }
  var rules = BudgetRules(scope: .fileSystem, name: title, budget: .share(Permyriad(8000)))
  settings.read("budget", &rules.budget, limit, parseLimit)
  settings.read("observe", &rules.observe, "yes or no", parseYes)
  return rules
}

func readRAMFileSystems(_ settings: SettingReader) -> BudgetRules {
  var rules = BudgetRules(scope: .allRAM, name: Bytes("ram_filesystems"), budget: .share(Permyriad(2500)))
  settings.read("budget", &rules.budget, limit, parseLimit)
  settings.readOptional("available_below", &rules.availableBelow, limit, parseLimit)
  settings.readOptional(
    "pressure", &rules.pressure, "a share of the time from 1% to 100%", parseShare(Permyriad(100)...Permyriad(10_000)))
  settings.read("observe", &rules.observe, "yes or no", parseYes)
  return rules
}

/// A path from / with a name in it, no `..`, and no `[[:class:]]`, which would be taken for another set in silence.
private func checkPattern(_ settings: SettingReader, _ setting: Setting?, _ text: Bytes) {
  guard parsePath(4095)(text) != nil, text.count > 1 else {
    return settings.report(setting, Bytes("expected a folder or a pattern that begins with /, such as /var/log/*.log"))
  }
  for part in text.split(separator: UInt8(ascii: "/")) where equal(Bytes(part), "..") || equal(Bytes(part), ".") {
    return settings.report(setting, Bytes("expected a path without . and .."))
  }
  for i in text.indices.dropLast() where text[i] == UInt8(ascii: "[") && text[i + 1] == UInt8(ascii: ":") {
    return settings.report(setting, Bytes("classes such as [:digit:] are not understood: write [0-9]"))
  }
}

// From the configuration file to a Configuration, or to everything that is wrong with it. What one section means is in
// ConfigurationSections.swift.
import Policy
import Samples

/// Reads the file at `path` and what it includes. libconfuse has global state: not to be called twice at a time.
func readConfiguration(path: Bytes, passwd: Bytes = Bytes("/etc/passwd")) throws(ConfigurationProblems) -> Configuration
{
  let problems = ProblemList()
  var reader = ConfigurationReader(passwd: passwd, problems: problems)
  reader.read(path)
  guard problems.list.isEmpty else { throw ConfigurationProblems(list: problems.list) }
  return reader.configuration
}

/// Where problems are gathered while reading goes on.
final class ProblemList {
  var list: [ConfigurationProblem] = []
}

private struct ConfigurationReader {
  var configuration = Configuration()
  let passwd: Bytes
  let problems: ProblemList
  private var seen: [Section] = []
  private var groups: [(SettingReader, GroupRules)] = []

  init(passwd: Bytes, problems: ProblemList) {
    self.passwd = passwd
    self.problems = problems
  }

  /// The main file, then the included ones in their order. An include is a level of its own: its settings stand beside
  /// those of the main file, as if all were one.
  mutating func read(_ path: Bytes) {
    var top = Section(kind: .top, file: path)
    var sections: [Section] = []
    var late: [ConfigurationProblem] = []
    var pending = [Setting(key: [], values: [path], file: path, line: 0)]
    var next = 0
    while next < pending.count {
      let file = pending[next].values[0]
      let place = pending[next]
      next += 1
      let text: Bytes
      do throws(FileTrouble) {
        text = try readSmallFile(file)
      } catch {
        let message = place.line == 0 ? error.message : file + Bytes(" ") + error.message
        note(file: place.file, line: place.line, key: place.key, message)
        continue
      }
      let parsed = ParsedText(text, file: file)
      top.settings += parsed.top.settings
      sections += parsed.sections
      late += parsed.problems
      for include in parsed.includes {
        guard let target = resolve(include, from: file, known: pending) else { continue }
        pending.append(Setting(key: include.key, values: [target], file: file, line: include.line))
      }
    }
    readTop(SettingReader(top, problems))
    for section in sections { readSection(section) }
    for (settings, group) in groups { take(group, settings) }
    problems.list += late
  }

  /// A group of workers that are all there, and in no other.
  private mutating func take(_ group: GroupRules, _ settings: SettingReader) {
    for name in group.workers {
      if !configuration.workers.contains(where: { $0.name == name }) {
        settings.report(
          settings.setting("workers"),
          Bytes("expected names of workers, and there is no worker \"") + name + Bytes("\""))
      } else if configuration.groups.contains(where: { $0.workers.contains(name) }) {
        settings.report(
          settings.setting("workers"),
          Bytes("expected workers that are in no other group, and one has \"") + name + Bytes("\""))
      }
    }
    configuration.groups.append(group)
  }

  /// The path an include means: relative to the folder of the file it stands in.
  private func resolve(_ include: Setting, from file: Bytes, known: [Setting]) -> Bytes? {
    guard let name = include.values.first, !name.isEmpty else {
      note(file: file, line: include.line, key: include.key, Bytes("expected a path, found nothing"))
      return nil
    }
    let folder = file.lastIndex(of: UInt8(ascii: "/")).map { Bytes(file[...$0]) } ?? []
    let path = name.first == UInt8(ascii: "/") ? name : folder + name
    if known.contains(where: { $0.values[0] == path }) {
      note(file: file, line: include.line, key: include.key, path + Bytes(" is read already"))
      return nil
    }
    if known.count > 32 {
      note(file: file, line: include.line, key: include.key, Bytes("expected at most 32 included files"))
      return nil
    }
    return path
  }

  private func note(file: Bytes, line: Int32, key: Bytes, _ message: Bytes) {
    problems.list.append(ConfigurationProblem(file: file, line: line, section: [], key: key, message: message))
  }

  private mutating func readTop(_ top: SettingReader) {
    top.read(
      "interval", &configuration.interval, "a duration from 100ms to 1h",
      parseDuration(Milliseconds(100)...(.seconds(3600))))
    top.read("observe", &configuration.observe, "yes or no", parseYes)
    top.readList("protect", &configuration.protect, "names of 1 to 15 bytes, as in /proc/PID/comm", parseComm)
    top.read("state", &configuration.state, "a path of up to 1024 bytes that begins with /", parsePath(1024))
    top.read("oom_score_adj", &configuration.oomScoreAdjust, "a number from -1000 to 1000") {
      parseNumber(-1000...1000)($0).map { Int32($0) }
    }
  }

  private mutating func readSection(_ section: Section) {
    let settings = SettingReader(section, problems)
    if seen.contains(where: { $0.kind == section.kind && $0.title == section.title }) {
      settings.report(nil, Bytes("expected one such section, found another"))
      return
    }
    seen.append(section)
    switch section.kind {
    case .top: break
    case .http: configuration.http = readHTTP(settings)
    case .worker: configuration.workers.append(readWorker(settings, passwd: passwd))
    case .log:
      let rules = readLog(settings)
      refuseSharedArchive(settings, rules, among: configuration.logs)
      configuration.logs.append(rules)
    case .group: groups.append((settings, readGroup(settings)))
    case .logs: configuration.budgets.append(readLogs(settings))
    case .fileSystem: configuration.budgets.append(readFileSystem(settings))
    case .ramFileSystems: configuration.budgets.append(readRAMFileSystems(settings))
    case .journal: configuration.journal = readJournal(settings)
    }
  }
}

/// The settings of one section, read key by key. What is wrong goes to the problem list; the target keeps its value.
struct SettingReader {
  let section: Section
  let problems: ProblemList

  init(_ section: Section, _ problems: ProblemList) {
    self.section = section
    self.problems = problems
    for (i, setting) in section.settings.enumerated() {
      guard section.settings[..<i].contains(where: { $0.key == setting.key }) else { continue }
      report(setting, Bytes("expected once, found again"))
    }
  }

  func setting(_ key: StaticString) -> Setting? { section.settings.first { equal($0.key, key) } }

  /// `expected` completes the sentence "expected …, found …".
  func read<T>(_ key: StaticString, _ target: inout T, _ expected: StaticString, _ parse: (Bytes) -> T?) {
    guard let setting = setting(key) else { return }
    guard let value = parse(setting.values.first ?? []) else { return refuse(setting, expected) }
    target = value
  }
  /// For a key that may be absent; the text `none` stands for that where there is a default.
  func readOptional<T>(
    _ key: StaticString, _ target: inout T?, none: StaticString? = nil, _ expected: StaticString, _ parse: (Bytes) -> T?
  ) {
    if let none, let setting = setting(key), setting.values.count == 1, equal(setting.values[0], none) {
      target = nil
      return
    }
    guard let setting = setting(key) else { return }
    guard let value = parse(setting.values.first ?? []) else { return refuse(setting, expected) }
    target = value
  }
  /// Each value of a list.
  func readList<T>(_ key: StaticString, _ target: inout [T], _ expected: StaticString, _ parse: (Bytes) -> T?) {
    guard let setting = setting(key) else { return }
    var values: [T] = []
    for text in setting.values {
      guard let value = parse(text) else { return refuse(setting, expected, found: text) }
      values.append(value)
    }
    target = values
  }

  func refuse(_ setting: Setting, _ expected: StaticString, found: Bytes? = nil) {
    var message = Bytes("expected ")
    message.write(expected)
    message.write(", found ")
    let text = found ?? setting.values.first ?? []
    if text.isEmpty {
      message.write("nothing")
    } else {
      message.write("\"")
      message.write(text.count > 80 ? Bytes(text.prefix(80)) + Bytes("...") : text)
      message.write("\"")
    }
    report(setting, message)
  }

  /// nil: the section as a whole, at its closing brace.
  func report(_ setting: Setting?, _ message: Bytes) {
    problems.list.append(
      ConfigurationProblem(
        file: setting?.file ?? section.file, line: setting?.line ?? section.line, section: section.name,
        key: setting?.key ?? [], message: message))
  }
}

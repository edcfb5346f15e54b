// From a file to its sections and settings, all values still text. Knows which characters libconfuse cannot be given;
// knows nothing of what a key means.
import CConfuse
import CLinux
import Samples

/// One `key = value` or `key = {value, …}`.
struct Setting {
  var key: Bytes
  /// One for a plain value; none for `{}`.
  var values: [Bytes]
  var file: Bytes
  var line: Int32
}

/// One section; `top` stands for what is outside all of them.
struct Section {
  enum Kind: Equatable { case top, http, worker, log, logs, fileSystem, ramFileSystems, group, journal }
  var kind: Kind
  var title = Bytes()
  var settings: [Setting] = []
  var file: Bytes
  /// Of the closing brace.
  var line: Int32 = 0
}

/// What libconfuse told of one file.
struct ParsedText {
  var top: Section
  var sections: [Section] = []
  var includes: [Setting] = []
  var problems: [ConfigurationProblem] = []
  /// Settings of the section whose closing brace has not been seen.
  private var open: [Setting] = []

  /// Parses the text of `file`. Syntax errors and unknown keys end the parse and are its last problem.
  init(_ text: consuming Bytes, file: Bytes) {
    top = Section(kind: .top, file: file)
    if let problem = blankComments(in: &text, file: file) {
      problems.append(problem)
      return
    }
    guard text.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A }) else {
      report("no setting in this file", line: 0)
      return
    }
    let result = withUnsafeMutablePointer(to: &self) { tree in
      text.withUnsafeBytes { bytes in
        cconfuse_parse(
          bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
          { context, event in
            guard let tree = context?.assumingMemoryBound(to: ParsedText.self), let event else { return }
            tree.pointee.take(event.pointee)
          }, tree)
      }
    }
    if result != 0, problems.isEmpty { report("cannot be parsed: out of memory", line: 0) }
  }

  private mutating func take(_ event: cconfuse_event) {
    let line = event.line
    switch event.kind {
    case CCONFUSE_VALUE, CCONFUSE_EMPTY:
      let setting = Setting(
        key: bytes(event.key), values: event.value == nil ? [] : [bytes(event.value)], file: top.file, line: line)
      if event.section == CCONFUSE_TOP {
        Self.add(setting, index: event.index, to: &top.settings)
      } else {
        Self.add(setting, index: event.index, to: &open)
      }
    case CCONFUSE_INCLUDE:
      includes.append(Setting(key: Bytes("include"), values: [bytes(event.value)], file: top.file, line: line))
    case CCONFUSE_END:
      sections.append(
        Section(
          kind: Self.kind(event.section), title: bytes(event.title), settings: open, file: top.file, line: line))
      open = []
    default:
      let section = Section(kind: Self.kind(event.section), title: bytes(event.title), file: top.file)
      problems.append(
        ConfigurationProblem(
          file: top.file, line: line, section: section.name, key: [], message: bytes(event.value)))
    }
  }

  /// Index 0 is a new assignment; a later one is the next value of the list.
  private static func add(_ setting: Setting, index: UInt32, to settings: inout [Setting]) {
    if index > 0, let last = settings.lastIndex(where: { $0.key == setting.key }) {
      settings[last].values += setting.values
    } else {
      settings.append(setting)
    }
  }

  private static func kind(_ section: cconfuse_section) -> Section.Kind {
    switch section {
    case CCONFUSE_HTTP: .http
    case CCONFUSE_WORKER: .worker
    case CCONFUSE_LOG: .log
    case CCONFUSE_GROUP: .group
    case CCONFUSE_JOURNAL: .journal
    case CCONFUSE_LOGS: .logs
    case CCONFUSE_FILESYSTEM: .fileSystem
    case CCONFUSE_RAM_FILESYSTEMS: .ramFileSystems
    default: .top
    }
  }

  private mutating func report(_ message: StaticString, line: Int32) {
    problems.append(
      ConfigurationProblem(file: top.file, line: line, section: [], key: [], message: Bytes(message)))
  }
}

extension Section {
  /// As problems show it: `worker "web"`, `http`, or nothing for the top level.
  var name: Bytes {
    var out = Bytes()
    switch kind {
    case .top: return out
    case .http: out.write("http")
    case .worker: out.write("worker")
    case .log: out.write("log")
    case .group: out.write("group")
    case .journal: out.write("journal")
    case .logs: out.write("logs")
    case .fileSystem: out.write("filesystem")
    case .ramFileSystems: out.write("ram_filesystems")
    }
    if kind == .worker || kind == .log || kind == .logs || kind == .fileSystem || kind == .group {
      out.write(" \"")
      out.write(title)
      out.write("\"")
    }
    return out
  }
}

/// The bytes of a C string; none for NULL.
private func bytes(_ string: UnsafePointer<CChar>?) -> Bytes {
  guard let string else { return [] }
  return Bytes(UnsafeRawBufferPointer(start: string, count: strlen(string)))
}

/// A configuration file is larger than this only by mistake.
let configurationFileMaximum = 256 * 1024

/// The bytes of a small regular file, or why there are none as a sentence that follows the file's name.
func readSmallFile(_ path: Bytes) throws(FileTrouble) -> Bytes {
  let name = path + [0]
  var result = 0
  let text = Bytes(unsafeUninitializedCapacity: configurationFileMaximum) { buffer, count in
    result = name.withUnsafeBytes { name in
      guard let name = name.baseAddress?.assumingMemoryBound(to: CChar.self) else { return -Int(EINVAL) }
      return clinux_read_regular(name, buffer.baseAddress, buffer.count)
    }
    count = max(result, 0)
  }
  guard result < 0 else { return text }
  throw FileTrouble(errno: Int32(-result))
}

struct FileTrouble: Error, Equatable {
  var errno: Int32
  /// E.g. `cannot be read: No such file or directory`.
  var message: Bytes {
    if errno == EISDIR { return Bytes("is a directory, not a file") }
    if errno == EINVAL { return Bytes("is not a regular file") }
    if errno == EFBIG { return Bytes("is larger than 256 KiB") }
    return Bytes("cannot be read: ") + bytes(strerror(errno))
  }
}

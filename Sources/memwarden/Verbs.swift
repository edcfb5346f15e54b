// The verbs of the command line, their options and their help.
import Report
import Samples

/// What a client verb asks of the running memwarden.
enum Ask {
  case get(StaticString)
  /// `/v1/workers/NAME` and a suffix.
  case worker(StaticString, posts: Bool)
  /// `/v1/logs/ID` and a suffix; the argument is a path or an id.
  case log(StaticString, posts: Bool)
  /// `/v1/processes/PID` and a suffix.
  case process(StaticString)
  case reload
  case top
}

struct Verb {
  enum Kind {
    case run, check, version, log
    case ask(Ask)
  }
  let name: StaticString, synopsis: StaticString, help: StaticString
  let kind: Kind
  /// Whether it takes one argument, and what that is.
  var argument: StaticString?
  var isArgumentOptional = false
  var takesEventOptions = false, takesLines = false, takesTarget = false
}

let verbs: [Verb] = [
  Verb(
    name: "run", synopsis: "[-c FILE] [--observe] [--quiet]",
    help: "Watches what FILE says, in the foreground. --observe: only says what it would do. --quiet: no event lines.",
    kind: .run),
  Verb(
    name: "check", synopsis: "[-c FILE] [--live]",
    help: "Checks FILE. --live: also says what each selector matches now and how near each limit is.", kind: .check),
  Verb(
    name: "status", synopsis: "[client options]", help: "The board, the RAM filesystems, memwarden itself.",
    kind: .ask(.get("/v1/status"))),
  Verb(
    name: "workers", synopsis: "[NAME] [client options]", help: "All workers, or one with its processes.",
    kind: .ask(.worker("", posts: false)), argument: "NAME", isArgumentOptional: true),
  Verb(
    name: "logs", synopsis: "[client options]", help: "All watched logs, their budgets and writers.",
    kind: .ask(.get("/v1/logs"))),
  Verb(
    name: "filesystems", synopsis: "[client options]",
    help: "Everything that lives in RAM as files: what grows, who writes it, what was deleted and is still held.",
    kind: .ask(.get("/v1/filesystems"))),
  Verb(
    name: "ledger", synopsis: "[client options]",
    help: "Where all of RAM is and who holds it: processes, files, the kernel's part, and what nothing explains.",
    kind: .ask(.get("/v1/ledger"))),
  Verb(
    name: "events", synopsis: "[--after N] [--limit N] [client options]",
    help: "What was seen, judged, done, failed and recovered. --after: only events with a higher number.",
    kind: .ask(.get("/v1/events")), takesEventOptions: true),
  Verb(
    name: "explain", synopsis: "NAME [client options]",
    help: "Which rule of a worker is how close, and what was last done.",
    kind: .ask(.worker("/explain", posts: false)), argument: "NAME"),
  Verb(
    name: "history", synopsis: "NAME [client options]", help: "A worker's last hour.",
    kind: .ask(.worker("/history", posts: false)), argument: "NAME"),
  Verb(
    name: "output", synopsis: "NAME [--lines N] [client options]",
    help: "What a worker that memwarden runs said last (output = ring or a file). --lines: 100 by default.",
    kind: .ask(.worker("/output", posts: false)), argument: "NAME", takesLines: true),
  Verb(
    name: "heap", synopsis: "PID [client options]",
    help: "A process's heap, walked from outside: in use, free, what a trim would give back.",
    kind: .ask(.process("/heap")), argument: "PID"),
  Verb(
    name: "recycle", synopsis: "NAME [client options]", help: "Replaces a worker now.",
    kind: .ask(.worker("/recycle", posts: true)), argument: "NAME"),
  Verb(
    name: "trim", synopsis: "NAME [client options]",
    help: "Gives a worker's free memory back without a restart; it must preload libmemwarden-trim.so.",
    kind: .ask(.worker("/trim", posts: true)), argument: "NAME"),
  Verb(
    name: "pause", synopsis: "NAME [client options]", help: "Watches a worker and does nothing to it.",
    kind: .ask(.worker("/pause", posts: true)), argument: "NAME"),
  Verb(
    name: "resume", synopsis: "NAME [client options]", help: "Ends a pause, or lets restarts go on that did not help.",
    kind: .ask(.worker("/resume", posts: true)), argument: "NAME"),
  Verb(
    name: "unpark", synopsis: "NAME [client options]", help: "Gives a parked worker a fresh restart budget.",
    kind: .ask(.worker("/unpark", posts: true)), argument: "NAME"),
  Verb(
    name: "cut", synopsis: "PATH|ID [client options]", help: "Cuts a watched log now.",
    kind: .ask(.log("/cut", posts: true)), argument: "PATH|ID"),
  Verb(
    name: "tail", synopsis: "PATH|ID [--lines N] [client options]",
    help: "The last 200 lines of a watched log, or N; of a redirected one, what its ring holds.",
    kind: .ask(.log("/tail", posts: false)), argument: "PATH|ID", takesLines: true),
  Verb(
    name: "redirect", synopsis: "PATH|ID [--to ring|null|syslog|PATH] [client options]",
    help: "Sends a log's lines elsewhere and empties it, in its running writers.",
    kind: .ask(.log("/redirect", posts: true)), argument: "PATH|ID", takesTarget: true),
  Verb(
    name: "undo", synopsis: "PATH|ID [client options]", help: "Sends a redirected log's lines to its file again.",
    kind: .ask(.log("/undo", posts: true)), argument: "PATH|ID"),
  Verb(
    name: "reload", synopsis: "[client options]", help: "Reads the configuration again; a wrong one changes nothing.",
    kind: .ask(.reload)),
  Verb(
    name: "top", synopsis: "[client options]", help: "Workers and logs, again every two seconds, until Ctrl-C.",
    kind: .ask(.top)),
  Verb(
    name: "log", synopsis: "DIR [--size 1M] [--keep 10] [--budget 8M] [--buffer 64K] [--timestamp none|iso|boot]",
    help: "Writes standard input to DIR/current, rotated and within a budget: some-daemon 2>&1 | memwarden log DIR",
    kind: .log, argument: "DIR"),
  Verb(name: "version", synopsis: "", help: "The version.", kind: .version),
]

var usage: Sentence {
  var text = Bytes("usage: memwarden VERB [options]; memwarden VERB --help\n\n")
  for verb in verbs {
    text.write("  ")
    text.write(verb.name)
    for _ in verb.name.utf8CodeUnitCount..<12 { text.append(0x20) }
    text.write(verb.help)
    text.append(0x0A)
  }
  text.write(
    """

    client options: --socket PATH (default /run/memwarden.sock), --url http://127.0.0.1:8741,
      --token-file FILE (for changes over --url), --json
    exit codes: 0 done, 1 refused by memwarden, 100 wrong usage or configuration, 111 system failure

    """)
  return Sentence(bytes: text)
}

struct Options {
  enum Outcome {
    case fine, help
    case wrong(Sentence)
  }
  var configuration = Bytes("/etc/memwarden.conf")
  var observe = false, quiet = false, live = false, json = false
  var socket = Bytes("/run/memwarden.sock")
  var url: Bytes?
  var tokenFile: Bytes?
  var after: Bytes?, limit: Bytes?, lines: Bytes?, target: Bytes?
  var argument: Bytes?
  var log = LogOptions()

  mutating func parse(_ arguments: ArraySlice<Bytes>, of verb: Verb) -> Outcome {
    var rest = arguments
    while let option = rest.popFirst() {
      if equal(option, "--help") || equal(option, "-h") { return .help }
      if option.first != UInt8(ascii: "-") || option.count == 1 {
        guard verb.argument != nil, argument == nil else { return .wrong("unexpected argument \(option)") }
        argument = option
        continue
      }
      if takesFlag(option, verb) { continue }
      guard let value = rest.popFirst() else {
        return .wrong("\(option) is unknown or needs a value; see `memwarden \(verb.name) --help`")
      }
      guard take(option, value, verb) else {
        return .wrong("unknown option \(option); see `memwarden \(verb.name) --help`")
      }
    }
    if let wanted = verb.argument, argument == nil, !verb.isArgumentOptional { return .wrong("\(wanted) is missing") }
    return .fine
  }

  private mutating func takesFlag(_ option: Bytes, _ verb: Verb) -> Bool {
    switch verb.kind {
    case .run where equal(option, "--observe"): observe = true
    case .run where equal(option, "--quiet"): quiet = true
    case .check where equal(option, "--live"): live = true
    case .ask where equal(option, "--json"): json = true
    default: return false
    }
    return true
  }

  private mutating func take(_ option: Bytes, _ value: Bytes, _ verb: Verb) -> Bool {
    switch verb.kind {
    case .run, .check:
      guard equal(option, "-c") || equal(option, "--config") else { return false }
      configuration = value
    case .ask:
      if equal(option, "--socket") {
        socket = value
      } else if equal(option, "--url") {
        url = value
      } else if equal(option, "--token-file") {
        tokenFile = value
      } else if verb.takesEventOptions, equal(option, "--after") {
        after = value
      } else if verb.takesEventOptions, equal(option, "--limit") {
        limit = value
      } else if verb.takesLines, equal(option, "--lines") {
        lines = value
      } else if verb.takesTarget, equal(option, "--to") {
        target = value
      } else {
        return false
      }
    case .log: return log.take(option, value)
    case .version: return false
    }
    return true
  }
}

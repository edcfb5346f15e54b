// A board with something of everything on it, and JSON as Foundation understands it.
import Foundation
import Policy
import Samples
import Testing

@testable import Report

func at(_ seconds: Int64) -> Instant { Instant(milliseconds: seconds * 1000) }
func string(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }
func bytes(_ text: String) -> Bytes { Bytes(text.utf8) }

/// Names as other processes may choose them: control bytes, quotes, cut and overlong UTF-8, a terminal's escapes.
let hostileNames: [Bytes] = [
  bytes("\u{1B}[2J\u{1B}]0;x\u{7}"), bytes("a\"b\\c/d"), bytes("line\nbreak\r\ttab"), [0xFF, 0xFE, 0x80], [0xC0, 0xAF],
  [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], bytes("ä€😀"), [0xC2, 0x9B, 0x33, 0x31, 0x6D],
  [0x7F, 0x01],
  bytes("{\"id\":1}"), bytes("</script>"), bytes("% \\ufffd %s"), [0x61, 0xF0, 0x9F, 0x98],
]

/// What a strict parser makes of it. Fails the test for anything that is not one whole JSON value.
func parse(_ json: Bytes, _ location: SourceLocation = #_sourceLocation) -> [String: Any] {
  #expect(String(validating: json, as: UTF8.self) != nil, "not UTF-8", sourceLocation: location)
  do {
    let value = try JSONSerialization.jsonObject(with: Data(json))
    return try #require(value as? [String: Any], sourceLocation: location)
  } catch {
    Issue.record("\(error): \(string(json))", sourceLocation: location)
    return [:]
  }
}

extension Event {
  init(
    _ what: Happening, _ subject: Subject = .worker, name: Bytes = bytes("web"),
    at: Instant = Instant(milliseconds: 100_000)
  ) {
    self.init(at: at, wall: 1_769_850_300_250, isSynchronised: true, subject: subject, name: name, what: what)
  }
}

let figure = Figure(metric: .uss, scope: .each, value: .kib(25_702), limit: .mib(24), isEstimate: false)

/// 64 MiB of RAM, two workers (the second never read), two logs, three RAM filesystems.
func makeBoard() -> Board {
  let board = Board(version: "9.9.9", now: at(100), journal: Journal(capacity: 8))
  board.now = at(3700)
  board.wall = 1_769_850_300_250
  board.bootID = bytes("c0ffee")
  (board.memory.total, board.memory.free, board.memory.available) = (.mib(64), .mib(8), .mib(20))
  board.pressureAbsence = .unsupported
  var rules = WorkerRules()
  (rules.soft, rules.hard) = (.bytes(.mib(24)), .bytes(.mib(32)))
  let web = WorkerRecord(
    name: bytes("web"), rules: rules, limits: Limits(soft: .mib(24), hard: .mib(32)), means: "respawn")
  let process = ProcessRecord(identity: Identity(pid: 42, startTicks: 77), comm: hostileNames[0], seenAt: at(700))
  process.resident = .mib(20)
  process.footprint.uss = .exact(.mib(18))
  process.footprint.pss = .estimate(.mib(19))
  process.footprint.swap = .absent(.denied)
  web.processes = [process]
  web.figure = Figure(metric: .uss, scope: .each, value: .mib(18), limit: .mib(24), isEstimate: false)
  (web.figurePid, web.crossing, web.verdict) = (42, .below, .below)
  for tick in 0..<720 as Range<Int64> { web.history.record(.mib(18), at: at(100 + tick * 5)) }
  web.plateau.follow(.mib(18), now: at(1000))
  let dark = WorkerRecord(name: bytes("dark"), rules: WorkerRules(), limits: Limits(), means: "none")
  board.workers = [web, dark]
  let log = LogRecord(rules: LogRules(path: bytes("/var/log/\u{1B}x.log"), budget: .mib(1)))
  (log.state, log.kind, log.allocated, log.size) = (.watched, .ramfs, .kib(300), .mib(7))
  (log.bytesPerSecond, log.untilFull, log.method) = (2048, .seconds(354), .tailKeep)
  log.writers = [WriterRecord(pid: 42, comm: hostileNames[3], worker: bytes("web"), appends: true)]
  let refused = LogRecord(rules: LogRules(path: bytes("/tmp/link"), budget: .mib(1)))
  (refused.state, refused.refusal) = (.refused, "it is a link")
  board.logs = [log, refused]
  var known = FileSystemUsage()
  (known.used, known.files, known.size) = (.mib(3), 5, .mib(16))
  var partial = FileSystemUsage()
  (partial.used, partial.files, partial.complete) = (.mib(1), 1, false)
  board.fileSystems = [
    FileSystemRecord(point: bytes("/tmp"), kind: .tmpfs, usage: known, absence: nil),
    FileSystemRecord(point: bytes("/ram"), kind: .ramfs, usage: partial, absence: nil),
    FileSystemRecord(point: hostileNames[2], kind: .ramfs, usage: nil, absence: .denied),
  ]
  board.missing = ["no PSI: build with CONFIG_PSI"]
  board.journal.add(Event(.paused))
  return board
}

/// One request and its answer.
extension Router {
  static let open = Router(gatekeeper: Gatekeeper(token: bytes("0123456789abcdef"), hosts: [], ownUid: 990))

  func get(_ path: String, _ board: Board, text: Bool = false, _ change: (inout Request) -> Void = { _ in })
    -> Response?
  {
    var request = Request(method: bytes("GET"), path: bytes(path), peer: .socket(uid: 0))
    if text { request.accept = bytes("text/plain") }
    change(&request)
    if case .answer(let response) = route(request, board) { return response }
    return nil
  }
}

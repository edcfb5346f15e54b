// From a request to an answer or a command: pure. The paths of the API stand here and nowhere else.
import Samples

public enum Routed: Sendable {
  case answer(Response)
  /// A change that was permitted: the loop carries it out and answers with `confirmation`.
  case command(Command)
  /// A walk over the heap of this process, a ledger anew: they take longer than an answer may.
  case heap(Int32), ledger
}

private enum Resource {
  case status, workers, logs, fileSystems, ledger, events, health, metrics, reload
  case worker(Int), history(Int), explain(Int), output(Int)
  case workerAct(Int, Bytes), log(Int), logCut(Int), logTail(Int), logRedirect(Int), logUndo(Int)
  case heap(Int32)
  case noWorker(Bytes), noLog(Bytes), noProcess(Bytes), unknown
}

public struct Router: Sendable {
  public var gatekeeper: Gatekeeper
  public init(gatekeeper: Gatekeeper) { self.gatekeeper = gatekeeper }

  public func route(_ request: Request, _ board: Board) -> Routed {
    let text = request.wantsText
    func refuse(_ status: UInt32, _ sentence: Sentence, allow: StaticString? = nil) -> Routed {
      .answer(.error(status, sentence, asText: text, allow: allow))
    }
    let reads = equal(request.method, "GET") || equal(request.method, "HEAD")
    let posts = equal(request.method, "POST")
    // What a log says is not for everybody who may ask how large it is.
    let isTail = Bytes(request.path.suffix(5)) == Bytes("/tail")
    if let (status, sentence) = gatekeeper.objection(to: request, changes: !reads || isTail) {
      return refuse(status, sentence)
    }
    if request.bodyIsTooLarge {
      return refuse(413, "the body is longer than \(Request.bodyMaximum) bytes")
    }
    let resource = locate(request.path, board)
    switch resource {
    case .noWorker(let name):
      return refuse(404, "there is no worker \(name); GET /v1/workers lists them")
    case .noLog(let id): return refuse(404, "there is no log with the id \(id); GET /v1/logs lists them")
    case .noProcess(let pid): return refuse(404, "a process is named by its number, found \(pid)")
    case .unknown:
      return refuse(
        404,
        """
        there is nothing at \(request.path); there are /v1/status, /v1/workers, /v1/workers/NAME, \
        /v1/workers/NAME/history, /v1/workers/NAME/explain, /v1/workers/NAME/output, /v1/logs, /v1/logs/ID/tail, \
        /v1/filesystems, /v1/ledger, /v1/processes/PID/heap, /v1/events, /healthz, /metrics
        """)
    case .logRedirect(let i):
      guard posts else { return refuse(405, "this is an act: use POST", allow: "POST") }
      guard let target = parseRedirectBody(request.body) else {
        return refuse(400, "expected no body, {}, or {\"to\": \"ring\"}, with ring, null, syslog or an absolute path")
      }
      return .command(.redirect(i, to: target))
    case .workerAct, .logCut, .logUndo, .reload:
      guard posts else { return refuse(405, "this is an act: use POST", allow: "POST") }
      if let problem = problemWithBody(request.body) { return refuse(400, problem) }
      return .command(command(resource))
    default: break
    }
    guard reads else { return refuse(405, "this can only be read: use GET", allow: "GET, HEAD") }
    if let argument = request.unknownArgument {
      return refuse(
        400,
        """
        the query argument \(argument) is not known here; there are after and limit, for /v1/events, and lines, for tail \
        and output
        """
      )
    }
    if case .logTail(let i) = resource {
      guard let lines = bounded(request.lines, otherwise: 200, maximum: 10_000) else {
        return refuse(400, "lines must be a number from 0 to 10000, found \(request.lines ?? [])")
      }
      return .command(.tail(i, lines: Int(lines)))
    }
    return answer(resource, request, board, refuse)
  }

  private func answer(
    _ resource: Resource, _ request: Request, _ board: Board,
    _ refuse: (UInt32, Sentence, StaticString?) -> Routed
  ) -> Routed {
    let text = request.wantsText
    func reply(_ json: (inout JSONWriter) -> Void, _ plain: (inout Bytes) -> Void) -> Routed {
      if text {
        var body = Bytes()
        plain(&body)
        return .answer(Response(status: 200, type: .text, body: body))
      }
      var writer = JSONWriter()
      json(&writer)
      return .answer(Response(status: 200, type: .json, body: writer.text + [0x0A]))
    }
    switch resource {
    case .health:
      return reply({ $0.object { $0.field("status", "ok") } }, { $0.write("ok\n") })
    case .status: return reply({ board.writeStatus(to: &$0) }, { board.writeStatus(to: &$0) })
    case .metrics:
      var body = Bytes()
      board.writeMetrics(to: &body)
      return .answer(Response(status: 200, type: .metrics, body: body))
    case .ledger:
      guard let ledger = board.ledger, ledger.isFresh(board.now) else { return .ledger }
      return .answer(ledger.response(board, asText: text))
    default: break
    }
    if board.isStarved {
      return refuse(
        503, "too little memory is left for this answer; /v1/status, /v1/ledger, /healthz and /metrics still work", nil)
    }
    switch resource {
    case .workers: return reply({ board.writeWorkers(to: &$0) }, { board.writeWorkers(to: &$0) })
    case .worker(let i):
      let worker = board.workers[i]
      return reply({ worker.write(to: &$0, now: board.now, detail: true) }, { worker.write(to: &$0, board) })
    case .history(let i):
      let worker = board.workers[i]
      return reply({ worker.writeHistory(to: &$0) }, { worker.writeHistory(to: &$0, now: board.now) })
    case .explain(let i):
      let worker = board.workers[i]
      return reply(
        { worker.writeExplanation(to: &$0, board) }, { worker.writeExplanation(to: &$0, board) })
    case .output(let i):
      let worker = board.workers[i]
      guard let output = worker.output else {
        return refuse(404, "worker \(worker.name) has no output here: that takes run = … and output = ring", nil)
      }
      guard let lines = bounded(request.lines, otherwise: 100, maximum: 10_000) else {
        return refuse(400, "lines must be a number from 0 to 10000, found \(request.lines ?? [])", nil)
      }
      return reply(
        { worker.writeOutput(output, lines: Int(lines), to: &$0) },
        { worker.writeOutput(output, lines: Int(lines), to: &$0) })
    case .heap(let pid): return .heap(pid)
    case .logs: return reply({ board.writeLogs(to: &$0) }, { board.writeLogs(to: &$0) })
    case .fileSystems:
      return reply({ board.writeFileSystems(to: &$0) }, { board.writeFileSystems(to: &$0) })
    case .log(let i): return reply({ board.logs[i].write(to: &$0) }, { board.logs[i].write(to: &$0) })
    case .events:
      // Without `after`: the newest, which is what a person wants to see.
      let newest = board.journal.newest
      let recent = newest - min(newest, bounded(request.limit, otherwise: 100, maximum: 1000) ?? 0)
      guard let after = bounded(request.after, otherwise: recent, maximum: .max) else {
        return refuse(400, "after must be the number of an event, found \(request.after ?? [])", nil)
      }
      guard let limit = bounded(request.limit, otherwise: 100, maximum: 1000) else {
        return refuse(400, "limit must be a number from 0 to 1000, found \(request.limit ?? [])", nil)
      }
      return reply(
        { board.writeEvents(to: &$0, after: after, limit: Int(limit)) },
        { board.writeEvents(to: &$0, after: after, limit: Int(limit)) })
    default: return refuse(404, "there is nothing here", nil)
    }
  }

  private func locate(_ path: Bytes, _ board: Board) -> Resource {
    var parts = [Bytes]()
    for part in path.split(separator: UInt8(ascii: "/")) { parts.append(Bytes(part)) }
    guard path.first == UInt8(ascii: "/"), let first = parts.first else { return .unknown }
    if parts.count == 1 {
      if equal(first, "healthz") { return .health }
      if equal(first, "metrics") { return .metrics }
    }
    guard equal(first, "v1"), parts.count >= 2, parts.count <= 4 else { return .unknown }
    let collection = parts[1]
    if parts.count == 2 {
      if equal(collection, "status") { return .status }
      if equal(collection, "workers") { return .workers }
      if equal(collection, "logs") { return .logs }
      if equal(collection, "filesystems") { return .fileSystems }
      if equal(collection, "ledger") { return .ledger }
      if equal(collection, "events") { return .events }
      if equal(collection, "reload") { return .reload }
      return .unknown
    }
    if equal(collection, "workers") {
      guard let i = board.workers.firstIndex(where: { $0.name == parts[2] }) else { return .noWorker(parts[2]) }
      if parts.count == 3 { return .worker(i) }
      if equal(parts[3], "history") { return .history(i) }
      if equal(parts[3], "explain") { return .explain(i) }
      if equal(parts[3], "output") { return .output(i) }
      for verb: StaticString in ["recycle", "pause", "resume", "unpark", "trim"] where equal(parts[3], verb) {
        return .workerAct(i, parts[3])
      }
    } else if equal(collection, "processes") {
      guard parts.count == 4, equal(parts[3], "heap") else { return .unknown }
      guard let pid = bounded(parts[2], otherwise: 0, maximum: UInt64(Int32.max)), pid > 0 else {
        return .noProcess(parts[2])
      }
      return .heap(Int32(pid))
    } else if equal(collection, "logs") {
      guard let i = board.logs.firstIndex(where: { $0.id == parts[2] }) else { return .noLog(parts[2]) }
      if parts.count == 3 { return .log(i) }
      if equal(parts[3], "cut") { return .logCut(i) }
      if equal(parts[3], "tail") { return .logTail(i) }
      if equal(parts[3], "redirect") { return .logRedirect(i) }
      if equal(parts[3], "undo") { return .logUndo(i) }
    }
    return .unknown
  }

  private func command(_ resource: Resource) -> Command {
    switch resource {
    case .workerAct(let i, let verb):
      if equal(verb, "pause") { return .pause(i) }
      if equal(verb, "resume") { return .resume(i) }
      if equal(verb, "trim") { return .trim(i) }
      return equal(verb, "unpark") ? .unpark(i) : .recycle(i)
    case .logCut(let i): return .cut(i)
    case .logUndo(let i): return .undo(i)
    default: return .reload
    }
  }

  private func bounded(_ text: Bytes?, otherwise: UInt64, maximum: UInt64) -> UInt64? {
    guard let text else { return otherwise }
    var scanner = ByteScanner(text.span)
    guard let n = scanner.number(), scanner.isAtEnd, n <= maximum else { return nil }
    return n
  }

  /// No act takes arguments yet: a body is empty or an empty JSON object.
  private func problemWithBody(_ body: Bytes) -> Sentence? {
    var significant = Bytes()
    for byte in body where byte != 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D { significant.append(byte) }
    if significant.isEmpty || equal(significant, "{}") { return nil }
    return "this act takes no arguments: send no body, or {}; found \(Bytes(body.prefix(40)))"
  }
}

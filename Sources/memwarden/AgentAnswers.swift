// How the agent answers: reads go to the router, changes are carried out here.
import Actions
import CLinux
import Policy
import Report
import Samples

extension Agent {
  func answer(_ request: Request) -> Reply {
    boardReader.readSelf(servers: servers, before: countedBefore)
    switch router.route(request, board) {
    case .answer(let response): return .now(response)
    case .command(.trim(let i)): return trim(workers[i], asText: request.wantsText)
    case .command(let command): return .now(carryOut(command, asText: request.wantsText))
    case .heap(let pid): return heapWalks.ask(pid, now: board.now, asText: request.wantsText)
    case .ledger:
      ledger.begin(around)
      return .later(ledger, asText: request.wantsText)
    }
  }

  private func carryOut(_ command: Command, asText: Bool) -> Response {
    switch command {
    case .recycle(let i): return recycle(workers[i], asText: asText)
    case .pause(let i):
      workers[i].record.conduct.paused = true
      store.save(around)
      teller.tell(.worker, workers[i].record.name, .paused)
      return .confirmation("worker \(workers[i].record.name) is paused", asText: asText)
    case .resume(let i):
      workers[i].record.conduct.resume()
      store.save(around)
      teller.tell(.worker, workers[i].record.name, .resumed)
      return .confirmation("worker \(workers[i].record.name) is resumed", asText: asText)
    case .unpark(let i):
      workers[i].record.conduct.unpark()
      store.save(around)
      teller.tell(.worker, workers[i].record.name, .unparked)
      return .confirmation("worker \(workers[i].record.name) has a fresh restart budget", asText: asText)
    case .cut(let i):
      let refusal = logs[i].cutNow(around, buffer: cutBuffer, board: board, inotify: inotify)
      if let refusal { return .error(409, "not cut: \(refusal.advice)", asText: asText) }
      if logs[i].isCutting {
        let path = logs[i].record.rules.path
        return .confirmation(
          "log \(path) is archived and cut now; its events tell how it went", status: 202, asText: asText)
      }
      return .confirmation("log \(logs[i].record.rules.path) was cut to \(logs[i].record.allocated)", asText: asText)
    case .redirect(let i, let target):
      return answer(
        redirects.redirect(logs[i], to: target, around, board), of: logs[i].record, isUndo: false, asText: asText)
    case .undo(let i):
      return answer(
        redirects.undo(logs[i].record.rules.path, around, board), of: logs[i].record, isUndo: true, asText: asText)
    case .tail(let i, let lines):
      do throws(LogRefusal) {
        let (source, text) = try redirects.tail(logs[i], lines: lines, around)
        return tailAnswer(logs[i].record.rules.path, source: source, text, asText: asText)
      } catch { return .error(409, "not readable: \(error.advice)", asText: asText) }
    // It is answered later than the others.
    case .trim: return .error(500, "a trim is not carried out here", asText: asText)
    case .reload:
      if let problems = reload() { return .error(400, "the old configuration stays: \(problems)", asText: asText) }
      return .confirmation("reloaded: \(workers.count, "worker") and \(logs.count, "log")", asText: asText)
    }
  }

  private func answer(_ what: RedirectAnswer, of log: LogRecord, isUndo: Bool, asText: Bool) -> Response {
    let path = log.rules.path, place: Sentence = isUndo ? "its file again" : log.redirect?.target.words ?? ""
    switch what {
    case .done:
      return .confirmation("log \(path) goes to \(place)\(isUndo ? "" : " now")", asText: asText)
    case .underWay(let refusal):
      let cause: Sentence = refusal.map { "; waits, for pid \($0.pid): \($0.reason)" } ?? ""
      return .confirmation(
        "log \(path) is on its way to \(place), and its events tell how that went\(cause)", status: 202, asText: asText)
    case .refused(let refusal): return .error(409, refusal.words, asText: asText)
    }
  }

  private func recycle(_ worker: WatchedWorker, asText: Bool) -> Response {
    let name = worker.record.name
    var conduct = worker.record.conduct
    let verdict = conduct.permit(.asked, rules: worker.record.rules, hasMeans: worker.hasMeans, now: board.now)
    if case .blocked(_, let obstacle) = verdict {
      return .error(409, "worker \(name) is not recycled: \(obstacle.words(now: board.now))", asText: asText)
    }
    begin(worker, .asked)
    if !worker.isActing { return .error(409, "worker \(name) has no process that could be recycled", asText: asText) }
    return .confirmation("recycling worker \(name); its events tell how it went", status: 202, asText: asText)
  }
}

extension Response {
  static func confirmation(_ sentence: Sentence, status: UInt32 = 200, asText: Bool) -> Response {
    if asText { return Response(status: status, type: .text, body: sentence.bytes + [0x0A]) }
    var json = JSONWriter()
    json.object {
      $0.field("done", status == 200)
      $0.field("message", sentence.bytes)
    }
    return Response(status: status, type: .json, body: json.text + [0x0A])
  }
}

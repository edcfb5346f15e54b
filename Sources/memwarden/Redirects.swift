// All redirected logs: what is asked for, what ticks and signals ask for, and what is kept of them. How processes are
// moved there and back is in RedirectMoves, how one process's descriptors are exchanged in Actions/DescriptorExchange.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class Redirects {
  var active = [LogRedirect]()
  let tracer = Tracer()
  let state: StateFile
  let epoll: Int32, tag: UInt32
  private let buffer: CutBuffer

  init(state: Bytes, epoll: Int32, tag: UInt32, buffer: CutBuffer) {
    self.buffer = buffer
    self.state = StateFile(path: state)
    self.epoll = epoll
    self.tag = tag
  }

  var folder: Bytes { state.folder }
  private func find(_ path: Bytes) -> LogRedirect? { active.first { $0.path == path } }

  /// The loop has found something in a pipe.
  func drain(now: Instant) { for redirect in active { redirect.drain(now: now) } }

  // MARK: What is asked for

  /// Done when every process that writes the log writes elsewhere now; refused when nothing has changed.
  func redirect(_ log: WatchedLog, to asked: RedirectTarget?, _ around: Surroundings, _ board: Board) -> RedirectAnswer
  {
    guard let permitted = log.record.rules.redirect else {
      return .refused(
        RedirectRefusal(
          "redirecting is not permitted; set redirect = ring (or null, syslog, a path) in the log's section and reload")
      )
    }
    let target = asked ?? permitted
    if case .file = target, target != permitted {
      return .refused(RedirectRefusal("only the path that redirect in the log's section names can be the target"))
    }
    if let known = find(log.record.rules.path) {
      let reason: StaticString
      switch known.record.phase {
      case .redirecting: reason = "it is on its way there already"
      case .redirected: reason = "it is redirected already; undo that first"
      case .returning: reason = "it is on its way back from a redirect; try again when it is there"
      }
      return .refused(RedirectRefusal(reason))
    }
    do throws(RedirectFailure) { return try begin(log, to: target, around, board) } catch {
      return .refused(error.refusal)
    }
  }

  private func begin(_ log: WatchedLog, to target: RedirectTarget, _ around: Surroundings, _ board: Board)
    throws(RedirectFailure) -> RedirectAnswer
  {
    let status: FileStatus
    do throws(LogRefusal) { status = try log.open(around, buffer: buffer, board: board).status() } catch {
      throw RedirectFailure(error.advice)
    }
    let scan = around.reader.holders(of: status)
    let writing = writers(of: scan.holders)
    if scan.unreadable > 0 {
      throw RedirectFailure("other processes' descriptors cannot be read; memwarden needs root and CAP_SYS_PTRACE")
    }
    if writing.isEmpty { throw RedirectFailure("no process has it open for writing") }
    do throws(RedirectFailure) { try examine(writing, around) } catch { if !error.isBusy { throw error } }
    let new = try makePlace(for: log.record, target, writing, around, now: board.now)
    (new.waiting, new.source, new.patience) = (writing, status, board.now + .seconds(5))
    active.append(new)
    log.record.redirect = new.record
    // Before anything is done: an interrupted redirect is undone by the next memwarden.
    do throws(RedirectFailure) { try save(board) } catch {
      remove(new, board)
      throw error
    }
    return moveThere(new, around, board)
  }

  /// Done when every process writes to the file again, behind what the ring holds of it; refused when nothing has changed.
  func undo(_ path: Bytes, _ around: Surroundings, _ board: Board) -> RedirectAnswer {
    guard let redirect = find(path) else { return .refused(RedirectRefusal("it is not redirected")) }
    if redirect.record.phase == .redirected {
      do throws(RedirectFailure) { try examine(try findWriters(of: redirect, around), around) } catch {
        if !error.isBusy { return .refused(error.refusal) }
      }
    }
    turnBack(redirect, board)
    return moveBack(redirect, around, board)
  }

  /// The last lines of a log, and where they are from.
  func tail(_ log: WatchedLog, lines: Int, _ around: Surroundings) throws(LogRefusal) -> (StaticString, Bytes) {
    var text = Bytes()
    if let redirect = find(log.record.rules.path), redirect.record.phase == .redirected {
      redirect.drain(now: around.teller.board.now)
      redirect.ring.write(last: lines, to: &text)
      return ("ring", text)
    }
    let ring = LineRing(capacity: 64 << 10)
    try log.open(around, buffer: buffer, board: around.teller.board).readTail(into: ring)
    ring.write(last: lines, to: &text)
    return ("file", text)
  }

  // MARK: As time goes by

  /// When `step` must be called.
  var nextStep: Instant? {
    var next: Instant?
    for redirect in active { if let step = redirect.nextStep { next = min(next ?? step, step) } }
    return next
  }

  /// Goes on with one of those that are due. `signalled`: a child signal; perhaps somebody stopped.
  func step(_ around: Surroundings, _ board: Board, signalled: Bool = false) {
    for redirect in active {
      guard let due = redirect.nextStep, board.now >= due || (signalled && !redirect.waiting.isEmpty) else { continue }
      let wasOnItsWay = redirect.record.phase == .redirecting
      switch redirect.record.phase {
      case .redirecting, .redirected:
        if case .refused(let refusal) = moveThere(redirect, around, board) {
          if !wasOnItsWay { redirect.retryAt = board.now + .seconds(60) }
          tellRefusal(refusal, redirect, around)
        }
      case .returning: _ = moveBack(redirect, around, board)
      }
      break
    }
    letGo()
  }

  func tellRefusal(_ refusal: RedirectRefusal, _ redirect: LogRedirect, _ around: Surroundings) {
    around.teller.tell(
      .log, redirect.path, .redirectRefused(refusal.reason, pid: refusal.pid, errno: refusal.errno))
  }

  /// Nobody stays stopped for whom nobody will ask again.
  private func letGo() {
    if !active.contains(where: { !$0.waiting.isEmpty }) { tracer.forsake() }
    tracer.letGo()
  }

  /// Forgets writers that ended; redirects those that have come and written to the file.
  func tick(_ around: Surroundings, _ board: Board) {
    letGo()
    for redirect in active where redirect.record.phase == .redirected && redirect.waiting.isEmpty {
      let before = redirect.writers.count
      redirect.writers.removeAll { around.startTime($0.identity.pid) != $0.identity.startTicks }
      redirect.record.writers = redirect.writers.count
      if before != redirect.writers.count { try? save(board) }
      guard board.now >= redirect.retryAt, let file = try? around.reader.fileStatus(redirect.path),
        file.size > .zero
      else { continue }
      let scan = around.reader.holders(of: file)
      redirect.retryAt = board.now + .seconds(10)
      redirect.waiting = writers(of: scan.holders)
      (redirect.source, redirect.moved, redirect.isTouched) = (file, 0, false)
      redirect.patience = board.now + .seconds(5)
      redirect.nextStep = board.now
    }
  }
}

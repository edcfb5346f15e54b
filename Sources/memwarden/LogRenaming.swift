// One log's rotation: renamed, its writers asked to open it again, and no descriptor left on the old file before that
// goes to the archive. Until then the old file is kept within the budget like the log itself; where a writer does not
// follow, the file gets its name back, or is cut in place for as long as it is held.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class LogRenaming {
  private enum Phase {
    /// Its writers have been asked.
    case waiting(until: Instant)
    /// Nobody writes it any more.
    case released
    /// Somebody has kept it open beyond the time, and others write the new one.
    case held
  }
  private let record: LogRecord
  private let reopen: Reopen
  private let bounding: LogBounding
  private var moved: MovedLog?
  private var phase = Phase.released
  private var allocated = ByteCount.zero
  private var search: HolderSearch?
  private var holders = [FileHolder]()
  /// The last search found none; one more must.
  private var wasClean = false
  /// What asks the writers, or -errno where it could not be started. Reaped like every other (WorkerStore.commands).
  private var command: Int32 = 0
  private var restUntil: Instant?
  private var lookedForFormer = false
  private var before = ByteCount.zero, began = Instant(milliseconds: 0)
  /// When `step` must be called; nil: nothing is under way.
  private(set) var nextStep: Instant?

  /// After writers did not follow, the log is cut in place for so long.
  private static let rest = Milliseconds.seconds(3600)
  /// How often it is looked who still has the old file: at first, and when that takes longer.
  private static let pause = Milliseconds(10), longPause = Milliseconds.seconds(10)
  private static let failurePause = Milliseconds.seconds(60)

  /// nil when the rules do not want it.
  init?(of record: LogRecord, _ bounding: LogBounding) {
    guard let reopen = record.rules.reopen else { return nil }
    self.record = record
    self.reopen = reopen
    self.bounding = bounding
  }

  func inherit(_ old: LogRenaming) { restUntil = old.restUntil }

  var isUnderWay: Bool { moved != nil }
  /// It will be for long: a writer did not let go in time.
  var isHeld: Bool {
    if case .held = phase { moved != nil } else { false }
  }
  func mayBegin(now: Instant) -> Bool { moved == nil && (restUntil.map { now >= $0 } ?? true) }

  // MARK: - Beginning

  /// Renames the log. False: it is to be cut in place; why was told.
  func begin(
    _ file: LogFile, holders: [FileHolder]?, allocated: ByteCount, _ around: Surroundings, now: Instant
  ) -> Bool {
    do throws(LogRefusal) {
      guard let writers = holders?.filter({ $0.writes }) else {
        return giveUp(
          "Not every process could be looked into, and one may have it open; run memwarden as root.", around, now)
      }
      // Nobody writes it now, and whoever does next will open it by its name: in place nothing can go wrong.
      if writers.isEmpty { return false }
      if case .signal(let signal) = reopen, !mayBeSent(signal, to: writers, around, now: now) { return false }
      moved = try MovedLog.move(file, create: record.rules.create)
      before = allocated
      began = now
      ask(writers, around, now: now)
      return true
    } catch {
      return giveUp(error.advice, around, now)
    }
  }

  /// The one that a memwarden before this one had renamed is gone on with: its writers are asked once more.
  func resume(_ around: Surroundings, now: Instant) {
    if lookedForFormer { return }
    lookedForFormer = true
    do throws(LogRefusal) {
      guard let found = try MovedLog.find(record.rules.path, create: record.rules.create) else { return }
      moved = found
      bounding.former = found.file
      let status = try found.file.status()
      (before, allocated, began) = (status.allocated, status.allocated, now)
      record.moved = allocated
      record.allocated = (try? around.reader.fileStatus(record.rules.path))?.allocated ?? .zero
      let scan = around.reader.holders(of: found.file.opened)
      let writers = scan.holders.filter { $0.writes && $0.identity.pid != getpid() }
      if case .signal(let signal) = reopen, !writers.isEmpty, !mayBeSent(signal, to: writers, around, now: now) {
        phase = .held
        nextStep = now
        return
      }
      ask(writers, around, now: now)
    } catch { _ = giveUp(error.advice, around, now) }
  }

  private func giveUp(_ words: StaticString, pid: Int32? = nil, _ around: Surroundings, _ now: Instant) -> Bool {
    restUntil = now + Self.rest
    around.teller.tell(.log, record.rules.path, .renameFailed(words, pid: pid))
    return false
  }

  /// A signal that a process has no handler for would end it.
  private func mayBeSent(_ signal: Int32, to writers: [FileHolder], _ around: Surroundings, now: Instant) -> Bool {
    for writer in writers {
      let pid = writer.identity.pid
      guard let stat = try? around.reader.stat(pid) else { continue }
      if around.finder.protected.covers(pid, stat) {
        return giveUp("it writes the log and is protected: no signal is sent to it.", pid: pid, around, now)
      }
      if (try? around.reader.catches(pid, signal)) != true {
        return giveUp("it does not handle the signal of the key reopen, which would end it.", pid: pid, around, now)
      }
    }
    return true
  }

  private func ask(_ writers: [FileHolder], _ around: Surroundings, now: Instant) {
    phase = .waiting(until: now + record.rules.reopenTimeout)
    bounding.beginTime()
    nextStep = now + Self.pause
    switch reopen {
    case .signal(let signal):
      var asked = [Identity]()
      for writer in writers where !asked.contains(writer.identity) {
        asked.append(writer.identity)
        _ = around.target(writer.identity)?.send(signal)
      }
    case .command(let argv):
      command = around.calls.spawn(argv, false)
      if command > 0 {
        around.store.commands.append(command)
      } else {
        _ = giveUp("the command of the key reopen could not be started.", around, now)
        phase = .waiting(until: now)
      }
    }
  }

  // MARK: - Going on

  /// The next step.
  func step(_ around: Surroundings, buffer: CutBuffer, board: Board) -> CutOutcome? {
    guard let moved else {
      nextStep = nil
      return nil
    }
    nextStep = board.now + Self.pause
    do throws(LogRefusal) {
      allocated = try moved.file.status().allocated
      record.moved = allocated
      switch phase {
      case .waiting(let until):
        try bound(moved, around, buffer: buffer, board: board)
        if bounding.isBusy(with: moved.file) { return nil }
        if isReleased(moved, around) {
          phase = .released
          nextStep = board.now
        } else if board.now >= until, !wasClean {
          try fallBack(moved, around, now: board.now)
        }
      case .held:
        try bound(moved, around, buffer: buffer, board: board)
        if bounding.isBusy(with: moved.file) { return nil }
        if isReleased(moved, around) {
          phase = .released
          nextStep = board.now
        } else if search == nil, !wasClean {
          nextStep = board.now + Self.longPause
        }
      case .released: return try retire(moved, around, buffer: buffer, board: board)
      }
    } catch {
      bounding.abandon()
      switch error {
      case .gone, .swapped:
        // Somebody removed it: nothing of it is left to do.
        _ = giveUp(error.advice, around, board.now)
        forget()
      case .nothingToCut: nextStep = board.now + Self.longPause
      default:
        // It is in RAM still, and is gone on with.
        _ = giveUp(error.advice, around, board.now)
        nextStep = board.now + Self.failurePause
      }
    }
    return nil
  }

  /// No process has the old file open for writing, as far as all could be looked into. A few ms of searching a step.
  /// Looked twice: what a writer forks while it is looked for is found by the next search.
  private func isReleased(_ moved: MovedLog, _ around: Surroundings) -> Bool {
    let running = search ?? HolderSearch(moved.file.opened, around.reader)
    search = running
    guard running.step(for: Milliseconds(5)) else { return false }
    search = nil
    holders = running.scan.holders.filter { $0.writes && $0.identity.pid != getpid() }
    let isClean = holders.isEmpty && running.scan.unreadable == 0
    defer { wasClean = isClean && !wasClean }
    return isClean && wasClean
  }

  /// The old file is written on as long as somebody has not let go of it.
  private func bound(
    _ moved: MovedLog, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) throws(LogRefusal) {
    let total = allocated + record.allocated
    if bounding.isBusy(with: moved.file) {
      switch try bounding.goOn(allocated: total, around, buffer: buffer, board: board) {
      case .cut(let report, let archive): note(report, archive)
      case .more: nextStep = board.now
      case .waiting: nextStep = board.now + Milliseconds(2)
      case .failed: break
      }
    } else if !bounding.isBusy, allocated.rawValue > record.rules.budget.rawValue / 4 * 3 {
      let appends = writersAppend(holders)
      let report = try bounding.cut(
        moved.file, by: cutMethod(on: moved.file.kind, writersAppend: appends),
        keep: ByteCount(record.rules.budget.rawValue / 8), writersAppend: appends, around, buffer: buffer, board: board)
      if let report { note(report, nil) } else { nextStep = board.now }
    }
  }

  private func note(_ report: CutReport, _ archive: ArchiveOutcome?) {
    record.cuts += 1
    record.freed += report.allocatedBefore - report.allocatedAfter
    if case .exactly(let n) = report.lost { record.lost += n }
    if case .atLeast(let n) = report.lost { record.lost += n }
    allocated = report.allocatedAfter
    record.moved = allocated
  }

  /// Time is over. Its name back, if nobody has opened the new file yet; else both are kept within the budget.
  private func fallBack(
    _ moved: MovedLog, _ around: Surroundings, now: Instant
  ) throws(LogRefusal) {
    if around.store.commands.contains(command) { _ = around.calls.kill(-command, SIGKILL) }
    if command >= 0 {
      _ = giveUp(
        "it had the renamed log open when reopen_timeout was over.", pid: holders.first?.identity.pid, around, now)
    }
    let isBack = try moved.putBack { other in
      guard let size = try? other.status().size, size == .zero else { return false }
      let scan = around.reader.holders(of: other.opened)
      return scan.unreadable == 0 && !scan.holders.contains { $0.writes && $0.identity.pid != getpid() }
    }
    if isBack { return forget() }
    phase = .held
  }

  /// To the archive with it, or beside the log.
  private func retire(
    _ moved: MovedLog, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) throws(LogRefusal) -> CutOutcome? {
    guard bounding.archiving != nil else {
      try moved.retire()
      defer { forget() }
      return outcome(moved, after: allocated, nil, board.now)
    }
    switch try bounding.archiveAll(
      moved.file, allocated: allocated + record.allocated, around, buffer: buffer, board: board)
    {
    case .more: nextStep = board.now
    case .waiting: nextStep = board.now + Milliseconds(2)
    case .failed: nextStep = board.now + Milliseconds(250)
    case .ready(let settle):
      try moved.remove()
      defer { forget() }
      return outcome(moved, after: .zero, settle ? bounding.archiving?.settle(board, around.teller) : nil, board.now)
    }
    return nil
  }

  private func outcome(
    _ moved: MovedLog, after: ByteCount, _ archive: ArchiveOutcome?, _ now: Instant
  ) -> CutOutcome {
    var outcome = CutOutcome(
      method: .rename, before: before, after: after, sizeBefore: before, sizeAfter: .zero, lost: .zero,
      wholeLines: true, microseconds: (now - began).rawValue * 1000, writer: nil)
    outcome.archived = archive
    return outcome
  }

  private func forget() {
    moved = nil
    bounding.former = nil
    search = nil
    wasClean = false
    holders = []
    allocated = .zero
    record.moved = .zero
    nextStep = nil
  }
}

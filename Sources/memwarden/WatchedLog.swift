// One log between looks: opens it when it is there, asks the judge, cuts when it says so, and knows who writes it.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class WatchedLog {
  let record: LogRecord
  /// The budget by whose pattern it was found; nil for one with a section of its own.
  let budget: LogBudget?
  var watch: LogWatch
  private(set) var file: LogFile?
  let writers: LogWriters
  private let bounding: LogBounding
  private let renaming: LogRenaming?
  private var lines = LineSampling()
  /// A cut for others that was refused is not tried again before.
  var evictableAt = Instant(milliseconds: 0)
  private var lookedAt = Instant(milliseconds: 0)
  private var awaitedAt: Int64?
  /// Until a log that is not there or is refused is looked at again.
  private var retry = Milliseconds.seconds(1)
  private static let retryMaximum = Milliseconds.seconds(10)
  private var toldGrowing = false
  private var toldRefusal: LogRefusal?
  private var toldCutAt: Instant?
  private var toldSparse = false
  /// When a cut under way wants to be gone on with.
  private var soon: Instant?
  /// When `look` must be called; nil: when inotify tells of a write, or at the next tick.
  private(set) var nextLook: Instant?
  /// The inotify watch that is armed, or -1.
  private(set) var watchNumber: Int32 = -1

  /// A silent log is looked at this often.
  private static let base = Milliseconds.seconds(60)
  /// A log that is cut many times a second is told of this often.
  private static let tellingGap = Milliseconds.seconds(10)

  init(_ rules: LogRules, observe: Bool, of budget: LogBudget? = nil) {
    self.budget = budget
    var rules = rules
    rules.observe = rules.observe || observe
    record = LogRecord(rules: rules, pattern: budget?.record.rules.name ?? [])
    writers = LogWriters(of: record)
    bounding = LogBounding(of: record)
    renaming = LogRenaming(of: record, bounding)
    // Without an archive the renamed file stays beside the log, and each may have half of the budget.
    if record.rules.archive == nil, renaming != nil { rules.budget = ByteCount(rules.budget.rawValue / 2) }
    watch = LogWatch(rules)
  }

  /// Takes over what a former object for the same path and the same rules knew.
  func inherit(_ old: WatchedLog) {
    record.cuts = old.record.cuts
    record.freed = old.record.freed
    record.lost = old.record.lost
    record.lastCut = old.record.lastCut
    record.lines = old.record.lines
    if old.record.rules == record.rules { watch = old.watch }
    old.bounding.abandon()
    if let archiving = old.bounding.archiving { bounding.archiving?.inherit(archiving) }
    if let former = old.renaming { renaming?.inherit(former) }
  }

  /// What a tick asks: is the path still this file, has it come or gone, is its look due?
  func tick(_ around: Surroundings, buffer: CutBuffer, board: Board, inotify: Int32) {
    if let file {
      do throws(Absence) {
        let named = try around.reader.fileStatus(file.path)
        if named.inode != file.opened.inode || named.device != file.opened.device { letGo() }
      } catch { letGo() }
    }
    if let file, writers.isSearching { search(file, around, now: board.now) }
    writers.attribute(around)
    // A silent log may grow all the same: on ramfs whoever reads a hole fills it with pages.
    let isDue = nextLook.map { board.now >= $0 } ?? (file == nil || board.now - lookedAt >= WatchedLog.base)
    if isDue { look(around, buffer: buffer, board: board, inotify: inotify) }
  }

  /// Looks at the file now; cuts it if that is due.
  func look(_ around: Surroundings, buffer: CutBuffer, board: Board, inotify: Int32) {
    nextLook = nil
    watchNumber = -1
    lookedAt = board.now
    defer { if let step = renaming?.nextStep { nextLook = min(nextLook ?? step, step) } }
    rotate(around, buffer: buffer, board: board)
    do throws(LogRefusal) {
      let file = try open(around, buffer: buffer, board: board)
      let status = try file.status()
      if status.links == 0 { throw .swapped }
      note(status)
      noteHole(status, around)
      let verdict = watch.look(status, now: board.now)
      if bounding.isBusy(with: file) {
        try goOn(file, around, buffer: buffer, board: board)
      } else if case .cut(let keep) = verdict, !isRotated(file, around, board: board) {
        try cut(file, keep: keep, around, buffer: buffer, board: board)
      }
      noteGrowth(status, around, board: board)
      if let file = self.file { lines.look(file, status, buffer: buffer, into: record, now: board.now) }
      try schedule(file, after: status, inotify: inotify)
    } catch {
      refuse(error, around, inotify: inotify, now: board.now)
    }
  }

  /// A cut has begun and takes its time: an archive, or a renamed log whose writers have not let go of it.
  var isCutting: Bool { bounding.isBusy || renaming?.isUnderWay == true }

  /// Cuts at once, because somebody asked. The words are nil when it was done, or has begun.
  func cutNow(_ around: Surroundings, buffer: CutBuffer, board: Board, inotify: Int32) -> LogRefusal? {
    do throws(LogRefusal) {
      let file = try open(around, buffer: buffer, board: board)
      note(try file.status())
      writers.findNow(file, around)
      let half = ByteCount(record.rules.budget.rawValue / 2)
      if !isRotated(file, around, board: board) {
        try cut(file, keep: min(record.rules.keep ?? half, half), around, buffer: buffer, board: board, asked: true)
      }
      try schedule(file, after: try file.status(), inotify: inotify)
      return nil
    } catch {
      if error != .nothingToCut { refuse(error, around, inotify: inotify, now: board.now) }
      return error
    }
  }

  func open(_ around: Surroundings, buffer: CutBuffer, board: Board) throws(LogRefusal) -> LogFile {
    if let file { return file }
    let opened = try LogWriters.open(record.rules.path, around.reader)
    file = opened
    writers.forget()
    record.state = .watched
    record.kind = opened.kind
    toldSparse = false
    toldRefusal = nil
    retry = .seconds(1)
    bounding.prepare(opened, around, buffer: buffer, board: board)
    return opened
  }

  func note(_ status: FileStatus) {
    record.allocated = status.allocated
    record.size = status.size
  }

  /// The hole that cuts leave in front grows with every one, and tools that go by the apparent size are alarmed.
  private func noteHole(_ status: FileStatus, _ around: Surroundings) {
    if toldSparse || status.size.rawValue / 16 < record.rules.budget.rawValue { return }
    toldSparse = true
    around.teller.tell(.log, record.rules.path, .logSparse(size: status.size, allocated: status.allocated))
  }

  /// A log that grows has a writer: it is looked for when growth begins, and again after a while.
  private func noteGrowth(_ status: FileStatus, _ around: Surroundings, board: Board) {
    record.bytesPerSecond = watch.growth.perSecond(now: board.now)
    record.bytesPerDay = watch.growth.perDay(now: board.now)
    record.untilFull = watch.timeToFill(record.rules.budget - status.allocated, now: board.now)
    guard let file, record.bytesPerSecond > 0 || watch.rate > 0 else { return }
    guard search(file, around, now: board.now) else { return }
    if !toldGrowing, !writers.isSearching, record.bytesPerSecond > 0 {
      toldGrowing = true
      around.teller.tell(
        .log, record.rules.path,
        .logGrows(
          bytesPerSecond: record.bytesPerSecond, allocated: status.allocated, writer: record.writers.first?.pid))
    }
  }

  /// For a quarter of the time in which the log could fill up. False when it was another log's turn: twenty logs that
  /// begin to grow together would hold the loop up for half a second.
  @discardableResult
  private func search(_ file: LogFile, _ around: Surroundings, now: Instant) -> Bool {
    guard around.finder.logSearchedAt != now else { return false }
    let room = (record.rules.budget - record.allocated).rawValue
    let slice = watch.rate == 0 ? 20 : max(1, min(20, room * 250 / watch.rate))
    if writers.search(file, around, for: Milliseconds(Int64(slice)), now: now) { around.finder.logSearchedAt = now }
    return true
  }

  func cut(
    _ file: LogFile, keep: ByteCount, _ around: Surroundings, buffer: CutBuffer, board: Board, asked: Bool = false
  ) throws(LogRefusal) {
    let appends = writers.append
    let method = record.rules.method ?? cutMethod(on: file.kind, writersAppend: appends)
    record.method = method
    if record.rules.observe && !asked {
      tellCut(.logWouldCut(method, allocated: record.allocated, budget: record.rules.budget), around, now: board.now)
      return
    }
    do throws(LogRefusal) {
      let report = try bounding.cut(
        file, by: method, keep: keep, writersAppend: appends, around, buffer: buffer, board: board)
      if let report { noteCut(report, nil, around, board: board) } else { askAgain(board: board) }
    } catch {
      watch.cutFailed(now: board.now)
      throw error
    }
  }

  /// What comes before the log itself: the file that it was before it was renamed.
  private func rotate(_ around: Surroundings, buffer: CutBuffer, board: Board) {
    guard let renaming, !record.rules.observe else { return }
    renaming.resume(around, now: board.now)
    guard renaming.isUnderWay, let outcome = renaming.step(around, buffer: buffer, board: board) else { return }
    setLead(now: board.now)
    noteOutcome(outcome, around, board: board)
  }

  /// The log is renamed instead of cut, or was and waits for what it was before to go.
  private func isRotated(_ file: LogFile, _ around: Surroundings, board: Board) -> Bool {
    guard let renaming, !record.rules.observe else { return false }
    if renaming.isUnderWay {
      // One archive at a time, the older lines first; but the budget holds.
      if renaming.isHeld && !bounding.isBusy { return false }
      if bounding.isFarOver(record.allocated + record.moved) { return false }
      soon = board.now + Milliseconds(2)
      return true
    }
    guard renaming.mayBegin(now: board.now) else { return false }
    writers.findNow(file, around)
    guard renaming.begin(file, holders: writers.holders, allocated: record.allocated, around, now: board.now) else {
      return false
    }
    record.method = .rename
    self.file = nil
    soon = board.now
    return true
  }

  /// An archive is under way: its next step.
  private func goOn(_ file: LogFile, _ around: Surroundings, buffer: CutBuffer, board: Board) throws(LogRefusal) {
    do throws(LogRefusal) {
      switch try bounding.goOn(allocated: record.allocated + record.moved, around, buffer: buffer, board: board) {
      case .more, .failed: askAgain(board: board)
      case .waiting: askAgain(board: board, after: Milliseconds(2))
      case .cut(let report, let archive): noteCut(report, archive, around, board: board)
      }
    } catch {
      watch.cutFailed(now: board.now)
      throw error
    }
  }

  /// A cut that waits for its archive, or for want of one until there is no room left.
  private func askAgain(board: Board, after: Milliseconds = .zero) {
    soon = board.now + after
    setLead(now: board.now)
  }

  /// An archive takes time: the cut begins earlier by twice what the last one took.
  private func setLead(now: Instant) {
    guard let archiving = bounding.archiving, !archiving.isResting(now: now) else {
      return watch.lead = LogWatch.shortestLead
    }
    watch.lead = UInt64(min(1000, max(20, archiving.took.rawValue * 2)))
  }

  private func noteCut(_ report: CutReport, _ archive: ArchiveOutcome?, _ around: Surroundings, board: Board) {
    watch.cutDone(report.fileAfter, now: board.now)
    setLead(now: board.now)
    note(report.fileAfter)
    var outcome = CutOutcome(report, writer: record.writers.first?.pid)
    outcome.archived = archive
    noteOutcome(outcome, around, board: board)
  }

  private func noteOutcome(_ outcome: CutOutcome, _ around: Surroundings, board: Board) {
    record.cuts += 1
    record.freed += outcome.before - outcome.after
    record.lost += outcome.lost ?? .zero
    record.lastCut = outcome
    tellCut(.logCut(outcome, cuts: record.cuts), around, now: board.now)
  }

  private func tellCut(_ what: Happening, _ around: Surroundings, now: Instant) {
    if let toldCutAt, now - toldCutAt < WatchedLog.tellingGap { return }
    toldCutAt = now
    around.teller.tell(.log, record.rules.path, what)
  }

  /// A timer for a log that grows; for one that does not, inotify, which costs nothing until somebody writes.
  func schedule(_ file: LogFile, after seen: FileStatus, inotify: Int32) throws(LogRefusal) {
    if let soon {
      nextLook = soon
      self.soon = nil
      return
    }
    switch watch.nextLook {
    case .at(let instant): nextLook = instant
    case .whenWritten:
      watchNumber = cl_inotify_arm(inotify, file.descriptor)
      // What was written before it was armed, and a kernel without inotify.
      let now = cl_boottime_ms()
      if try file.status().size != seen.size { nextLook = Instant(milliseconds: now) }
      if watchNumber < 0 { nextLook = Instant(milliseconds: now + 1000) }
    }
  }

  func refuse(_ refusal: LogRefusal, _ around: Surroundings, inotify: Int32, now: Instant) {
    switch refusal {
    case .gone, .swapped:
      letGo()
      awaitArrival(around, inotify: inotify)
      record.state = .absent
      record.allocated = .zero
      record.bytesPerSecond = 0
      toldGrowing = false
    case .nothingToCut: break
    case .failed(let step, let errno) where step != .open:
      record.refusalErrno = errno
      tellRefusal(refusal, around)
    default:
      letGo()
      record.state = .refused
      tellRefusal(refusal, around)
    }
    if nextLook == nil, watchNumber < 0 {
      nextLook = now + retry
      retry = min(Milliseconds(retry.rawValue * 2), WatchedLog.retryMaximum)
    }
  }

  /// A file that is not there is waited for where it will appear; it may be flooded from its first line on.
  private func awaitArrival(_ around: Surroundings, inotify: Int32) {
    let path = record.rules.path
    let folder = path.lastIndex(of: UInt8(ascii: "/")).map { Bytes(path[..<max($0, 1)]) } ?? []
    // One look per second at a folder where much else arrives.
    if let awaitedAt, cl_boottime_ms() - awaitedAt < 1000 { return }
    awaitedAt = cl_boottime_ms()
    watchNumber = folder.withCString { cl_inotify_arm_folder(inotify, $0) }
    if (try? around.reader.fileStatus(path)) != nil { nextLook = Instant(milliseconds: cl_boottime_ms()) }
  }

  /// The file is not the log any more.
  private func letGo() {
    if let file, bounding.isBusy(with: file) { bounding.abandon() }
    file = nil
  }

  private func tellRefusal(_ refusal: LogRefusal, _ around: Surroundings) {
    record.refusal = refusal.advice
    guard toldRefusal != refusal else { return }
    toldRefusal = refusal
    var errno: Int32 = 0
    if case .failed(_, let code) = refusal { errno = code }
    let what = Happening.logRefused(refusal.advice, errno: errno)
    if budget == nil {
      around.teller.tell(.log, record.rules.path, what)
    } else {
      around.teller.tellIfQuiet(record.rules.path, what, of: .log)
    }
  }
}

extension CutOutcome {
  init(_ report: CutReport, writer: Int32?) {
    let lost: ByteCount? =
      switch report.lost {
      case .none: .zero
      case .exactly(let n), .atLeast(let n): n
      case .unknown: nil
      }
    self.init(
      method: report.method, before: report.allocatedBefore, after: report.allocatedAfter,
      sizeBefore: report.sizeBefore, sizeAfter: report.sizeAfter, lost: lost, wholeLines: report.wholeLines,
      microseconds: Int64(clamping: report.microseconds), writer: writer)
  }
}

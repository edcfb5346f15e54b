// One file made smaller in place, after its head was archived where the rules say so. The budget comes first: what cannot
// be archived in time is cut without, and counted.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class LogBounding {
  private let record: LogRecord
  let archiving: LogArchiving?
  /// What is being archived, and is to be cut then.
  private var file: LogFile?
  /// All that counted against the budget when its archive was begun.
  private var allocatedThen = ByteCount.zero
  /// The log under another name, if there is one: it may hold what a former memwarden had archived.
  var former: LogFile?
  private var method = CutMethod.punch, writersAppend = false

  init(of record: LogRecord) {
    self.record = record
    archiving = LogArchiving(of: record)
  }

  /// An archive is being made, of this file.
  func isBusy(with file: LogFile) -> Bool { self.file === file }
  var isBusy: Bool { file != nil }

  /// Cuts the file, at once while another one is being archived; nil: not yet, `goOn` is to be called, or the archive is in trouble and there is room to wait.
  func cut(
    _ file: LogFile, by method: CutMethod, keep: ByteCount, writersAppend: Bool, _ around: Surroundings,
    buffer: CutBuffer, board: Board
  ) throws(LogRefusal) -> CutReport? {
    guard let archiving else {
      return try file.cut(by: method, keep: keep, writersAppend: writersAppend, buffer: buffer)
    }
    if isBusy(with: file) { return nil }
    if isBusy || archiving.isResting(now: board.now) {
      return try cutUnarchived(file, by: method, keep: keep, writersAppend: writersAppend, buffer: buffer)
    }
    (self.method, self.writersAppend) = (method, writersAppend)
    try file.verify()
    prepare(file, around, buffer: buffer, board: board)
    if archiving.isResting(now: board.now) { return nil }
    let head = try file.head(keep: keep, buffer: buffer)
    if head.isEmpty { throw .nothingToCut }
    begin(head, of: file, around, buffer: buffer, board: board)
    return nil
  }

  private func begin(
    _ head: Range<UInt64>, of file: LogFile, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) {
    do throws(ArchiveTrouble) {
      try archiving?.begin(head, of: file, board, buffer: buffer)
      self.file = file
      beginTime()
    } catch {
      archiving?.fail(error, around.teller, now: board.now)
    }
  }

  /// Opens the archive folder, and takes out of the file what a former memwarden had archived already.
  private func open(
    _ file: LogFile, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) throws(ArchiveTrouble) {
    let candidates = former.map { $0 === file ? [file] : [$0, file] } ?? [file]
    try archiving?.open(for: candidates, board, buffer: buffer) { file, end throws(LogRefusal) in
      let scan = around.reader.holders(of: file.opened)
      let others = scan.holders.filter { $0.identity.pid != getpid() }
      let appends = Policy.writersAppend(scan.unreadable == 0 ? others : nil)
      let method = self.record.rules.method ?? cutMethod(on: file.kind, writersAppend: appends)
      _ = try file.cut(by: method, keep: .zero, from: end, writersAppend: appends, buffer: buffer)
    }
  }

  /// When the log is found: puts the archives in order, even if nothing is to be cut for a long time.
  func prepare(_ file: LogFile, _ around: Surroundings, buffer: CutBuffer, board: Board) {
    guard let archiving, !record.rules.observe else { return }
    do throws(ArchiveTrouble) { try open(file, around, buffer: buffer, board: board) } catch {
      archiving.fail(error, around.teller, now: board.now)
    }
  }

  enum Progress {
    /// Call again: at once, or in some milliseconds.
    case more, waiting
    case cut(CutReport, ArchiveOutcome?)
    /// The archive is in trouble; nothing was cut.
    case failed
  }

  /// Goes on with the archive; when it is on storage, cuts. `allocated`: all that counts against the budget now.
  func goOn(
    allocated: ByteCount, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) throws(LogRefusal) -> Progress {
    guard let file, let archiving else { return .failed }
    switch archive(allocated: allocated, around, board: board) {
    case .more: return .more
    case .waiting: return .waiting
    case nil:
      self.file = nil
      guard isFarOver(allocated) else { return .failed }
      let keep = ByteCount(record.rules.budget.rawValue / 8)
      return .cut(
        try cutUnarchived(file, by: method, keep: keep, writersAppend: writersAppend, buffer: buffer), nil)
    case .ready:
      self.file = nil
      do throws(LogRefusal) {
        let report = try file.cut(
          by: method, keep: .zero, from: archiving.end, writersAppend: writersAppend, buffer: buffer)
        return .cut(report, archiving.settle(board, around.teller))
      } catch {
        archiving.abandon()
        throw error
      }
    }
  }

  /// The next step of an archive, faster when the budget demands it; nil when it came to nothing.
  func archive(allocated: ByteCount, _ around: Surroundings, board: Board) -> Archiving.Step? {
    guard let archiving else { return nil }
    do throws(ArchiveTrouble) {
      if isFarOver(allocated) { throw .tooSlow }
      if isOver(allocated, eighths: 1) { archiving.hurry() }
      return try archiving.step(board)
    } catch {
      archiving.fail(error, around.teller, now: board.now)
      return nil
    }
  }

  enum Whole {
    case more, waiting
    /// The archive is in trouble, and there is room to wait.
    case failed
    /// The file may go: it is archived, and to be settled then; or it has to go without.
    case ready(settle: Bool)
  }

  /// Archives a file that nobody writes any more, to its very end.
  func archiveAll(
    _ file: LogFile, allocated: ByteCount, _ around: Surroundings, buffer: CutBuffer, board: Board
  ) throws(LogRefusal) -> Whole {
    guard let archiving else { return .ready(settle: false) }
    if isBusy, !isBusy(with: file) { return .waiting }
    if self.file == nil, !archiving.isResting(now: board.now) {
      prepare(file, around, buffer: buffer, board: board)
      let all = try whole(file, buffer: buffer)
      if all.isEmpty { return .ready(settle: false) }
      if !archiving.isResting(now: board.now) { begin(all, of: file, around, buffer: buffer, board: board) }
    }
    guard isBusy(with: file) else {
      // In the way of the log itself it cannot stay.
      guard allocated.rawValue > record.rules.budget.rawValue / 8 * 7 else { return .failed }
      record.archive?.unarchived += ByteCount(UInt64(try whole(file, buffer: buffer).count))
      return .ready(settle: false)
    }
    switch archive(allocated: allocated, around, board: board) {
    case .more: return .more
    case .waiting: return .waiting
    case .ready:
      self.file = nil
      if try file.status().size <= ByteCount(archiving.end) { return .ready(settle: true) }
      // The archive ended early: what is in it goes, the rest is the next one's.
      _ = try file.cut(
        by: cutMethod(on: file.kind, writersAppend: true), keep: .zero, from: archiving.end, writersAppend: true,
        buffer: buffer)
      _ = archiving.settle(board, around.teller)
      return .more
    case nil:
      self.file = nil
      return .more
    }
  }

  private func whole(_ file: LogFile, buffer: CutBuffer) throws(LogRefusal) -> Range<UInt64> {
    let status = try file.status()
    return try file.firstByte(status, buffer: buffer)..<status.size.rawValue
  }

  func abandon() {
    archiving?.abandon()
    file = nil
  }

  /// From now on time is counted: in what the log grows by.
  func beginTime() { allocatedThen = record.allocated + record.moved }

  /// Where an archive's time is over: three eighths (64 KiB at least) above the budget, or above what there was when it
  /// was begun.
  func isFarOver(_ allocated: ByteCount) -> Bool { isOver(allocated, eighths: 3) }

  private func isOver(_ allocated: ByteCount, eighths: UInt64) -> Bool {
    let budget = record.rules.budget
    return allocated > max(budget, allocatedThen)
      + max(ByteCount(budget.rawValue / 8 * eighths), .kib(64 / 3 * eighths))
  }

  private func cutUnarchived(
    _ file: LogFile, by method: CutMethod, keep: ByteCount, writersAppend: Bool, buffer: CutBuffer
  ) throws(LogRefusal) -> CutReport {
    let head = try file.head(keep: keep, buffer: buffer)
    if head.isEmpty { throw .nothingToCut }
    let report = try file.cut(
      by: method, keep: .zero, from: head.upperBound, writersAppend: writersAppend, buffer: buffer)
    record.archive?.unarchived += ByteCount(UInt64(head.count))
    return report
  }
}

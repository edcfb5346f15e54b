// The archives of one log: which folder, whether one may be made now, and what is told of them. Cuts nothing.
import Actions
import Policy
import Report
import Samples

final class LogArchiving {
  private let rules: ArchiveRules
  private let record: LogRecord
  private let stem: Bytes
  private var folder: ArchiveFolder?
  private var job: Archiving?
  private var began = Instant(milliseconds: 0)
  private var wear = WearMeter()
  private var restUntil: Instant?
  private var rest = restMinimum
  private var told: ArchiveTrouble?
  private var failedAt = Instant(milliseconds: 0)
  /// How long the last archive took, from its beginning until it was on storage.
  private(set) var took = Milliseconds(50)

  /// After a trouble no archive is tried for so long, doubling.
  private static let restMinimum = Milliseconds.seconds(5), restMaximum = Milliseconds.seconds(60)

  /// nil when the log has none.
  init?(of record: LogRecord) {
    guard let rules = record.rules.archive else { return nil }
    self.rules = rules
    self.record = record
    stem = lastName(record.rules.path)
    record.archive = ArchiveRecord()
  }

  func inherit(_ old: LogArchiving) {
    wear = old.wear
    took = old.took
    if let former = old.record.archive { record.archive = former }
    if old.rules == rules {
      told = old.told
    } else {
      record.archive?.trouble = nil
    }
    old.abandon()
  }

  var isBusy: Bool { job != nil }
  func isResting(now: Instant) -> Bool { restUntil.map { now < $0 } ?? false }
  /// The end of what is being archived.
  var end: UInt64 { job?.end ?? 0 }

  /// Opens the folder and settles what a former memwarden left: one of the files may still have lines that are
  /// archived, and `remove` is to cut them out of it.
  func open(
    for files: [LogFile], _ board: Board, buffer: CutBuffer,
    remove: (_ file: LogFile, _ end: UInt64) throws(LogRefusal) -> Void
  ) throws(ArchiveTrouble) {
    guard folder == nil, let device = files.first?.opened.device else { return }
    let opened = try ArchiveFolder(
      rules.folder, of: stem, on: device, boot: LogArchiving.boot(board.bootID), buffer: buffer)
    for name in opened.pending {
      guard case .cut(let end, let crc) = name.state else { continue }
      do throws(LogRefusal) {
        for file in files where try file.holds(upTo: end, crc: crc, buffer: buffer) {
          try remove(file, end)
          break
        }
      } catch { throw .failed(.read, errno: 0) }
      try opened.settle(name)
    }
    folder = opened
    note()
  }

  /// Begins an archive of this part of the file; `open` came before.
  func begin(_ head: Range<UInt64>, of file: LogFile, _ board: Board, buffer: CutBuffer) throws(ArchiveTrouble) {
    guard let folder else { throw .folderMissing }
    let room = wear.room(rules.wear, now: board.now)
    guard room > .zero else { throw .wearCap }
    began = board.now
    job = try Archiving(
      head, of: file.descriptor, into: folder, press: rules.gzip ? buffer.press : nil, allowance: room,
      limit: record.rules.budget, buffer: buffer)
  }

  func step(_ board: Board) throws(ArchiveTrouble) -> Archiving.Step {
    guard let job else { return .ready }
    let before = job.stored
    defer {
      let written = ByteCount(job.stored) - ByteCount(before)
      wear.add(written, now: board.now)
      record.archive?.written += written
    }
    do throws(ArchiveTrouble) { return try job.step() } catch {
      self.job = nil
      throw error
    }
  }

  func hurry() { job?.hurry() }

  /// The lines are out of the log.
  func settle(_ board: Board, _ teller: Teller) -> ArchiveOutcome? {
    guard let job, let folder else { return nil }
    self.job = nil
    took = max(board.now - began, Milliseconds(5))
    let bytes = ByteCount(job.end - job.start)
    record.archive?.made += 1
    record.archive?.archived += bytes
    do throws(ArchiveTrouble) {
      try job.settle()
      try folder.prune(keep: rules.keep, budget: rules.budget)
      recover(teller, now: board.now)
    } catch {
      // Settled when the folder is opened next.
      self.folder = nil
      fail(error, teller, now: board.now)
    }
    note()
    return ArchiveOutcome(name: job.name, bytes: bytes, stored: ByteCount(job.stored), lines: job.lines)
  }

  func abandon() {
    job?.abandon()
    job = nil
  }

  /// Tells of the trouble, once, and leaves it at that for a while.
  func fail(_ trouble: ArchiveTrouble, _ teller: Teller, now: Instant) {
    abandon()
    failedAt = now
    if trouble != .tooSlow {
      restUntil = now + rest
      rest = min(Milliseconds(rest.rawValue * 2), Self.restMaximum)
      folder = nil
    }
    record.archive?.trouble = trouble.advice
    guard told != trouble else { return }
    told = trouble
    teller.tell(.log, record.rules.path, .archiveFailed(trouble.advice, errno: trouble.errno))
  }

  /// What went wrong and was well again a moment later may go wrong again: it is not told of each time.
  private func recover(_ teller: Teller, now: Instant) {
    restUntil = nil
    rest = Self.restMinimum
    guard told != nil, now - failedAt >= Self.restMaximum, let archive = record.archive else { return }
    told = nil
    record.archive?.trouble = nil
    teller.tell(.log, record.rules.path, .archiveRecovered(unarchived: archive.unarchived))
  }

  private func note() {
    record.archive?.writtenToday = wear.written
    guard let folder else { return }
    record.archive?.files = folder.archives.count
    record.archive?.size = folder.size
  }

  /// The first half of `5f0c1e22-a9b3-d471-…`.
  private static func boot(_ id: Bytes) -> UInt64 {
    var number: UInt64 = 0, digits = 0
    for byte in id where digits < 16 && byte != UInt8(ascii: "-") {
      number = number << 4 | UInt64(byte > 57 ? byte - 87 : byte - 48)
      digits += 1
    }
    return number
  }
}

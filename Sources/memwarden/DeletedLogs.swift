// Watched logs that were deleted while a process holds them open: they are kept within the log's budget through that
// process's descriptor, without a restart. Every other deleted file is only reported.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class DeletedLogs {
  private var all = [DeletedLog]()
  /// When `look` must be called; nil: at the next tick.
  var nextLook: Instant? {
    var next: Instant?
    for log in all { if let due = log.nextLook { next = min(next ?? due, due) } }
    return next
  }
  /// Its holder closed one: somebody else may hold it too.
  var wantsSearch = false

  /// Takes up what a search found.
  func adopt(_ fileSystems: [RAMFileSystem], _ around: Surroundings, board: Board) {
    for i in board.held.deleted.list.indices {
      let held = board.held.deleted.list[i]
      guard held.writes, let record = board.logs.first(where: { isFormerly($0, held, around.reader) }) else { continue }
      board.held.deleted.list[i].isLog = true
      let kind = fileSystems.first { $0.mount.device == held.status.device }?.mount.kind ?? .other
      let appends = held.appends && board.held.unreadable == 0
      if let known = all.first(where: { $0.isSame(held) }), known.record === record {
        known.follow(held, appends: appends)
      } else {
        all.removeAll { $0.isSame(held) }
        all.append(DeletedLog(held, of: record, on: kind, appends: appends))
      }
    }
  }

  func tick(_ around: Surroundings, buffer: CutBuffer, board: Board) {
    for log in all where log.nextLook == nil { log.look(around, buffer: buffer, board: board) }
    look(around, buffer: buffer, board: board)
  }

  func look(_ around: Surroundings, buffer: CutBuffer, board: Board) {
    for log in all {
      if let due = log.nextLook, board.now >= due { log.look(around, buffer: buffer, board: board) }
    }
    let count = all.count
    all.removeAll { log in log.isGone || !board.logs.contains { $0 === log.record } }
    if all.count < count { wantsSearch = true }
  }

  /// The name that the log has, in the folder that the log is in, whatever links lead there; and on that filesystem, for
  /// in a mount namespace of its own anybody may have a folder of that name.
  private func isFormerly(_ log: LogRecord, _ held: HeldFileRecord, _ reader: KernelReader) -> Bool {
    let path = log.rules.path
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")), let other = held.path.lastIndex(of: UInt8(ascii: "/")),
      path[slash...] == held.path[other...],
      let folder = try? reader.folderStatus(Bytes(path[...slash])),
      let former = try? reader.folderStatus(Bytes(held.path[...other]))
    else { return false }
    return folder.inode == former.inode && folder.device == former.device && folder.device == held.status.device
  }
}

/// One of them. Not held open between looks: its memory must not outlive its writer.
final class DeletedLog {
  let record: LogRecord
  private let status: FileStatus
  private let kind: Mount.Kind
  private var pid: Int32, descriptor: Int32, appends: Bool
  private var watch: LogWatch
  private(set) var isGone = false
  private(set) var nextLook: Instant?
  private var toldAt: Instant?, toldRefusal: LogRefusal?

  /// A log that is cut many times a second is told of this often.
  private static let tellingGap = Milliseconds.seconds(10)

  init(_ held: HeldFileRecord, of record: LogRecord, on kind: Mount.Kind, appends: Bool) {
    self.record = record
    self.kind = kind
    self.appends = appends
    (status, pid, descriptor) = (held.status, held.pid, held.descriptor)
    watch = LogWatch(record.rules)
  }

  func isSame(_ held: HeldFileRecord) -> Bool {
    held.status.inode == status.inode && held.status.device == status.device
  }

  /// Its holders were looked for again.
  func follow(_ held: HeldFileRecord, appends: Bool) {
    (pid, descriptor, self.appends) = (held.pid, held.descriptor, appends)
  }

  func look(_ around: Surroundings, buffer: CutBuffer, board: Board) {
    nextLook = nil
    guard let now = try? around.reader.fileStatus(pid, descriptor: descriptor), now.inode == status.inode,
      now.device == status.device, now.links == 0
    else {
      isGone = true
      return
    }
    if case .cut(let keep) = watch.look(now, now: board.now) { cut(now, keep: keep, around, buffer, board) }
    if case .at(let instant) = watch.nextLook { nextLook = instant }
  }

  private func cut(
    _ seen: FileStatus, keep: ByteCount, _ around: Surroundings, _ buffer: CutBuffer, _ board: Board
  ) {
    let method = record.rules.method == .truncate ? .truncate : cutMethod(on: kind, writersAppend: appends)
    if record.rules.observe {
      return tell(.logWouldCut(method, allocated: seen.allocated, budget: record.rules.budget), around, board.now)
    }
    do throws(LogRefusal) {
      let file = try DeletedFile(pid: pid, descriptor: descriptor, expected: status)
      let report = try file.cut(by: method, keep: keep, writersAppend: appends, buffer: buffer)
      watch.cutDone(report.fileAfter, now: board.now)
      let outcome = CutOutcome(report, writer: pid)
      record.cuts += 1
      record.freed += outcome.before - outcome.after
      record.lost += outcome.lost ?? .zero
      record.lastCut = outcome
      tell(.deletedLogCut(outcome, descriptor: descriptor), around, board.now)
    } catch {
      watch.cutFailed(now: board.now)
      if toldRefusal == error { return }
      toldRefusal = error
      var errno: Int32 = 0
      if case .failed(_, let code) = error { errno = code }
      around.teller.tell(.log, record.rules.path, .logRefused(error.advice, errno: errno))
    }
  }

  private func tell(_ what: Happening, _ around: Surroundings, _ now: Instant) {
    if let toldAt, now - toldAt < Self.tellingGap { return }
    toldAt = now
    around.teller.tell(.log, record.rules.path, what)
  }
}

// Where events go: into the journal's ring, to the JSON-lines file, and as plain lines to standard output.
import CLinux
import Report
import Samples

final class Teller {
  let board: Board
  private var file: JournalFile?
  private let printsLines: Bool
  private var line = Bytes()
  /// Processes that come and go are told at most this often; the journal must outlast a busy fork server.
  private var credit = 20
  private var creditAt = Instant(milliseconds: 0)

  init(board: Board, printsLines: Bool) {
    self.board = board
    self.printsLines = printsLines
  }

  /// Where events are written from now on; nil: nowhere.
  func write(to file: JournalFile?) { self.file = file }

  @discardableResult
  func tell(_ subject: Event.Subject, _ name: Bytes, _ what: Happening) -> Event {
    let event = board.journal.add(
      Event(
        at: board.now, wall: board.wall, isSynchronised: board.isSynchronised, subject: subject, name: name, what: what)
    )
    if let file {
      var json = JSONWriter()
      event.write(to: &json)
      json.text.append(0x0A)
      board.own.bytesWritten += file.append(json.text)
      board.own.droppedFromFile = file.dropped
    }
    if printsLines {
      line.removeAll(keepingCapacity: true)
      event.writeLine(to: &line)
      // A reader that hangs must not hang the guard: the line is lost then, the journal has it.
      let written = line.withUnsafeBytes { cl_write_if_ready(1, $0.baseAddress, Swift.min($0.count, 4096)) }
      if written < 0 { board.own.droppedFromOutput += 1 }
    }
    return event
  }
  func tell(_ what: Happening) { tell(.agent, [], what) }

  /// For comings and goings, and for files that anybody may have made: 20 at once, then one per 6 s.
  func tellIfQuiet(_ name: Bytes, _ what: Happening, of subject: Event.Subject = .worker) {
    let earned = (board.now - creditAt).rawValue / 6000
    if earned > 0 {
      credit = Swift.min(20, credit + Int(earned))
      creditAt = board.now
    }
    guard credit > 0 else { return }
    credit -= 1
    tell(subject, name, what)
  }
}

/// The JSON-lines file and its older half `PATH.1`, which together stay within the budget. Nothing is written while
/// nothing happens.
final class JournalFile {
  private let path: Bytes
  private let half: UInt64
  private var descriptor: Int32
  private var size: UInt64
  /// Lines that could not be written.
  private(set) var dropped: UInt64 = 0

  /// Opens for appending; created with mode 0640. Nil and the errno when it cannot be opened.
  init?(_ settings: JournalSettings, errno: inout Int32) {
    guard let path = settings.file else { return nil }
    self.path = path
    half = settings.budget.rawValue / 2
    descriptor = path.withCString { cl_open_append($0) }
    size = 0
    if descriptor < 0 {
      errno = -descriptor
      return nil
    }
    size = UInt64(Swift.max(0, cl_file_size(descriptor)))
    shrink()
    // A power cut may have left half a line: end it, so that the next one begins on its own.
    if size > 0, lastByte != 0x0A { size += UInt64(clamping: cl_write_all(descriptor, "\n", 1)) }
  }
  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// Appends one line. The bytes written.
  func append(_ line: Bytes) -> UInt64 {
    if size + UInt64(line.count) > half { turnOver() }
    guard descriptor >= 0, size + UInt64(line.count) <= half else {
      dropped += 1
      return 0
    }
    let written = line.withUnsafeBytes { cl_write_all(descriptor, $0.baseAddress, $0.count) }
    if written < 0 {
      // A full filesystem took half of the line.
      _ = ftruncate(descriptor, off_t(size))
      dropped += 1
      return 0
    }
    size += UInt64(written)
    return UInt64(written)
  }

  private var older: Bytes { path + Bytes(".1") }

  /// What was kept under a larger budget goes.
  private func shrink() {
    let kept = older.withCString { cl_open_read($0) }
    let isLarge = kept >= 0 && cl_file_size(kept) > Int64(half)
    if kept >= 0 { _ = close(kept) }
    if isLarge { _ = older.withCString { unlink($0) } }
    if size > half, ftruncate(descriptor, 0) == 0 { size = 0 }
  }

  private var lastByte: UInt8 {
    var byte: UInt8 = 0
    let reading = path.withCString { cl_open_read($0) }
    guard reading >= 0 else { return byte }
    _ = pread(reading, &byte, 1, off_t(size - 1))
    _ = close(reading)
    return byte
  }

  private func turnOver() {
    if descriptor >= 0 { _ = close(descriptor) }
    _ = path.withCString { from in older.withCString { cl_rename(from, $0) } }
    descriptor = path.withCString { cl_open_append($0) }
    size = descriptor < 0 ? 0 : UInt64(Swift.max(0, cl_file_size(descriptor)))
  }
}

// The stdout and stderr of a worker that memwarden runs: a pipe, read promptly and a bounded piece at a time, into a
// ring and, if wished, into a file within a budget. One pipe for all lives of the worker. See docs/decisions/0044.
import Actions
import CLinux
import Kernel
import Report
import Samples

struct OutputSettings: Equatable {
  enum Destination: Equatable {
    case inherit, ring, null
    case file(Bytes)
  }
  var destination = Destination.inherit
  /// What is kept in memory.
  var ring = ByteCount.kib(16)
  /// What the file may take.
  var budget = ByteCount.kib(256)
}

final class WorkerOutput {
  let settings: OutputSettings
  let record: OutputRecord
  /// For the child; also a reader of its own pipe, and held by memwarden: the pipe never ends.
  let writeEnd: Int32
  /// What the loop's epoll gives back.
  let tag: UInt32
  /// By which the next memwarden finds it among the descriptors of those who write to it.
  let pipe: FileStatus
  private let readEnd: Int32
  private let file: OutputFile?
  /// What the ring had received when the process was started.
  private var linesAtStart: UInt64 = 0
  private var seen: UInt64 = 0, seenAt: Instant
  private var floods = false, toldAt = Instant(milliseconds: -60_000)

  /// At most so much is read in one turn of the loop: some tens of microseconds.
  private static let turnMaximum = 64 * 1024
  /// A flood begins above, and is over below, so many bytes per second; told at most once a minute.
  private static let flood: UInt64 = 256 * 1024, calm: UInt64 = 64 * 1024

  /// Nil when there is nothing to read by these settings, or no pipe: then it is said, and the output inherited.
  /// `saved`: a pipe that an earlier memwarden read; nil when nobody has it open any more.
  init?(
    _ settings: OutputSettings, of name: Bytes, _ around: Surroundings, goingOn saved: SavedPipe? = nil, now: Instant
  ) {
    var path: Bytes?
    switch settings.destination {
    case .inherit, .null: return nil
    case .ring: break
    case .file(let file): path = file
    }
    var ends: (Int32, Int32) = (-1, -1)
    var result: Int32
    if let saved {
      result = reopen(saved, around.reader, &ends)
      if result < 0 { return nil }
    } else {
      result = pipe_for_output(&ends.0, &ends.1)
    }
    if result < 0 {
      complain("worker \(name): no pipe for its output, errno \(-result); it goes where memwarden's goes")
      return nil
    }
    guard let status = try? around.reader.fileStatus(getpid(), descriptor: ends.0) else {
      _ = close(ends.0)
      _ = close(ends.1)
      return nil
    }
    self.settings = settings
    pipe = status
    (readEnd, writeEnd) = ends
    // No two descriptors are the same.
    tag = Agent.outputTags + UInt32(readEnd)
    record = OutputRecord(capacity: Int(clamping: settings.ring.rawValue), file: path)
    file = path.flatMap { OutputFile($0, budget: settings.budget, of: name) }
    seenAt = now
    _ = cl_epoll_add(around.epoll, readEnd, tag)
  }
  deinit {
    _ = close(readEnd)
    _ = close(writeEnd)
  }

  /// Reads what is there, up to a bound; the loop comes again for the rest.
  func take() {
    var taken = 0
    while taken < WorkerOutput.turnMaximum {
      var room = 0
      let n = record.ring.receive { free in
        room = free.count
        let n = Int(pipe_read(readEnd, free.baseAddress, free.count))
        if n > 0, let file { record.missedByFile += file.append(UnsafeRawBufferPointer(rebasing: free[..<n])) }
        return n
      }
      if n < room { return }
      taken += n
    }
  }

  func childStarted() { linesAtStart = record.ring.linesReceived }

  /// Up to ten lines, 1 KiB, that the process that just ended said last.
  func lastWords() -> Bytes {
    take()
    var text = Bytes()
    record.ring.write(last: Int(min(10, record.ring.linesReceived - linesAtStart)), to: &text)
    guard text.count > 1024 else { return text }
    let tail = text.suffix(1024)
    // From the next line on; a single long line keeps its end.
    guard let cut = tail.firstIndex(of: 0x0A), cut + 1 < text.count else { return Bytes(tail) }
    return Bytes(text[(cut + 1)...])
  }

  /// Measures the rate, at least a second apart. The rate, when a flood begins.
  func judge(now: Instant) -> UInt64? {
    let span = (now - seenAt).rawValue
    guard span >= 1000 else { return nil }
    let received = record.ring.received
    let rate = (received - seen) * 1000 / UInt64(span)
    (record.bytesPerSecond, seen, seenAt) = (rate, received, now)
    if rate < WorkerOutput.calm { floods = false }
    guard rate > WorkerOutput.flood, !floods, now - toldAt >= .seconds(60) else { return nil }
    floods = true
    toldAt = now
    return rate
  }
}

/// `PATH` and its older half `PATH.1`, in pieces of whole lines.
private final class OutputFile {
  private let file: JournalFile
  private var piece = Bytes()
  private static let pieceMaximum = 4096

  init?(_ path: Bytes, budget: ByteCount, of name: Bytes) {
    var errno: Int32 = 0
    guard let file = JournalFile(JournalSettings(file: path, budget: budget), errno: &errno) else {
      complain("worker \(name): \(path) cannot be opened, errno \(errno); its output is kept in memory only")
      return nil
    }
    self.file = file
    piece.reserveCapacity(OutputFile.pieceMaximum)
  }

  /// Bytes that could not be written.
  func append(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var rest = bytes[...]
    var missed: UInt64 = 0
    while !rest.isEmpty {
      let n = min(rest.count, OutputFile.pieceMaximum - piece.count)
      piece.append(contentsOf: rest.prefix(n))
      rest = rest.dropFirst(n)
      // A longer line goes in pieces.
      let whole = piece.lastIndex(of: 0x0A).map { $0 + 1 } ?? (piece.count == OutputFile.pieceMaximum ? piece.count : 0)
      guard whole > 0 else { continue }
      if file.append(Bytes(piece[..<whole])) == 0 { missed += UInt64(whole) }
      piece.removeFirst(whole)
    }
    return missed
  }
}

extension WatchedWorker {
  /// Starts the child with its output where it belongs; saved before and after. 0 or -errno.
  func spawn(_ argv: [Bytes], _ around: Surroundings, now: Instant) -> Int32 {
    if output?.settings != settings.output {
      output = WorkerOutput(settings.output, of: record.name, around, now: now)
      record.output = output?.record
    }
    output?.childStarted()
    let target: ChildOutput =
      if let output { .descriptor(output.writeEnd) } else if settings.output.destination == .null { .null } else {
        .inherited
      }
    childStartedAt = now
    let start = around.store.announceStart(for: self, around)
    let pid = around.calls.spawn(argv, true, output: target, record: start)
    starting = 0
    if pid > 0 {
      process = ChildProcess(pid: pid, startTicks: around.startTime(pid) ?? 0, endsWithUs: start.descriptor < 0)
    }
    around.store.save(around)
    return min(pid, 0)
  }

  /// Reads on what a child says that an earlier memwarden started. Whatever the settings are now: what nobody reads
  /// would fill up, and stop it.
  func readOn(_ saved: SavedPipe, _ around: Surroundings, now: Instant) {
    output = WorkerOutput(adopting: saved, settings.output, of: record.name, around, now: now)
    record.output = output?.record
  }
}

extension WorkerOutput {
  convenience init?(
    adopting saved: SavedPipe, _ wanted: OutputSettings, of name: Bytes, _ around: Surroundings, now: Instant
  ) {
    guard saved.inode != 0 else { return nil }
    var settings = wanted
    switch wanted.destination {
    case .inherit, .null: settings.destination = .ring
    case .ring, .file: break
    }
    self.init(settings, of: name, around, goingOn: saved, now: now)
  }
}

/// The ends of a pipe that somebody else has open. 0 or -errno.
private func reopen(_ saved: SavedPipe, _ reader: KernelReader, _ ends: inout (Int32, Int32)) -> Int32 {
  let wanted = FileStatus(
    device: saved.device, inode: saved.inode, links: 1, mode: 0, uid: 0, size: .zero, allocated: .zero)
  for holder in reader.holders(of: wanted).holders
  where child_open_pipe(holder.identity.pid, holder.descriptor, &ends.0, &ends.1) == 0 {
    // Its descriptor may be another file by now.
    if let status = try? reader.fileStatus(getpid(), descriptor: ends.0), status.device == saved.device,
      status.inode == saved.inode
    {
      return 0
    }
    _ = close(ends.0)
    _ = close(ends.1)
  }
  return -ENOENT
}

extension Agent {
  /// Tags of outputs begin here: above those of the loop itself.
  static let outputTags: UInt32 = 0x1_0000

  func takeOutput(_ tag: UInt32) {
    for worker in workers { if let output = worker.output, output.tag == tag { return output.take() } }
    for departure in store.departures { if let output = departure.output, output.tag == tag { return output.take() } }
  }

  func judgeOutput(of worker: WatchedWorker) {
    guard let rate = worker.output?.judge(now: board.now) else { return }
    teller.tell(.worker, worker.record.name, .outputFloods(bytesPerSecond: rate))
  }
}

func readOutput(_ settings: SettingReader, runs: Bool) -> OutputSettings {
  var output = OutputSettings()
  settings.read("output", &output.destination, "inherit, ring, null or a path that begins with /") { text in
    if equal(text, "inherit") { return .inherit }
    if equal(text, "ring") { return .ring }
    if equal(text, "null") { return .null }
    return parsePath(4093)(text).map { .file($0) }
  }
  settings.read("output_ring", &output.ring, "a size from 4K to 16M", parseSize(.kib(4)...(.mib(16))))
  settings.read("output_budget", &output.budget, "a size from 16K to 1G", parseSize(.kib(16)...(.mib(1024))))
  for key: StaticString in ["output", "output_ring", "output_budget"] where !runs {
    if let setting = settings.setting(key) {
      settings.report(setting, Bytes("expected with run only: the output of other processes is not memwarden's"))
    }
  }
  return output
}

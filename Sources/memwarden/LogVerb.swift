// `memwarden log DIR`: two processes. This one takes lines from standard input and keeps the writer waiting only while
// the other one keeps its pace (WriterPace); otherwise it drops whole lines, oldest first, and tells how many. The other
// (LogWriting.swift) writes to the folder and may hang in a slow or full filesystem as long as it likes.
import Actions
import CLinux
import Policy
import Report
import Samples

struct LogOptions {
  enum Stamp { case none, iso, boot }
  var limits = PipeLogLimits()
  var buffer = ByteCount.kib(64)
  var stamp = Stamp.none

  /// False for an option that is not known or a value that is not one; `check` says what is wrong with values that do
  /// not go together.
  mutating func take(_ option: Bytes, _ value: Bytes) -> Bool {
    func set<T>(_ place: inout T, _ new: T?) -> Bool {
      if let new { place = new }
      return new != nil
    }
    if equal(option, "--size") { return set(&limits.size, parseSize(.kib(16)...(.mib(1024)))(value)) }
    if equal(option, "--keep") { return set(&limits.keep, parseNumber(1...1000)(value)) }
    if equal(option, "--budget") { return set(&limits.budget, parseSize(.kib(32)...ByteCount(1 << 40))(value)) }
    if equal(option, "--buffer") { return set(&buffer, parseSize(.kib(32)...(.mib(16)))(value)) }
    guard equal(option, "--timestamp") else { return false }
    let named: Stamp? =
      equal(value, "none") ? Stamp.none : equal(value, "iso") ? .iso : equal(value, "boot") ? .boot : nil
    return set(&stamp, named)
  }
  var objection: Sentence? {
    if limits.budget.rawValue / 2 >= limits.size.rawValue { return nil }
    return "log: --budget \(limits.budget) must be at least twice --size \(limits.size)"
  }
}

func pipeLog(_ options: Options) -> Int32 {
  if let objection = options.log.objection {
    complain(objection)
    return Exit.usage
  }
  var readEnd: Int32 = -1, writeEnd: Int32 = -1
  let signals = cl_signal_fd()
  guard let stuck = pipe_shared_word(), signals >= 0, pipe_to_child(&readEnd, &writeEnd) == 0 else {
    complain("log: the kernel gives no pipe, signalfd or memory")
    return Exit.system
  }
  let writer = pipe_fork()
  if writer == 0 {
    _ = close(writeEnd)
    _ = close(signals)
    exit(writeLog(options, from: readEnd, stuck: stuck))
  }
  _ = close(readEnd)
  guard writer > 0 else {
    complain("log: fork failed, errno \(-writer)")
    return Exit.system
  }
  return LogReading(options.log, writer: writer, to: writeEnd, signals: signals, stuck: stuck).run()
}

private final class LogReading {
  private let options: LogOptions
  private let writer: Int32, signals: Int32
  /// The pipe to the writer; -1 once it is closed.
  private var output: Int32
  private let queue: LineQueue
  private var pace: WriterPace
  /// Not 0 while the writer says that the folder takes nothing.
  private let stuck: UnsafeMutablePointer<Int32>
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * 1024, alignment: 4096)
  /// What goes to the writer next: chunk[sent..<filled]. Can no longer be dropped.
  private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 4096)
  private var sent = 0, filled = 0
  private var inputEnded = false, writerEnded = false
  /// When SIGTERM or SIGINT came.
  private var askedAt: Int64?
  private var stamp = Bytes()

  /// How long what is left may take after the end of the input: to the writer, and from there to the folder.
  private static let patience: Int64 = 5000, writersPatience: Int64 = 10_000

  /// Less room than this is none. The longest stamp that `writeStamp` writes.
  private static let least = 512, stampLength = 27
  /// While the writer is kept waiting it is looked at `stuck` this often.
  private static let look: Int32 = 50

  init(
    _ options: LogOptions, writer: Int32, to output: Int32, signals: Int32, stuck: UnsafeMutablePointer<Int32>
  ) {
    self.options = options
    self.writer = writer
    self.output = output
    self.signals = signals
    self.stuck = stuck
    queue = LineQueue(capacity: Int(clamping: options.buffer.rawValue))
    pace = WriterPace(capacity: options.buffer.rawValue)
  }
  deinit {
    input.deallocate()
    chunk.deallocate()
  }

  func run() -> Int32 {
    while !inputEnded, !writerEnded {
      turn(-1)
      // Asked to end: what the pipe holds by now still counts, within a second.
      if let askedAt, !hasInput || cl_boottime_ms() - askedAt > 1000 { inputEnded = true }
    }
    queue.finish()
    let until = cl_boottime_ms() + LogReading.patience
    while hasOutput, !writerEnded, cl_boottime_ms() < until { turn(Int32(clamping: until - cl_boottime_ms())) }
    let lost = lostLines
    _ = close(output)
    output = -1
    if lost > 0 { complain("log: \(Int(clamping: lost), "line") were not written") }
    let status = awaitWriter()
    return status == Exit.done && lost > 0 ? Exit.system : status
  }

  private var hasOutput: Bool { sent < filled || !queue.isEmpty }
  private var lostLines: UInt64 {
    chunk[sent..<filled].reduce(queue.droppedLines + queue.lines) { $0 + ($1 == 0x0A ? 1 : 0) }
  }

  /// Waits until something can go on, and does that.
  private func turn(_ milliseconds: Int32) {
    let waits = !inputEnded && mustWait
    var ready = (
      pollfd(fd: inputEnded || waits ? -1 : 0, events: Int16(POLLIN), revents: 0),
      pollfd(fd: output, events: hasOutput ? Int16(POLLOUT) : 0, revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    )
    let n = withUnsafeMutablePointer(to: &ready) {
      poll(UnsafeMutableRawPointer($0).assumingMemoryBound(to: pollfd.self), 3, waits ? LogReading.look : milliseconds)
    }
    guard n > 0 else { return }
    if ready.2.revents != 0 { takeSignals() }
    if ready.0.revents != 0, !inputEnded { takeInput() }
    if ready.1.revents & Int16(POLLERR) != 0 { writerEnded = true }
    if !writerEnded { send() }
  }

  /// So little room that the next bytes would push lines out, which is not justified yet.
  private var mustWait: Bool {
    guard room < LogReading.least else { return false }
    pace.isFull(now: Instant(milliseconds: cl_boottime_ms()))
    return !pace.isSlow && stuck.pointee == 0
  }
  private var room: Int { queue.room(stamp: options.stamp == .none ? 0 : LogReading.stampLength) }

  private func takeInput() {
    let room = room
    // Without room lines are dropped: `mustWait` allowed it.
    let n = pipe_read(0, input.baseAddress, room < LogReading.least ? input.count : min(room, input.count))
    // A terminal that hung up answers EIO: the end as well.
    guard n > 0 else {
      if n != Int64(-EAGAIN) { inputEnded = true }
      return
    }
    writeStamp()
    queue.append(UnsafeRawBufferPointer(rebasing: input[..<Int(n)]), stamp: stamp)
  }

  private func send() {
    while true {
      if sent == filled { (sent, filled) = (0, queue.take(into: chunk)) }
      if filled == 0 { return }
      let n = pipe_write(output, chunk.baseAddress.map { $0 + sent }, filled - sent)
      if n == Int64(-EPIPE) { writerEnded = true }
      guard n > 0 else { return }
      sent += Int(n)
      pace.took(UInt64(n))
    }
  }

  private func writeStamp() {
    stamp.removeAll(keepingCapacity: true)
    switch options.stamp {
    case .none: break
    case .iso:
      stamp.writeTimestamp(cl_wall_ms())
      stamp.write(cl_wall_synchronised() ? " " : "? ")
    case .boot:
      let now = cl_boottime_ms()
      stamp.write(now / 1000)
      stamp.write(".")
      stamp.write(padded: now % 1000, 3)
      stamp.write(" ")
    }
  }

  private func takeSignals() {
    while true {
      switch cl_next_signal(signals) {
      case 0: return
      case SIGHUP: _ = cl_kill(writer, SIGHUP)
      case SIGTERM, SIGINT: askedAt = askedAt ?? cl_boottime_ms()
      case SIGCHLD:
        var code: Int32 = 0, signal: Int32 = 0
        if cl_child_ended(writer, &code, &signal) == 1 { writerEnded = true }
      default: break
      }
    }
  }

  private var hasInput: Bool {
    var ready = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    return poll(&ready, 1, 0) > 0
  }

  /// The writer's exit code, once it has written what it can.
  private func awaitWriter() -> Int32 {
    var code: Int32 = 0, signal: Int32 = 0
    let until = cl_boottime_ms() + LogReading.writersPatience
    while cl_child_ended(writer, &code, &signal) == 0 {
      if cl_boottime_ms() >= until {
        complain("log: the filesystem of the folder hangs; the last lines may be lost")
        return Exit.system
      }
      cl_wait_for_child(50)
    }
    _ = cl_reap(writer)
    if signal != 0 { complain("log: the writing process ended by signal \(signal)") }
    return signal == 0 ? code : Exit.system
  }
}

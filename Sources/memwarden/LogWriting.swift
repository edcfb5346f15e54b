// The writing half of `memwarden log`: from the pipe to the folder, in a process of its own. Waits where it must; a full
// filesystem is tried again until it takes the lines. Ends when the pipe does, however the reading half ended.
import Actions
import CLinux
import Report
import Samples

/// The exit code.
func writeLog(_ options: Options, from input: Int32, stuck: UnsafeMutablePointer<Int32>) -> Int32 {
  // The writer of the log is to learn it when the reading half is gone: nobody else may hold its pipe open.
  _ = pipe_drop_input()
  guard var path = options.argument else { return Exit.usage }
  // With a slash at its end a link would be followed.
  while path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
  let folder = path.withCString { folder_open($0) }
  if folder < 0 { return refuse(path, folder) }
  let lock = Bytes("lock").withCString { folder_open_file(folder, $0) }
  if lock < 0 { return refuse(path + Bytes("/lock"), lock) }
  guard takeLock(lock) else {
    complain("log: \(path) is in use by another memwarden log; one folder, one logger")
    return Exit.system
  }
  let log = PipeLog(options.log.limits, calls: .live(folder: folder, lock: lock))
  let result = log.open()
  if result < 0 { return refuse(path, result) }
  return LogWriting(log, path: path, input: input, stuck: stuck).run()
}

/// A logger that was just killed may still be writing what its pipe held.
private func takeLock(_ lock: Int32) -> Bool {
  for _ in 0..<30 {
    if folder_lock(lock) == 0 { return true }
    _ = poll(nil, 0, 100)
  }
  return false
}

private func refuse(_ path: Bytes, _ result: Int32) -> Int32 {
  switch result {
  case -EPERM:
    complain(
      "log: \(path) is refused: expected it to be root's or one's own, a folder closed to others' writing (or sticky), a file with one name"
    )
  case -ELOOP, -ENOTDIR: complain("log: \(path) is refused: a link, or no folder; name the folder itself")
  case -ENOENT: complain("log: \(path): its parent folder is missing")
  default: complain("log: \(path): errno \(-result)")
  }
  return Exit.system
}

private final class LogWriting {
  private let log: PipeLog
  private let path: Bytes
  private let input: Int32
  /// For the reading half: not 0 while the folder takes nothing.
  private let stuck: UnsafeMutablePointer<Int32>
  private let signals = cl_signal_fd()
  private var inputEnded = false
  /// The errno that stopped the writing, 0 when it goes on; when it was last said.
  private var trouble: Int32 = 0, saidAt: Int64 = -60_000

  /// Between two tries at a filesystem that takes nothing; how long after the end of the input; between two complaints.
  private static let pause: Int32 = 200, patience: Int64 = 5000, silence: Int64 = 60_000

  init(_ log: PipeLog, path: Bytes, input: Int32, stuck: UnsafeMutablePointer<Int32>) {
    self.log = log
    self.path = path
    self.input = input
    self.stuck = stuck
  }

  func run() -> Int32 {
    while !inputEnded { turn() }
    log.finish()
    let until = cl_boottime_ms() + LogWriting.patience
    while true {
      note(log.write())
      if trouble == 0 { return Exit.done }
      if cl_boottime_ms() >= until { break }
      _ = poll(nil, 0, LogWriting.pause)
    }
    complain("log: \(path): \(log.unwritten, "line") could not be written before the end, errno \(trouble)")
    return Exit.system
  }

  private func turn() {
    var ready = (
      pollfd(fd: log.hasRoom ? input : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    )
    let n = withUnsafeMutablePointer(to: &ready) {
      poll(
        UnsafeMutableRawPointer($0).assumingMemoryBound(to: pollfd.self), 2, trouble == 0 ? -1 : LogWriting.pause)
    }
    if n > 0, ready.1.revents != 0 { takeSignals() }
    if n > 0, ready.0.revents != 0 {
      let n = log.receive { Int(pipe_read(input, $0.baseAddress, $0.count)) }
      if n <= 0 { inputEnded = true }
    }
    note(log.write())
  }

  private func takeSignals() {
    while true {
      switch cl_next_signal(signals) {
      case 0: return
      // The others are meant for the reading half, which closes the pipe.
      case SIGHUP: log.rotateSoon()
      default: break
      }
    }
  }

  private func note(_ progress: PipeLog.Progress) {
    guard case .stuck(let result) = progress else {
      trouble = 0
      stuck.pointee = 0
      return
    }
    let now = cl_boottime_ms()
    if trouble == 0, now - saidAt >= LogWriting.silence {
      saidAt = now
      complain("log: \(path) cannot be written, errno \(-result); lines are kept as long as the buffer lasts")
    }
    trouble = -result
    stuck.pointee = 1
  }
}

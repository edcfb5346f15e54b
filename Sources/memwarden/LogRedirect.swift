// One redirected log: where its lines go, who writes them, and the ring that keeps the newest. Redirects does the acts.
import Actions
import CLinux
import Policy
import Report
import Samples

final class LogRedirect {
  let path: Bytes
  let target: RedirectTarget
  /// What its writers have open in the file's place, by name and by device and inode.
  let place: Bytes
  var placeStatus: FileStatus
  /// With the flags they had of the log. Until the redirect is done, those that it is for.
  var writers: [LogWriter]
  let ring: LineRing
  /// Found in the state file, and not told yet.
  var isRestored = false
  /// Says, too, whether the processes are on their way there, there, or on their way back.
  let record: RedirectRecord
  /// Both ends of the FIFO, or -1. Owned here.
  let pipe: Int32
  private let forwarder: SyslogForwarder?
  /// Until an attempt to redirect a process that came later is made again.
  var retryAt = Instant(milliseconds: 0)

  // On the way there or back.

  /// The processes that are still to be moved, and how many were.
  var waiting = [LogWriter](), moved = 0
  /// Something may have been changed in one that was not moved.
  var isTouched = false
  /// The log's file, of which the descriptors are that are moved there.
  var source: FileStatus?
  /// When it is gone on with; nil: there is nothing to do.
  var nextStep: Instant?
  /// Who does not stop is waited for until then.
  var patience = Instant(milliseconds: 0)
  /// Why not all came back in this try; how many tries there were; that it did not succeed was told.
  var failure: RedirectFailure?
  var tries = 0, isStuck = false
  /// Of the ring, what the file has got back.
  var restPosition: UInt64?

  /// Takes over `pipe`.
  init(
    _ path: Bytes, to target: RedirectTarget, place: Bytes, status: FileStatus, pipe: Int32, ring: ByteCount,
    writers: [LogWriter], now: Instant
  ) {
    self.path = path
    self.target = target
    self.place = place
    placeStatus = status
    self.pipe = pipe
    self.writers = writers
    self.ring = LineRing(capacity: Int(clamping: ring.rawValue))
    record = RedirectRecord(target: target, since: now)
    record.writers = writers.count
    forwarder = target == .syslog ? SyslogForwarder(name: path) : nil
  }
  deinit { if pipe >= 0 { _ = close(pipe) } }

  /// Takes what the pipe holds, 512 KiB at most: the loop has other things to do, and comes back.
  func drain(now: Instant) {
    // What the file holds comes first.
    guard pipe >= 0, record.phase != .redirecting else { return }
    var left = 512 << 10
    let lines = ring.linesReceived
    while left > 0 {
      let n = ring.receive { free in
        let n = Int(cl_read(pipe, free.baseAddress, free.count))
        if n > 0 { forwarder?.take(UnsafeRawBufferPointer(free).prefix(n), now: now) }
        return n
      }
      if n <= 0 { break }
      left -= n
      record.received += ByteCount(UInt64(n))
    }
    record.lines += ring.linesReceived - lines
    record.overwritten = record.received - ByteCount(UInt64(ring.held))
    if let forwarder { record.notForwarded = forwarder.dropped }
  }
}

/// What stopped a redirect, and in which process.
struct RedirectFailure: Error {
  let refusal: RedirectRefusal
  /// It will pass by itself; the same again goes on with what is not done yet.
  var isBusy = false
  init(_ words: StaticString, errno: Int32 = 0) { refusal = RedirectRefusal(words, errno: errno) }
  init(_ obstacle: RedirectObstacle, of writer: LogWriter) {
    refusal = RedirectRefusal(obstacle.advice, pid: writer.identity.pid, errno: obstacle.errno)
    isBusy = obstacle == .busy || obstacle == .slow
  }
}

/// What came of a redirect or of its undoing.
enum RedirectAnswer {
  case done
  /// It goes on by itself, and events tell how it went. What it waits for, if for anything.
  case underWay(RedirectRefusal?)
  case refused(RedirectRefusal)
}

/// The processes that write, each with its descriptors.
func writers(of holders: [FileHolder]) -> [LogWriter] {
  var writers = [LogWriter]()
  for holder in holders where holder.writes && holder.identity.pid != getpid() {
    let descriptor = LogWriter.Descriptor(number: holder.descriptor, flags: holder.flags)
    if let i = writers.firstIndex(where: { $0.identity == holder.identity }) {
      writers[i].descriptors.append(descriptor)
    } else {
      writers.append(LogWriter(identity: holder.identity, descriptors: [descriptor]))
    }
  }
  return writers
}

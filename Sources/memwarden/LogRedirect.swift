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
  /// With the flags they had of the log.
  var writers: [LogWriter]
  let ring: LineRing
  /// False until every writer was redirected: what an interrupted redirect left is undone.
  var isComplete = false
  /// Found in the state file, and not told yet.
  var isRestored = false
  let record: RedirectRecord
  /// Both ends of the FIFO, or -1. Owned here.
  let pipe: Int32
  private let forwarder: SyslogForwarder?
  /// Until an attempt to redirect a process that came later is made again.
  var retryAt = Instant(milliseconds: 0)

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
    guard pipe >= 0 else { return }
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

// What /proc says about whether a process may be stopped by ptrace: read before anything is done to it.
import CLinux
public import Samples

/// One thread of a process, the one to stop.
public struct Traceability: Equatable, Sendable {
  /// The leader, or a thread that lives where the leader has exited or sleeps uninterruptibly.
  public var thread: Int32
  /// Lines of its status: TracerPid, Seccomp (0 none, 1 strict, 2 filter), the fourth figure of Uid.
  public var tracer: Int32 = 0
  public var seccomp: UInt8 = 0
  public var fileSystemUid: UInt32 = 0
  /// Every thread is in state D and hears nothing.
  public var isUninterruptible = false
}

extension KernelReader {
  /// Throws `kernelThread`, `zombie` and `gone` for what has no thread to stop.
  public func traceability(of process: Identity) throws(Absence) -> Traceability {
    let leader = try stat(process.pid)
    guard leader.startTicks == process.startTicks else { throw .gone }
    if leader.isKernelThread { throw .kernelThread }
    var found = Traceability(thread: process.pid)
    if leader.isDead || leader.state == UInt8(ascii: "D") {
      if leader.isDead, leader.threads <= 1 { throw .zombie }
      found.isUninterruptible = true
      var threads = [Int32]()
      setPath(process.pid, "/task")
      try forEachNumber { threads.append($0) }
      for thread in threads where thread != process.pid {
        setPath(process.pid, "/stat", thread: thread)
        guard let length = try? load(), let stat = try? parsed(length, parseStat), !stat.isDead,
          stat.state != UInt8(ascii: "D")
        else { continue }
        found.thread = thread
        found.isUninterruptible = false
        break
      }
    }
    setPath(process.pid, "/status", thread: found.thread)
    let lines = try parsed(try load(), parseTraceLines)
    (found.tracer, found.seccomp, found.fileSystemUid) = (lines.tracer, lines.seccomp, lines.uid)
    return found
  }
}

/// `TracerPid:\t0`, `Uid:\t33\t33\t33\t33`, `Seccomp:\t2`; the last is missing without CONFIG_SECCOMP.
func parseTraceLines(_ text: Span<UInt8>) -> (tracer: Int32, seccomp: UInt8, uid: UInt32)? {
  var s = ByteScanner(text)
  var tracer: UInt64?, uid: UInt64?
  var seccomp: UInt64 = 0
  while !s.isAtEnd {
    if s.accept("TracerPid:") {
      tracer = s.number()
    } else if s.accept("Uid:") {
      for _ in 0..<3 { _ = s.number() }
      uid = s.number()
    } else if s.accept("Seccomp:") {
      seccomp = s.number() ?? 0
    }
    s.skipLine()
  }
  guard let tracer, let uid else { return nil }
  return (Int32(clamping: tracer), UInt8(clamping: seccomp), UInt32(clamping: uid))
}

// Stops a thread of another process for some system calls of ours (CLinux/remote.h) and lets it go, whatever happens in
// between. Never waits for longer than some milliseconds; who does not stop by then is asked for again later. Chooses
// nothing.
import CLinux
public import Kernel
public import Samples

public final class Tracer {
  /// Threads that were told to stop and have not: the next try goes on with them.
  private var coming: [(pid: Int32, thread: OpaquePointer)] = []
  /// Threads nobody wants any more, or in which a call of ours has not ended: they are let go as soon as they stop.
  private var late: [(pid: Int32, thread: OpaquePointer)] = []
  /// A thread that runs stops at once; one that waits for a processor of a busy board, mostly within this time.
  private static let patience: Int32 = 4000

  public init() {}

  /// At every child signal and tick: tries again to let go of those that were late. Takes no time while they do not stop.
  public func letGo() {
    if late.isEmpty { return }
    late.removeAll { remote_end($0.thread) != -EAGAIN }
  }

  /// When nobody will try again: those that were told to stop are let go.
  public func forsake() {
    if coming.isEmpty { return }
    late += coming
    coming = []
    letGo()
  }

  /// It was told to stop, has stopped, and stands still for want of the next try.
  public func isKeptWaiting(_ process: Identity) -> Bool {
    coming.contains { $0.pid == process.pid && remote_has_stopped($0.thread) }
  }

  /// Somebody's registers are still ours: not a moment to end.
  public var isBorrowing: Bool { late.contains { remote_is_borrowed($0.thread) } }

  /// What hinders that the process is stopped, before anything is done to it. `busy`
  /// passes by itself, mostly.
  public func examine(_ process: Identity, _ reader: KernelReader) throws(RedirectObstacle) {
    _ = try threadToStop(of: process, reader)
  }

  /// nil: it was told to stop already.
  private func threadToStop(of process: Identity, _ reader: KernelReader) throws(RedirectObstacle) -> Int32? {
    if late.contains(where: { $0.pid == process.pid }) { throw .busy }
    if coming.contains(where: { $0.pid == process.pid }) { return nil }
    let found = try judge(process, reader)
    if found.isUninterruptible { throw .busy }
    return found.thread
  }

  /// Calls `body` while a thread of the process is stopped. What hinders that is found out before it is touched. `busy`:
  /// it has not stopped yet; the same call later goes on from there, and `forsake` gives up.
  func withStopped<R>(
    _ process: Identity, _ reader: KernelReader, _ body: (OpaquePointer) throws(RedirectObstacle) -> R
  ) throws(RedirectObstacle) -> R {
    if let thread = try threadToStop(of: process, reader) {
      var pointer: OpaquePointer?
      let result = remote_begin(thread, &pointer)
      guard result == 0, let pointer else { throw obstacle(-result) }
      coming.append((process.pid, pointer))
    }
    guard let i = coming.firstIndex(where: { $0.pid == process.pid }) else { throw .busy }
    let thread = coming[i].thread, result = remote_stop(thread, Tracer.patience)
    if result == -EAGAIN { throw .busy }
    coming.remove(at: i)
    defer { if remote_end(thread) == -EAGAIN { late.append((process.pid, thread)) } }
    if result < 0 { throw obstacle(-result) }
    // From here on the pid cannot change hands.
    guard (try? reader.stat(process.pid).startTicks) == process.startTicks else { throw .gone }
    return try body(thread)
  }

  private func judge(_ process: Identity, _ reader: KernelReader) throws(RedirectObstacle) -> Traceability {
    let found: Traceability
    do throws(Absence) { found = try reader.traceability(of: process) } catch {
      switch error {
      case .gone, .zombie: throw .gone
      case .kernelThread: throw .kernelThread
      case .denied: throw .denied
      default: throw .failed(errno: EIO)
      }
    }
    if found.tracer != 0 { throw .traced(by: found.tracer) }
    if found.seccomp != 0 { throw .seccomp }
    return found
  }

  /// Of a system call in the process, or of what came before it.
  func obstacle(_ errno: Int32) -> RedirectObstacle {
    switch errno {
    case EPERM, EACCES: .denied
    case ESRCH: .gone
    case EAGAIN, EBUSY: .slow
    case ENOTSUP: remote_is_supported() ? .otherWidth : .processor
    default: .failed(errno: errno)
    }
  }
}

// Stops a thread of another process for some system calls of ours (CLinux/remote.h) and lets it go, whatever happens in
// between. Chooses nothing.
import CLinux
import Kernel
import Samples

public final class Tracer {
  /// Threads that did not stop in time: they are let go as soon as they do.
  private var late: [OpaquePointer] = []
  public init() {}

  /// At every child signal and tick: tries again to let go of those that were late.
  public func letGo() {
    if late.isEmpty { return }
    late.removeAll { remote_end($0) != -EAGAIN }
  }

  /// Calls `body` while a thread of the process is stopped. What hinders that is found out before it is touched.
  func withStopped<R>(
    _ process: Identity, _ reader: KernelReader, _ body: (OpaquePointer) throws(RedirectObstacle) -> R
  ) throws(RedirectObstacle) -> R {
    var found = try judge(process, reader)
    // Who waits for a vforked child to exec is uninterruptible for a moment.
    for _ in 0..<20 where found.isUninterruptible {
      usleep(5000)
      found = try judge(process, reader)
    }
    if found.isUninterruptible { throw .busy }
    var pointer: OpaquePointer?
    let result = remote_begin(found.thread, &pointer)
    guard result == 0, let thread = pointer else {
      if let pointer { late.append(pointer) }
      throw obstacle(-result)
    }
    defer { if remote_end(thread) == -EAGAIN { late.append(thread) } }
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

  private func obstacle(_ errno: Int32) -> RedirectObstacle {
    switch errno {
    case EPERM, EACCES: .denied
    case ESRCH: .gone
    case EAGAIN: .busy
    case ENOTSUP: remote_is_supported() ? .otherWidth : .processor
    default: .failed(errno: errno)
    }
  }
}

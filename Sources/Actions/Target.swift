// A process that is to be stopped, held by identity: a signal reaches this process or nobody.
import CLinux
import Kernel
public import Samples

/// What came of sending a signal.
public enum Delivery: Equatable, Sendable {
  case sent
  /// The process had ended, or its pid belongs to another by now: nothing was sent.
  case gone
  case failed(errno: Int32)
}

/// Reads a process's start time; Kernel's reader in the product.
public typealias StartTime = (Int32) -> UInt64?

/// Holds a pidfd (Linux 5.3) from init to deinit. Where there is none, or no memory for one, the start time is compared right before each
/// signal, which leaves a window of microseconds.
public final class Target {
  public let identity: Identity
  /// Negative where there is none.
  public let pidfd: Int32
  private let calls: ProcessCalls
  private let startTime: StartTime

  /// Opens the pidfd first and compares the start time after: from then on the pidfd is this identity or nothing.
  public init?(_ identity: Identity, calls: ProcessCalls, startTime: @escaping StartTime) {
    let fd = calls.openPidfd(identity.pid)
    guard startTime(identity.pid) == identity.startTicks, fd != -ESRCH else {
      if fd >= 0 { calls.closePidfd(fd) }
      return nil
    }
    self.identity = identity
    self.pidfd = fd
    self.calls = calls
    self.startTime = startTime
  }
  deinit { if pidfd >= 0 { calls.closePidfd(pidfd) } }

  /// A zombie does not count as alive: it holds no memory and hears no signal.
  public var isAlive: Bool {
    pidfd >= 0 ? !calls.pidfdExited(pidfd) : startTime(identity.pid) == identity.startTicks
  }

  public func send(_ signal: Int32) -> Delivery {
    let result: Int32
    if pidfd >= 0 {
      result = calls.signalPidfd(pidfd, signal)
    } else {
      guard startTime(identity.pid) == identity.startTicks else { return .gone }
      result = calls.kill(identity.pid, signal)
    }
    return result == 0 ? .sent : result == -ESRCH ? .gone : .failed(errno: -result)
  }
}

// A reading that failed is not zero: every figure is exact, an estimate, or absent with its reason.

/// Why a figure is not there. `gone` is an ordinary answer, not a failure.
public enum Absence: Error, Equatable, Sendable {
  /// Not asked for yet: costly files are read only when it matters.
  case notRead
  /// ENOENT or ESRCH: the process or file vanished.
  case gone
  /// The process has ended and its parent has not reaped it; it holds no memory.
  case zombie
  /// PF_KTHREAD: a kernel thread has no memory of its own.
  case kernelThread
  /// EACCES, EPERM, or a /proc mounted with hidepid.
  case denied
  /// This kernel has no such file or no such line.
  case unsupported
  /// The text is not what the kernel's document promises (empty, cut short, not a number).
  case malformed
  case failed(errno: Int32)
}

/// A number of bytes, or the reason why there is none.
public enum Reading: Equatable, Sendable {
  case exact(ByteCount)
  /// Derived from a cheaper file: close, and never the ground for an act that cannot be undone.
  case estimate(ByteCount)
  case absent(Absence)

  public var bytes: ByteCount? {
    switch self {
    case .exact(let n), .estimate(let n): n
    case .absent: nil
    }
  }
  public var absence: Absence? {
    if case .absent(let why) = self { why } else { nil }
  }
}

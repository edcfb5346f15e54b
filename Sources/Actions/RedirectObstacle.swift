// Why a process's descriptors were not exchanged. The process is as it was, but after `slow`, `failed` and `gone` some of
// them may have been.

public enum RedirectObstacle: Error, Equatable, Sendable {
  /// It ended, or the pid is another's by now: nothing to do.
  case gone
  /// EPERM: no CAP_SYS_PTRACE, Yama, or a security module.
  case denied
  case traced(by: Int32)
  case seccomp
  case kernelThread
  case protected
  /// A 32-bit process under a 64-bit kernel.
  case otherWidth
  case processor
  /// State D, or it did not stop in time: nothing was done.
  case busy
  /// A system call in it took too long. The same exchange again goes on with what is not done yet.
  case slow
  /// The path is another file for it: chroot or mount namespace.
  case otherRoot
  /// Its own rights do not let it open the target.
  case cannotOpen(errno: Int32)
  /// The same of the log itself: undo would fail.
  case cannotReopen(errno: Int32)
  case failed(errno: Int32)

  public var advice: StaticString {
    switch self {
    case .gone: "the process has ended"
    case .denied:
      "ptrace is not permitted: memwarden needs CAP_SYS_PTRACE, and kernel.yama.ptrace_scope below 3"
    case .traced: "another program traces it (a debugger, strace); end that first"
    case .seccomp: "it runs under seccomp, which might end it for a call that is not its own"
    case .kernelThread: "it is a kernel thread"
    case .protected: "it is protected: pid 1, memwarden or its parent, oom_score_adj -1000, or on the protect list"
    case .otherWidth: "it is a 32-bit process under a 64-bit kernel"
    case .processor: "this is only possible on x86-64, aarch64 and armv7"
    case .busy: "it does not stop now: it waits for a device or a filesystem (state D)"
    case .slow: "a system call in it takes too long; try again when the board or its filesystem has less to do"
    case .otherRoot: "the path means another file for it: it lives in another mount namespace or chroot"
    case .cannotOpen: "its own rights do not let it open the target; give it a place that its user may write to"
    case .cannotReopen: "its own rights do not let it open its log again, so it could not be undone; chown the log"
    case .failed: "the call failed"
    }
  }

  public var errno: Int32 {
    switch self {
    case .cannotOpen(let code), .cannotReopen(let code), .failed(let code): code
    default: 0
    }
  }
}

// The one seam between deciding and the operating system's acts on processes: a struct of functions. Tests replace it,
// and can make any call fail with a chosen errno.
import CLinux
public import Samples

/// How a child of ours ended.
public struct ExitStatus: Equatable, Sendable {
  /// Its exit code; 0 when a signal ended it.
  public var code: Int32
  /// The signal that ended it, or 0.
  public var signal: Int32
  public init(code: Int32, signal: Int32) {
    self.code = code
    self.signal = signal
  }
  /// Of a process that another memwarden started: nobody tells us.
  public static let unknown = ExitStatus(code: -1, signal: 0)
}

/// Where the stdout and stderr of a child go.
public enum ChildOutput: Equatable, Sendable {
  /// Where memwarden's own go.
  case inherited
  case null
  case descriptor(Int32)
}

/// Where a child writes who it is before its program begins, for a memwarden that comes after this one.
public struct StartRecord: Sendable {
  /// An open file; -1: nowhere.
  public var descriptor: Int32
  /// Tells this start from others.
  public var number: UInt64
  public init(descriptor: Int32, number: UInt64) {
    self.descriptor = descriptor
    self.number = number
  }
  public static let none = StartRecord(descriptor: -1, number: 0)
}

/// Results follow the kernel: a descriptor, a pid or 0; -errno on failure.
public struct ProcessCalls {
  /// pidfd_open(2); the caller closes it.
  public var openPidfd: (Int32) -> Int32
  public var closePidfd: (Int32) -> Void
  /// pidfd_send_signal(2).
  public var signalPidfd: (_ pidfd: Int32, _ signal: Int32) -> Int32
  public var pidfdExited: (Int32) -> Bool
  /// kill(2); a negative pid is a process group.
  public var kill: (_ pid: Int32, _ signal: Int32) -> Int32
  /// Starts argv without a shell, in a session of its own; `endsWithUs`: unless it is recorded, it gets SIGTERM when
  /// memwarden ends. The pid.
  public var start: (_ argv: [Bytes], _ endsWithUs: Bool, _ output: ChildOutput, _ record: StartRecord) -> Int32
  /// Has this child of ours ended? It stays a zombie, so that its pid and group cannot be reused, until `reap`.
  public var childEnded: (Int32) -> ExitStatus?
  public var reap: (Int32) -> Void

  public init(
    openPidfd: @escaping (Int32) -> Int32, closePidfd: @escaping (Int32) -> Void,
    signalPidfd: @escaping (Int32, Int32) -> Int32, pidfdExited: @escaping (Int32) -> Bool,
    kill: @escaping (Int32, Int32) -> Int32, start: @escaping ([Bytes], Bool, ChildOutput, StartRecord) -> Int32,
    childEnded: @escaping (Int32) -> ExitStatus?, reap: @escaping (Int32) -> Void
  ) {
    self.openPidfd = openPidfd
    self.closePidfd = closePidfd
    self.signalPidfd = signalPidfd
    self.pidfdExited = pidfdExited
    self.kill = kill
    self.start = start
    self.childEnded = childEnded
    self.reap = reap
  }

  public func spawn(
    _ argv: [Bytes], _ endsWithUs: Bool, output: ChildOutput = .inherited, record: StartRecord = .none
  ) -> Int32 {
    start(argv, endsWithUs, output, record)
  }

  /// The real ones.
  public static var live: ProcessCalls {
    ProcessCalls(
      openPidfd: { cl_pidfd_open($0) }, closePidfd: { _ = close($0) }, signalPidfd: { cl_pidfd_signal($0, $1) },
      pidfdExited: { cl_pidfd_exited($0) == 1 }, kill: { cl_kill($0, $1) },
      start: { spawnProcess($0, endsWithUs: $1, output: $2, record: $3) },
      childEnded: {
        var status = ExitStatus(code: 0, signal: 0)
        return cl_child_ended($0, &status.code, &status.signal) == 1 ? status : nil
      },
      reap: { _ = cl_reap($0) })
  }
}

/// Builds the NUL-terminated argv and starts it. The child's oom_score_adj is put back to 0: it must not inherit the
/// guard's own protection.
private func spawnProcess(
  _ argv: [Bytes], endsWithUs: Bool, output: ChildOutput, record: StartRecord
) -> Int32 {
  guard !argv.isEmpty else { return -EINVAL }
  let target: Int32 =
    switch output {
    case .inherited: -1
    case .null: -2
    case .descriptor(let fd): fd
    }
  var text = Bytes()
  for word in argv {
    text.append(contentsOf: word)
    text.append(0)
  }
  let pid = text.withUnsafeMutableBufferPointer { buffer -> Int32 in
    guard let base = buffer.baseAddress else { return -EINVAL }
    var pointers = [UnsafeMutablePointer<CChar>?]()
    var offset = 0
    for word in argv {
      pointers.append(UnsafeMutableRawPointer(base + offset).assumingMemoryBound(to: CChar.self))
      offset += word.count + 1
    }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { p in
      guard let argv = p.baseAddress else { return -EINVAL }
      return cl_spawn(argv, endsWithUs, target, record.descriptor, record.number)
    }
  }
  if pid > 0 { _ = cl_set_oom_score_adjust(pid, 0) }
  return pid
}

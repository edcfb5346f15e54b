// Gives a process another file under the numbers of descriptors it has open, in place: openat and dup3 in the process
// itself, with the access mode and flags that each had. All of its descriptors, or none, unless a call hangs or it ends.
import CLinux
public import Kernel
public import Samples

/// The descriptors of one process that refer to one file.
public struct LogWriter: Equatable, Sendable {
  public struct Descriptor: Equatable, Sendable {
    public var number: Int32
    /// As in fdinfo.
    public var flags: UInt64
    public init(number: Int32, flags: UInt64) {
      self.number = number
      self.flags = flags
    }
  }
  public var identity: Identity
  public var descriptors: [Descriptor]
  public init(identity: Identity, descriptors: [Descriptor]) {
    self.identity = identity
    self.descriptors = descriptors
  }
}

public struct Replacement {
  /// What the descriptors must refer to; one that does not any more is left alone.
  public var from: FileStatus
  /// Absolute, and the file that must be found there. nil: any regular file; it is created when there is none.
  public var path: Bytes
  public var to: FileStatus?
  /// Opened O_RDWR|O_NONBLOCK, so that a reader that is gone neither ends nor blocks the writer.
  public var isPipe = false
  /// A file that every process must be able to open for the way back; tried before anything is changed.
  public var wayBack: Bytes?
  /// With O_APPEND whatever the flags say: several processes wrote through one file position.
  public var appends = false
  /// Called once in the process's stand-still, when nothing can fail any more, before its descriptors change.
  public var meanwhile: (() -> Void)?
  public init(from: FileStatus, path: Bytes, to: FileStatus?) {
    self.from = from
    self.path = path
    self.to = to
  }
}

extension Tracer {
  /// How many descriptors were exchanged. Other threads of the process go on meanwhile; one that closes and opens a
  /// descriptor of that number within the few µs between look and dup3 is not noticed.
  public func exchange(
    _ exchange: Replacement, of writer: LogWriter, _ reader: KernelReader
  ) throws(RedirectObstacle) -> Int {
    try withStopped(writer.identity, reader) { thread throws(RedirectObstacle) -> Int in
      let process = StoppedProcess(thread: thread, pid: writer.identity.pid, reader: reader)
      // The end of the stand-still closes them.
      var opened: [LogWriter.Descriptor] = []
      for descriptor in writer.descriptors where !opened.contains(where: { $0.flags == descriptor.flags }) {
        if let back = exchange.wayBack {
          let flags = remote_reopening_flags(descriptor.flags)
          do throws(RedirectObstacle) {
            let number = try process.open(back, flags, expecting: exchange.from)
            _ = remote_close(thread, number)
          } catch .cannotOpen(let errno) { throw .cannotReopen(errno: errno) }
        }
        opened.append(
          LogWriter.Descriptor(
            number: try process.open(exchange, like: descriptor.flags), flags: descriptor.flags))
      }
      exchange.meanwhile?()
      var count = 0
      for descriptor in writer.descriptors {
        guard let now = try? reader.fileStatus(process.pid, descriptor: descriptor.number),
          now.isSame(as: exchange.from), let with = opened.first(where: { $0.flags == descriptor.flags })
        else { continue }
        let result = remote_replace(
          thread, with.number, descriptor.number, remote_closes_on_exec(descriptor.flags))
        if result < 0 { throw obstacle(-result) }
        count += 1
      }
      return count
    }
  }
}

/// A process while one of its threads is ours.
private struct StoppedProcess {
  let thread: OpaquePointer
  let pid: Int32
  let reader: KernelReader

  /// A descriptor in the process, as an exchange wants it.
  func open(_ exchange: Replacement, like original: UInt64) throws(RedirectObstacle) -> Int32 {
    var flags = exchange.isPipe ? remote_pipe_flags(original) : remote_reopening_flags(original)
    if exchange.appends { flags = remote_appending(flags) }
    if exchange.to == nil { flags = remote_creating(flags) }
    let number = try open(exchange.path, flags, expecting: exchange.to)
    // Where it had no O_APPEND its lines go on behind what is there.
    if !exchange.isPipe { _ = remote_seek_end(thread, number) }
    return number
  }

  func open(_ path: Bytes, _ flags: UInt64, expecting file: FileStatus?) throws(RedirectObstacle) -> Int32 {
    let number = path.withUnsafeBytes { remote_open(thread, $0.baseAddress, $0.count, flags, 0o640) }
    guard number >= 0 else {
      switch -number {
      case ENOENT, ENOTDIR: throw .otherRoot
      case ESRCH: throw .gone
      case EAGAIN: throw .slow
      default: throw .cannotOpen(errno: -number)
      }
    }
    let found = try? reader.fileStatus(pid, descriptor: number)
    let ours = file ?? (try? reader.fileStatus(path))
    guard let found, let ours, found.isSame(as: ours), file != nil || found.isRegular else {
      throw .otherRoot
    }
    return number
  }
}

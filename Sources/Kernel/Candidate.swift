// One process held against many selectors: what a selector asks for is read once, however many ask.
public import Samples

/// The process under consideration in a scan. Reused from one to the next; allocates nothing once its buffers have grown.
public final class Candidate {
  private let reader: KernelReader
  public private(set) var pid: Int32 = 0
  public private(set) var stat = Stat()
  /// Which scan this is: a pidfile is read once in each.
  private(set) var scan: UInt64 = 0
  private var command = Bytes(), file = Bytes()
  private var hasCommand = false, hasFile = false
  private var uid: UInt32?

  public init(reader: KernelReader) { self.reader = reader }

  public func beginScan() { scan &+= 1 }

  /// Reads /proc/PID/stat. False when there is no such process, or when it is a thread of another.
  public func consider(_ pid: Int32) -> Bool {
    guard let stat = try? reader.stat(pid), !stat.isThread else { return false }
    self.pid = pid
    self.stat = stat
    (hasCommand, hasFile, uid) = (false, false, nil)
    return true
  }

  /// The command line as `KernelReader.commandLine` gives it, and a NUL.
  func commandLine() throws(Absence) -> Bytes {
    if !hasCommand {
      try reader.commandLine(pid, into: &command)
      command.append(0)
      hasCommand = true
    }
    return command
  }
  func executable() throws(Absence) -> Bytes {
    if !hasFile {
      try reader.executable(pid, into: &file)
      hasFile = true
    }
    return file
  }
  func effectiveUid() throws(Absence) -> UInt32? {
    if uid == nil { uid = try reader.status(pid).effectiveUid }
    return uid
  }
  func parentComm() throws(Absence) -> Comm { try reader.stat(stat.parent).comm }
  func isInCgroup(_ group: Bytes) throws(Absence) -> Bool { try reader.isInCgroup(pid, group) }
  func stamp(_ path: Bytes) throws(Absence) -> FileStamp? { try reader.stamp(path) }
  func pidfile(_ path: Bytes) throws(Absence) -> Int64 { try reader.pidfile(path) }
}

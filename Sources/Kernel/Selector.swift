// Which processes are a worker: every criterion that is given must hold.
public import Samples

/// The operator's description of a worker's processes. A nil criterion is not asked.
public struct Selector: Equatable, Sendable {
  /// Exact comm, /proc/PID/comm (15 bytes at most).
  public var comm: Bytes?
  /// Exact target of /proc/PID/exe, a trailing " (deleted)" ignored.
  public var exe: Bytes?
  /// POSIX extended regular expression searched in the command line, its NULs turned into blanks.
  public var cmdline: Bytes?
  /// A file holding the pid in decimal digits on its first line.
  public var pidfile: Bytes?
  /// Effective user id.
  public var uid: UInt32?
  /// A path in any cgroup hierarchy, e.g. `/system.slice/lighttpd.service`: that cgroup or one below it.
  public var cgroup: Bytes?
  /// Exact comm of the direct parent.
  public var parent: Bytes?
  public init() {}
  public var isEmpty: Bool {
    comm == nil && exe == nil && cmdline == nil && pidfile == nil && uid == nil && cgroup == nil && parent == nil
  }
}

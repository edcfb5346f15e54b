// Where the kernel's trees stand. A parameter, never a constant in a reader: tests point it at recorded trees.
public import Samples

/// The folders of procfs, of the cgroup filesystems and of block devices, without a slash at the end.
public struct Roots: Sendable, Equatable {
  public var proc: Bytes
  /// The folder that holds the cgroup mounts: `memory` (v1), `unified` (hybrid), or is itself the v2 mount.
  public var cgroup: Bytes
  /// sysfs's folder of block devices.
  public var block: Bytes
  /// The running system.
  public init() { self.init(prefix: []) }
  /// A tree recorded under `prefix`; an empty prefix is the running system.
  public init(prefix: Bytes) {
    self.proc = prefix + Bytes("/proc")
    self.cgroup = prefix + Bytes("/sys/fs/cgroup")
    self.block = prefix + Bytes("/sys/block")
  }
}

// What this kernel offers, found out once. What is missing is said once, with what would help.
import CLinux
import Samples

public struct Features: Sendable, Equatable {
  /// /proc/PID/smaps_rollup and /proc/PID/smaps.
  public var smapsRollup = false, smaps = false
  /// MemAvailable in /proc/meminfo.
  public var memAvailable = false
  /// /proc/pressure/memory.
  public var pressure = false
  /// pidfd_open and pidfd_send_signal.
  public var pidfd = false
  /// The hierarchy with the memory controller.
  public var cgroup: CgroupTree?
  /// The hidepid= option of /proc: 0, 1, 2 or 4.
  public var hidepid: UInt8 = 0
  /// Whether the memory of processes other than our own can be read (root or CAP_SYS_PTRACE).
  public var readsOthers = false
  /// Whether there is swap (SwapTotal above 0).
  public var swap = false
  /// FALLOC_FL_PUNCH_HOLE on tmpfs.
  public var holePunch = false
  public init() {}

  /// Tries each once. Leaves nothing behind.
  public static func probe(_ reader: KernelReader) -> Features {
    var features = Features()
    features.smapsRollup = reader.opens("/self/smaps_rollup")
    features.smaps = reader.opens("/self/smaps")
    if let info = try? reader.memInfo() {
      features.memAvailable = info.available != nil
      features.swap = (info.swapTotal ?? .zero) > .zero
    }
    features.pressure = (try? reader.pressure()) != nil
    features.pidfd = reading_has_pidfd() == 1
    features.cgroup = reader.cgroup
    features.hidepid = (try? reader.hidepid()) ?? 0
    features.readsOthers = reader.hasPtraceCapability()
    features.holePunch = reading_has_hole_punch() == 1
    return features
  }

  /// One sentence for each thing that is missing and matters: what is lost, what would help.
  public var missing: [StaticString] {
    var out: [StaticString] = []
    if !smapsRollup && smaps {
      out.append("No smaps_rollup: figures are summed from smaps at several times the cost; Linux 4.14 has it.")
    }
    if !smapsRollup && !smaps {
      out.append("No smaps: PSS is unknown and USS an estimate from statm; build with CONFIG_PROC_PAGE_MONITOR.")
    }
    if !memAvailable { out.append("No MemAvailable: usable memory is worked out from other lines; Linux 3.14 has it.") }
    if !pressure {
      out.append("No memory pressure: vmstat counters stand in; Linux 4.20 with CONFIG_PSI has it, or boot with psi=1.")
    }
    if !pidfd { out.append("No pidfd: identity is looked at again before each signal; Linux 5.3 closes the gap.") }
    if cgroup == nil {
      out.append("No cgroup memory controller: use CONFIG_MEMCG, boot with cgroup_enable=memory, mount /sys/fs/cgroup.")
    }
    if hidepid > 0 && !readsOthers {
      out.append("/proc is mounted with hidepid: processes of other users are not seen; run as root or set gid=.")
    } else if !readsOthers {
      out.append("Memory of other users' processes cannot be read: run as root or with CAP_SYS_PTRACE.")
    }
    if !holePunch { out.append("No hole punching on tmpfs: logs are cut by keeping the tail; Linux 3.5 has it.") }
    return out
  }
}

extension KernelReader {
  fileprivate func opens(_ name: StaticString) -> Bool {
    setPath(roots.proc, name)
    return (try? openPath()) != nil
  }

  /// CAP_SYS_PTRACE (bit 19 of CapEff in /proc/self/status) is what smaps of another user's process asks for. A single
  /// process would be a bad sample: pid 1 of a container may be closed to everybody.
  public func hasPtraceCapability() -> Bool {
    let mask = try? system("/self/status") { text -> UInt64? in
      var s = ByteScanner(text)
      while !s.isAtEnd {
        if s.accept("CapEff:") { return s.hexadecimal() }
        s.skipLine()
      }
      return nil
    }
    return (mask ?? 0) & 1 << 19 != 0
  }

  /// Of the last procfs mounted at /proc. Names stand for numbers since Linux 5.8.
  fileprivate func hidepid() throws(Absence) -> UInt8 {
    var level: UInt8 = 0
    _ = try system("/self/mountinfo", records: true) { text in
      forEachMount(text) { line in
        guard equal(text.extracting(line.type), "proc"), equal(text.extracting(line.point), "/proc") else { return }
        let value = option(text.extracting(line.superOptions), "hidepid") ?? []
        if equal(value, "1") || equal(value, "noaccess") {
          level = 1
        } else if equal(value, "2") || equal(value, "invisible") {
          level = 2
        } else if equal(value, "4") || equal(value, "ptraceable") {
          level = 4
        } else {
          level = 0
        }
      }
    }
    return level
  }
}

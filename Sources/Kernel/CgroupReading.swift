// Memory controllers, version 1 and 2: where they are mounted, what one says of a process's cgroup.
import CLinux
public import Samples

/// The cgroup hierarchy that has the memory controller.
public struct CgroupTree: Equatable, Sendable {
  public var version: CgroupMemory.Version
  /// The folder it is mounted at.
  public var mount: Bytes
  public init(version: CgroupMemory.Version, mount: Bytes) {
    self.version = version
    self.mount = mount
  }
}

extension KernelReader {
  /// The figures of the cgroup that holds the process. `unsupported` where there is no memory controller, for the root
  /// of v2, which has no figures, and where the cgroup lies outside what is mounted here (containers).
  public func cgroupMemory(_ pid: Int32) throws(Absence) -> CgroupMemory {
    guard let tree = cgroup else { throw .unsupported }
    return try cgroupMemory(at: try cgroupFolder(pid, tree), tree.version)
  }

  /// The figures of the cgroup at `folder`, an absolute path without a slash at the end. What this kernel does not
  /// have, or what has no bound, is nil.
  public func cgroupMemory(at folder: Bytes, _ version: CgroupMemory.Version) throws(Absence) -> CgroupMemory {
    var memory = CgroupMemory(version: version)
    switch version {
    case .v2:
      memory.current = try figure(folder, "/memory.current") ?? .zero
      memory.max = (try? figure(folder, "/memory.max")) ?? nil
      memory.high = (try? figure(folder, "/memory.high")) ?? nil
      memory.peak = (try? figure(folder, "/memory.peak")) ?? nil
      // Not memory.events: that one counts the children's too and would blame the parent.
      lines(folder, "/memory.events.local") { parseCgroupEvents($0, into: &memory) }
    case .v1:
      memory.current = try figure(folder, "/memory.usage_in_bytes") ?? .zero
      memory.max = (try? figure(folder, "/memory.limit_in_bytes")) ?? nil
      memory.peak = (try? figure(folder, "/memory.max_usage_in_bytes")) ?? nil
      lines(folder, "/memory.oom_control") { parseCgroupEvents($0, into: &memory) }
    }
    lines(folder, "/memory.stat") { parseCgroupStat($0, into: &memory) }
    return memory
  }

  /// The folder of the process's cgroup in that hierarchy.
  public func cgroupFolder(_ pid: Int32, _ tree: CgroupTree) throws(Absence) -> Bytes {
    var folder = tree.mount
    var found = false
    let length = try loadCgroups(pid)
    let whole = try parsed(length) { text in
      forEachCgroup(text) { line in
        guard line.hasMemory || (line.isV2 && tree.version == .v2), !found else { return }
        found = true
        for i in line.path { folder.append(text[i]) }
      }
    }
    guard whole else { throw .malformed }
    guard found else { throw .unsupported }
    if folder.last == UInt8(ascii: "/") { folder.removeLast() }
    return folder
  }

  /// Whether the process's cgroup in any hierarchy is `group`, e.g. `/system.slice/lighttpd.service`, or below it.
  public func isInCgroup(_ pid: Int32, _ group: Bytes) throws(Absence) -> Bool {
    var found = false
    let length = try loadCgroups(pid)
    let whole = try parsed(length) { text in
      forEachCgroup(text) { line in
        if lies(text.extracting(line.path), in: group) { found = true }
      }
    }
    guard whole else { throw .malformed }
    return found
  }

  /// By the customary places below `roots.cgroup`: v1 and hybrid set-ups mount folders there, v2 mounts itself.
  func findCgroupTree() -> CgroupTree? {
    let v1 = roots.cgroup + Bytes("/memory")
    if (try? figure(v1, "/memory.usage_in_bytes")) != nil { return CgroupTree(version: .v1, mount: v1) }
    if hasMemoryController(roots.cgroup) { return CgroupTree(version: .v2, mount: roots.cgroup) }
    let unified = roots.cgroup + Bytes("/unified")
    if hasMemoryController(unified) { return CgroupTree(version: .v2, mount: unified) }
    return nil
  }

  /// cgroup.controllers, e.g. `cpuset cpu io memory pids`; `memory` is missing with cgroup_disable=memory.
  private func hasMemoryController(_ folder: Bytes) -> Bool {
    var found = false
    lines(folder, "/cgroup.controllers") { text in
      var s = ByteScanner(text)
      while !s.isAtEnd {
        let word = s.field()
        if equal(text.extracting(word), "memory") { found = true }
        if word.isEmpty { s.skipLine() }
      }
    }
    return found
  }

  private func loadCgroups(_ pid: Int32) throws(Absence) -> Int {
    setPath(pid, "/cgroup")
    do throws(Absence) { return try load() } catch {
      if error != .gone { throw error }
    }
    // The process lives: it is the file that is missing (no CONFIG_CGROUPS).
    _ = try stat(pid)
    throw .unsupported
  }

  private func figure(_ folder: Bytes, _ name: StaticString) throws(Absence) -> ByteCount? {
    setPath(folder, name)
    let length: Int
    do throws(Absence) { length = try load() } catch { throw error == .gone ? .unsupported : error }
    return try parsed(length, parseCgroupFigure)
  }

  /// Hands a file to `take`, or does nothing where it cannot be read: its figures stay nil.
  private func lines(_ folder: Bytes, _ name: StaticString, _ take: (Span<UInt8>) -> Void) {
    setPath(folder, name)
    guard let length = try? load() else { return }
    let text = buffer.span.extracting(0..<length)
    take(text)
  }
}

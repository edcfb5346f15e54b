// Whether a process is one of a worker's: reads only what its selector asks for, the cheapest first.
import CLinux
public import Samples

/// Why a selector cannot be used.
public enum SelectorError: Error, Equatable, Sendable {
  /// No criterion: it would match every process.
  case empty
  /// The command line pattern is no POSIX extended regular expression; the message is regerror's.
  case pattern(Bytes)
}

/// A selector ready for use: its pattern compiled, its pidfile remembered for one scan.
public final class Matcher {
  public let selector: Selector
  /// Nil for a pattern without special characters: it is searched for as it stands, and costs no compiled automaton
  /// (glibc's takes 2 kB, and 47 kB once it was used).
  private let pattern: UnsafeMutableRawPointer?
  private var pidfileScan: UInt64 = 0, pidfilePid: Int64 = 0
  /// Of the pidfile when it was read; nil when it must be read again in any case.
  private var pidfileStamp: FileStamp?

  public init(_ selector: Selector) throws(SelectorError) {
    if selector.isEmpty { throw .empty }
    self.selector = selector
    guard let source = selector.cmdline, !isLiteral(source) else {
      pattern = nil
      return
    }
    var message = Bytes(repeating: 0, count: 128)
    pattern = (source + [0]).withUnsafeBufferPointer { source in
      message.withUnsafeMutableBufferPointer { reading_pattern_new(source.baseAddress, $0.baseAddress, $0.count) }
    }
    if pattern == nil {
      var end = 0
      while end < message.count, message[end] != 0 { end += 1 }
      message.removeLast(message.count - end)
      throw .pattern(message)
    }
  }
  deinit { if let pattern { reading_pattern_free(pattern) } }

  /// Every criterion that is given holds now. False for kernel threads and for zombies (which are nobody's worker any
  /// more), and when something asked for cannot be read.
  public func matches(_ process: Candidate) -> Bool {
    let stat = process.stat
    if stat.isKernelThread || (stat.isDead && stat.threads <= 1) { return false }
    if let comm = selector.comm, !stat.comm.equals(comm) { return false }
    do throws(Absence) {
      if let file = selector.pidfile, try !isNamed(in: file, process) { return false }
      if let parent = selector.parent, try !process.parentComm().equals(parent) { return false }
      if let exe = selector.exe, try process.executable() != exe { return false }
      if let uid = selector.uid, try process.effectiveUid() != uid { return false }
      if let group = selector.cgroup, try !process.isInCgroup(group) { return false }
      if let wanted = selector.cmdline, try !isFound(wanted, in: process.commandLine()) { return false }
      return true
    } catch { return false }
  }

  private func isNamed(in file: Bytes, _ process: Candidate) throws(Absence) -> Bool {
    if pidfileScan != process.scan || process.scan == 0 {
      pidfileScan = process.scan
      let (knownStamp, knownPid) = (pidfileStamp, pidfilePid)
      (pidfileStamp, pidfilePid) = (nil, 0)
      let stamp = try process.stamp(file)
      if let stamp, stamp == knownStamp { pidfilePid = knownPid } else { pidfilePid = try process.pidfile(file) }
      pidfileStamp = stamp
    }
    return pidfilePid == Int64(process.pid)
  }

  /// `line` ends with a NUL.
  private func isFound(_ wanted: Bytes, in line: Bytes) -> Bool {
    guard line.count > 1 else { return false }
    if let pattern {
      return line.withUnsafeBufferPointer { $0.baseAddress.map { reading_pattern_found(pattern, $0) } ?? 0 } == 1
    }
    var start = 0
    while start + wanted.count < line.count {
      var n = 0
      while n < wanted.count, line[start &+ n] == wanted[n] { n &+= 1 }
      if n == wanted.count { return true }
      start &+= 1
    }
    return false
  }
}

/// What differs when a file is another one or was written meanwhile.
struct FileStamp: Equatable {
  var device: UInt64, inode: UInt64, size: UInt64, changed: Int64
}

/// No character that means something in a POSIX extended regular expression.
private func isLiteral(_ pattern: Bytes) -> Bool {
  let special = Bytes(".[]()*+?{}|^$\\")
  for byte in pattern where special.contains(byte) { return false }
  return true
}

extension KernelReader {
  /// Nil when the file was changed just now: it may change again without a trace. A third of the cost of reading it.
  func stamp(_ file: Bytes) throws(Absence) -> FileStamp? {
    setPath(file)
    var found = reading_stamp()
    let result = path.withUnsafeBufferPointer { $0.baseAddress.map { reading_stamp($0, &found) } ?? -EINVAL }
    guard result >= 0 else { throw Absence(errno: -result) }
    guard result == 0 else { return nil }
    return FileStamp(device: found.device, inode: found.inode, size: found.size, changed: found.changed_ns)
  }
  /// The number a pidfile begins with.
  func pidfile(_ file: Bytes) throws(Absence) -> Int64 {
    setPath(file)
    return try parsed(try loadStart(64), parseNumber)
  }
}

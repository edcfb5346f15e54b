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

/// A selector ready for use: its pattern compiled, its buffers kept.
public final class Matcher {
  public let selector: Selector
  private let pattern: UnsafeMutableRawPointer?
  private var text = Bytes()

  public init(_ selector: Selector) throws(SelectorError) {
    if selector.isEmpty { throw .empty }
    self.selector = selector
    guard let source = selector.cmdline else {
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
  /// more), and when something asked for cannot be read. `stat` is the process's own, just read.
  public func matches(_ pid: Int32, _ stat: Stat, _ reader: KernelReader) -> Bool {
    if stat.isKernelThread || (stat.isDead && stat.threads <= 1) { return false }
    if let comm = selector.comm, !stat.comm.equals(comm) { return false }
    do throws(Absence) {
      if let parent = selector.parent, !(try reader.stat(stat.parent).comm.equals(parent)) { return false }
      if let file = selector.pidfile, try reader.pidfile(file) != Int64(pid) { return false }
      if let exe = selector.exe {
        try reader.executable(pid, into: &text)
        if text != exe { return false }
      }
      if let uid = selector.uid, try reader.status(pid).effectiveUid != uid { return false }
      if let group = selector.cgroup, !(try reader.isInCgroup(pid, group)) { return false }
      if let pattern {
        try reader.commandLine(pid, into: &text)
        if text.isEmpty { return false }
        text.append(0)
        return text.withUnsafeBufferPointer { $0.baseAddress.map { reading_pattern_found(pattern, $0) } ?? 0 } == 1
      }
      return true
    } catch { return false }
  }
}

extension KernelReader {
  /// The number a pidfile begins with.
  func pidfile(_ file: Bytes) throws(Absence) -> Int64 {
    setPath(file)
    return try parsed(try loadStart(64), parseNumber)
  }
}

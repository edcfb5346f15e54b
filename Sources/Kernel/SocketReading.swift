// Whose sockets talk to somebody: /proc/PID/net/tcp and tcp6 against the process's descriptors.
import CLinux
public import Samples

extension KernelReader {
  /// Established TCP connections (state 01) of the process's own sockets, in its network namespace; those between two
  /// sockets of the same process count twice. Costs about 1 µs per descriptor and per connection of the namespace.
  public func establishedConnections(_ pid: Int32) throws(Absence) -> Int {
    var inodes = Set<UInt64>()
    setPath(pid, "/fd")
    let folder = try openPath()
    let number = folder.number
    try forEachEntry(of: folder) { name in
      var status = reading_status()
      guard reading_stat(number, name, 1, &status) == 0, status.mode & 0o170000 == 0o140000 else { return }
      inodes.insert(status.inode)
    }
    if inodes.isEmpty { return 0 }
    setPath(pid, "/net/tcp")
    var count = try countEstablished(of: inodes)
    setPath(pid, "/net/tcp6")
    // A kernel without IPv6 has no such file.
    do throws(Absence) { count += try countEstablished(of: inodes) } catch { if error != .gone { throw error } }
    return count
  }

  /// The table at `path`, of any length, in pieces.
  private func countEstablished(of inodes: Set<UInt64>) throws(Absence) -> Int {
    var count = 0
    try forEachLine { line in
      if let inode = establishedInode(line), inodes.contains(inode) { count += 1 }
    }
    return count
  }
}

extension KernelReader {
  /// The lines of the file at `path`, of any length, without their newlines. `body` must not use this reader.
  fileprivate func forEachLine(_ body: (Span<UInt8>) -> Void) throws(Absence) {
    let file = try openPath()
    var kept = 0
    while true {
      let n = reading_read(file.number, buffer.baseAddress.map { $0 + kept }, buffer.count - kept)
      if n < 0 { throw Absence(errno: Int32(-n)) }
      if n == 0 { return }
      let filled = kept + Int(n)
      var start = 0
      for i in kept..<filled where buffer[i] == 0x0A {
        body(buffer.span.extracting(start..<i))
        start = i + 1
      }
      // A line longer than the buffer is none of these files'.
      guard start > 0 || filled < buffer.count else { throw .malformed }
      for i in start..<filled { buffer[i &- start] = buffer[i] }
      kept = filled - start
    }
  }
}

/// A line such as `   0: 0100007F:1F90 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000     0        0 4242 1 …`:
/// the inode of a connection that is established; nil for others, the heading among them.
func establishedInode(_ line: Span<UInt8>) -> UInt64? {
  var s = ByteScanner(line)
  s.skipField()
  s.skipField()
  s.skipField()
  s.skipBlanks()
  guard s.accept("01 ") else { return nil }
  for _ in 0..<5 { s.skipField() }
  return s.number()
}

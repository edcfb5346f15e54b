// System V shared memory: /proc/sysvipc/shm (proc(5)), bytes in, values out.
public import Samples

/// Calls `body` for each segment. Columns: key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime, and
/// since Linux 2.6.38 rss and swap in bytes, e.g.
/// `         0         98305   600               524288  1234  1234      2     0     0     0     0 1700000000 0 …`
/// False when a line is not of that form.
func forEachSegment(_ text: Span<UInt8>, _ body: (SharedSegment) -> Void) -> Bool {
  var s = ByteScanner(text)
  s.skipLine()
  while !s.isAtEnd {
    guard s.signed() != nil, let id = s.signed(), s.octal() != nil, let size = s.number(), let creator = s.number(),
      s.number() != nil, let attached = s.number(), let uid = s.number()
    else { return false }
    for _ in 1...6 { s.skipField() }
    // Not across the end of the line: without the columns rss and swap it ends here.
    let rest = s.field(), resident: ByteCount?
    if rest.count > 0 {
      s.move(to: rest.lowerBound)
      guard let rss = s.number() else { return false }
      resident = ByteCount(rss) + ByteCount(s.number() ?? 0)
    } else {
      resident = nil
    }
    body(
      SharedSegment(
        id: Int32(truncatingIfNeeded: id), size: ByteCount(size), resident: resident,
        creator: Int32(clamping: creator), uid: UInt32(clamping: uid), attached: attached))
    s.skipLine()
  }
  return true
}

extension KernelReader {
  /// /proc/sysvipc/shm, in its order. `unsupported` without CONFIG_SYSVIPC.
  public func forEachSharedSegment(_ body: (SharedSegment) -> Void) throws(Absence) {
    _ = try system("/sysvipc/shm", records: true) { text in forEachSegment(text, body) ? true : nil }
  }
}

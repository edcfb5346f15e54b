// Parsers of /proc/PID/cgroup (cgroups(7)) and of the memory controllers' files: bytes in, values out.
import Samples

/// One line of /proc/PID/cgroup, e.g. `4:memory:/lighttpd` (v1) or `0::/system.slice/lighttpd.service` (v2).
struct CgroupLine {
  var isV2: Bool
  /// A v1 hierarchy with the memory controller.
  var hasMemory: Bool
  var path: Range<Int>
}

/// Calls `body` for each line. False when a line is malformed or there is none.
func forEachCgroup(_ text: Span<UInt8>, _ body: (CgroupLine) -> Void) -> Bool {
  var s = ByteScanner(text)
  guard !s.isAtEnd, text[text.count &- 1] == 0x0A else { return false }
  while !s.isAtEnd {
    guard let hierarchy = s.number(), s.accept(":") else { return false }
    var hasMemory = false
    let isV2 = hierarchy == 0
    while let byte = s.next, byte != UInt8(ascii: ":"), byte != 0x0A {
      if s.accept("memory"), s.next == UInt8(ascii: ",") || s.next == UInt8(ascii: ":") { hasMemory = true }
      // To the next controller. A path may hold blanks and commas, hence byte by byte.
      while let byte = s.next, byte != UInt8(ascii: ","), byte != UInt8(ascii: ":"), byte != 0x0A {
        s.move(to: s.position &+ 1)
      }
      _ = s.accept(",")
    }
    guard s.accept(":"), s.next == UInt8(ascii: "/") else { return false }
    let start = s.position
    s.skipLine()
    body(CgroupLine(isV2: isV2, hasMemory: hasMemory, path: start..<(s.position &- 1)))
  }
  return true
}

/// Whether `path` is `group` or lies below it. A slash at the end of `group` counts for nothing.
func lies(_ path: Span<UInt8>, in group: Bytes) -> Bool {
  var n = group.count
  while n > 0, group[n &- 1] == UInt8(ascii: "/") { n &-= 1 }
  guard path.count >= n else { return false }
  for i in 0..<n where path[i] != group[i] { return false }
  return path.count == n || path[n] == UInt8(ascii: "/")
}

/// A figure of one number, e.g. memory.current. The outer nil is malformed, the inner one no bound: `max`, or v1's
/// largest page count, which is 2^43 − 4096 bytes on 32-bit boards and 2^63 − 4096 on 64-bit ones.
func parseCgroupFigure(_ text: Span<UInt8>) -> ByteCount?? {
  var s = ByteScanner(text)
  if s.accept("max") { return .some(nil) }
  guard let n = s.number(), !s.isAtEnd else { return nil }
  return n >= 1 << 42 ? .some(nil) : .some(ByteCount(n))
}

/// memory.stat. v1 gives this cgroup's own figures and `total_` ones that, like usage_in_bytes, include those below.
func parseCgroupStat(_ text: Span<UInt8>, into memory: inout CgroupMemory) {
  var s = ByteScanner(text)
  while !s.isAtEnd {
    if memory.version == .v1, !s.accept("total_") {
      s.skipLine()
      continue
    }
    if s.accept("inactive_file ") {
      memory.inactiveFile = s.number().map(ByteCount.init)
    } else if s.accept("shmem ") {
      memory.shmem = s.number().map(ByteCount.init)
    } else if memory.version == .v1 ? s.accept("rss ") : s.accept("anon ") {
      memory.anon = s.number().map(ByteCount.init)
    }
    s.skipLine()
  }
}

/// memory.events.local (v2) or memory.oom_control (v1): `name value` lines.
func parseCgroupEvents(_ text: Span<UInt8>, into memory: inout CgroupMemory) {
  var s = ByteScanner(text)
  while !s.isAtEnd {
    if s.accept("high ") {
      memory.highEvents = s.number()
    } else if s.accept("max ") {
      memory.maxEvents = s.number()
    } else if s.accept("oom_kill ") {
      memory.oomKills = s.number()
    }
    s.skipLine()
  }
}

// Parsers of the small files of one process: bytes in, values out. They open nothing; nil means malformed.
import Samples

/// /proc/PID/stat. Nil unless every field up to the 22nd is there and ended by a blank.
func parseStat(_ text: Span<UInt8>) -> Stat? {
  var open = 0
  while open < text.count, text[open] != UInt8(ascii: "(") { open &+= 1 }
  // comm may hold ") R 1 1 (": the last bracket of the file ends it, for only numbers follow.
  var close = text.count &- 1
  while close > open, text[close] != UInt8(ascii: ")") { close &-= 1 }
  guard close > open else { return nil }

  var stat = Stat()
  for i in (open &+ 1)..<close { stat.comm.append(text[i]) }
  var s = ByteScanner(text)
  s.move(to: close &+ 1)
  s.skipBlanks()
  guard let state = s.next else { return nil }
  stat.state = state
  s.skipField()
  guard let parent = s.signed(), let group = s.signed(), let session = s.signed() else { return nil }
  stat.parent = Int32(clamping: parent)
  stat.processGroup = Int32(clamping: group)
  stat.session = Int32(clamping: session)
  for _ in 7...8 { s.skipField() }
  guard let flags = s.number() else { return nil }
  stat.flags = UInt32(truncatingIfNeeded: flags)
  for _ in 10...13 { s.skipField() }
  guard let user = s.number(), let system = s.number() else { return nil }
  stat.userTicks = user
  stat.systemTicks = system
  for _ in 16...19 { s.skipField() }
  guard let threads = s.signed() else { return nil }
  stat.threads = Int32(clamping: threads)
  s.skipField()
  // At the end of a text cut short the number may have lost digits.
  guard let start = s.number(), !s.isAtEnd else { return nil }
  stat.startTicks = start
  for _ in 23...37 { s.skipField() }
  stat.exitSignal = s.signed().map { Int32(clamping: $0) } ?? 0
  return stat
}

/// /proc/PID/statm: pages of `pageSize` bytes there, bytes here.
func parseStatm(_ text: Span<UInt8>, pageSize: UInt64) -> Statm? {
  var s = ByteScanner(text)
  guard let size = s.number(), let resident = s.number(), let shared = s.number(), !s.isAtEnd else { return nil }
  var statm = Statm()
  statm.size = ByteCount(saturating: size, times: pageSize)
  statm.resident = ByteCount(saturating: resident, times: pageSize)
  statm.shared = ByteCount(saturating: shared, times: pageSize)
  return statm
}

/// /proc/PID/status. Nil without a whole `Uid:` line, which every kernel writes, or when the text ends within a line.
func parseStatus(_ text: Span<UInt8>) -> Status? {
  guard text.count > 0, text[text.count &- 1] == 0x0A else { return nil }
  var s = ByteScanner(text)
  var status = Status()
  while !s.isAtEnd {
    var whole = true
    if s.accept("Uid:") {
      guard let real = s.number(), let effective = s.number(), !s.isAtEnd else { return nil }
      status.uid = UInt32(clamping: real)
      status.effectiveUid = UInt32(clamping: effective)
    } else if s.accept("Threads:") {
      guard let threads = s.number(), !s.isAtEnd else { return nil }
      status.threads = UInt32(clamping: threads)
    } else if s.accept("SigCgt:") {
      status.caught = s.hexadecimal()
    } else if s.accept("VmHWM:") {
      whole = s.kilobytes(into: &status.highWaterMark)
    } else if s.accept("VmRSS:") {
      whole = s.kilobytes(into: &status.rss)
    } else if s.accept("VmSwap:") {
      whole = s.kilobytes(into: &status.swap)
    } else if s.accept("RssAnon:") {
      whole = s.kilobytes(into: &status.rssAnon)
    } else if s.accept("RssFile:") {
      whole = s.kilobytes(into: &status.rssFile)
    } else if s.accept("RssShmem:") {
      whole = s.kilobytes(into: &status.rssShmem)
    }
    guard whole else { return nil }
    s.skipLine()
  }
  return status.uid == nil ? nil : status
}

/// /proc/PID/fdinfo/N: the position and the open flags, e.g. `pos:\t0` and `flags:\t02102001`.
func parseDescriptor(_ text: Span<UInt8>) -> (position: UInt64, flags: UInt64)? {
  var s = ByteScanner(text)
  var position: UInt64?, flags: UInt64?
  while !s.isAtEnd {
    if s.accept("pos:") {
      position = s.number()
    } else if s.accept("flags:") {
      flags = s.octal()
      if s.isAtEnd { return nil }
    }
    s.skipLine()
  }
  guard let position, let flags else { return nil }
  return (position, flags)
}

/// The number a file begins with: oom_score_adj, a pidfile.
func parseNumber(_ text: Span<UInt8>) -> Int64? {
  var s = ByteScanner(text)
  return s.signed()
}

extension ByteScanner {
  /// A figure in kB, e.g. `   1024 kB`. Without its unit it is not whole: the text was cut in it.
  @_lifetime(self: copy self)
  mutating func kilobytes() -> ByteCount? {
    guard let n = number() else { return nil }
    skipBlanks()
    return accept("kB") ? .kib(n) : nil
  }
  /// False when there is no whole figure.
  @_lifetime(self: copy self)
  mutating func kilobytes(into figure: inout ByteCount?) -> Bool {
    figure = kilobytes()
    return figure != nil
  }
}

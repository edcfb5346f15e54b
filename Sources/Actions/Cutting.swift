// One cut under way: the sequences of system calls behind LogFile.cut, in the order that loses least.
import CLinux
import Policy
import Samples

struct Cutting {
  let descriptor: Int32
  /// st_size when the cut began; the writer goes on meanwhile.
  let size: UInt64
  let buffer: UnsafeMutableRawBufferPointer
  let calls: FileCalls
  /// Where the kept text begins, when that was decided before; otherwise the first line within what is to be kept.
  var start: UInt64?
  var wholeLines = true
  var lost = CutLoss.none

  mutating func run(_ method: CutMethod, keep: UInt64) throws(LogRefusal) {
    guard size > keep else { throw .nothingToCut }
    switch method {
    case .punch: try punch(keep: keep)
    case .tailKeep: try tailKeep(keep: min(keep, Self.tailKeepMaximum))
    case .putBack: try putBack(keep: min(keep, Self.putBackMaximum))
    case .truncate, .rename: try truncate(to: 0)
    }
  }

  private mutating func punch(keep: UInt64) throws(LogRefusal) {
    let end = try lineStart(keep: keep)
    try check(calls.punch(descriptor, 0, end), .punch)
  }

  /// Copies to the end of the file, until a read finds nothing more, and cuts at once. A write that fails leaves the
  /// whole file: what it has overwritten so far is older than what is kept, or was copied before.
  private mutating func tailKeep(keep: UInt64) throws(LogRefusal) {
    var source = try lineStart(keep: keep)
    // A writer that outruns the copy would make this loop, and the log, endless.
    let bound = source + 2 * (size - source) + UInt64(buffer.count)
    var kept: UInt64 = 0
    var window = calls.microseconds()
    var endsLine = true
    var waitedAt: UInt64?
    while source < bound {
      let n = try read(at: source, into: 0)
      if n == 0 {
        if endsLine || waitedAt == source { break }
        waitedAt = source
        awaitWriter(at: source)
        continue
      }
      endsLine = buffer[n - 1] == UInt8(ascii: "\n")
      try write(0..<n, at: kept)
      source += UInt64(n)
      kept += UInt64(n)
      window = calls.microseconds()
    }
    // Somebody else may have cut the file meanwhile.
    let missed = source < bound ? 0 : (try LogPath.status(descriptor).size - ByteCount(source)).rawValue
    try truncate(to: kept)
    lost = missed > 0 ? .atLeast(ByteCount(missed)) : .unknown(windowMicroseconds: calls.microseconds() - window)
  }

  /// What one turn of the loop can move: 2 ms on a fast board, 20 on a slow one.
  private static let tailKeepMaximum: UInt64 = 2 << 20
  /// A quarter of the buffer stays free for what is written while the tail is read.
  private static let putBackMaximum = UInt64(CutBuffer.size / 4 * 3)

  /// Reads the tail into the buffer up to the end of the file, empties the file and writes the tail where it was.
  private mutating func putBack(keep: UInt64) throws(LogRefusal) {
    let wanted = start.map { $0 > 0 ? $0 - 1 : 0 }
    var offset = max(wanted ?? 0, size - keep - 1)
    var count = 0
    var window: UInt64 = 0
    var waitedAt: Int?
    // Bounded; if the writer outruns even this, the gap shows it.
    for _ in 0..<256 {
      window = calls.microseconds()
      let n = try read(at: offset + UInt64(count), into: count)
      if n == 0 {
        if count == 0 || buffer[count - 1] == UInt8(ascii: "\n") || waitedAt == count { break }
        waitedAt = count
        awaitWriter(at: offset)
        continue
      }
      count += n
      if count == buffer.count {
        let half = count / 2
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[half...]))
        offset += UInt64(half)
        count = half
      }
    }
    let first = wanted == 0 && offset == 0 ? 0 : firstLine(count)
    // More came while the head was archived than can be put back.
    let between = start.map { offset + UInt64(first) - min($0, offset + UInt64(first)) } ?? 0
    try truncate(to: 0)
    let shut = calls.microseconds()
    do throws(LogRefusal) {
      try write(first..<count, at: offset + UInt64(first))
      lost = gap(behind: offset + UInt64(count)) ?? .unknown(windowMicroseconds: shut - window)
      if between > 0 { lost = .atLeast(ByteCount(between)) }
    } catch {
      // The memory was free a moment ago and somebody else took it: the log goes on, without its tail.
      lost = .atLeast(ByteCount(between + UInt64(count - first)))
    }
  }

  /// A line across two pages is written in two steps, and a reader may see the first one alone. To write nothing takes
  /// the lock that the writer holds until all of its line is there.
  private func awaitWriter(at offset: UInt64) {
    if let bytes = buffer.baseAddress { _ = calls.write(descriptor, bytes, 0, offset) }
  }

  /// The NULs between the text that was put back and what the writer has written since; nil when it has not, or when
  /// they cannot be read.
  private func gap(behind end: UInt64) -> CutLoss? {
    let n = Int(cut_read(descriptor, buffer.baseAddress, 4096, end))
    guard n > 0 else { return nil }
    var nuls = 0
    while nuls < n, buffer[nuls] == 0 { nuls += 1 }
    if nuls == 0 { return CutLoss.none }
    return nuls < n ? .exactly(ByteCount(UInt64(nuls))) : .atLeast(ByteCount(UInt64(nuls)))
  }

  // MARK: - Where the kept text begins

  /// The offset of the first line that begins within the last `keep` bytes. Holes are skipped, not read, where the
  /// filesystem knows them (ramfs does not, and reading one there fills it: never more than the buffer's size).
  mutating func lineStart(keep: UInt64) throws(LogRefusal) -> UInt64 {
    if let start { return start }
    var before = size - keep - 1
    let data = cut_seek_data(descriptor, 0)
    if data > 0, UInt64(data) > before { throw .nothingToCut }
    let next = cut_seek_data(descriptor, before)
    if next > 0 { before = UInt64(next) }
    return before + UInt64(firstLine(try read(at: before, into: 0)))
  }

  /// Index of the first byte behind a newline, or behind the NULs that a hole begins the buffer with. The first byte is
  /// the one before the kept text. A newline at the very end begins no line: of one long line the end is kept, torn.
  private mutating func firstLine(_ count: Int) -> Int {
    var i = 0
    while i < count, buffer[i] == 0 { i += 1 }
    if i > 0 && i < count { return i }
    i = 1
    while i < count {
      if buffer[i - 1] == UInt8(ascii: "\n") { return i }
      i += 1
    }
    wholeLines = false
    return min(1, count)
  }

  // MARK: - Calls

  private func read(at offset: UInt64, into start: Int) throws(LogRefusal) -> Int {
    let n = cut_read(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start, offset)
    try check(n, .read)
    return Int(n)
  }

  /// All of these bytes of the buffer, or an error.
  private func write(_ range: Range<Int>, at offset: UInt64) throws(LogRefusal) {
    guard let bytes = buffer.baseAddress else { return }
    var done = 0
    while done < range.count {
      let n = calls.write(descriptor, bytes + range.lowerBound + done, range.count - done, offset + UInt64(done))
      // A write of nothing would repeat for ever.
      try check(n == 0 ? Int64(-ENOSPC) : n, .write)
      done += Int(n)
    }
  }

  private func truncate(to size: UInt64) throws(LogRefusal) { try check(calls.truncate(descriptor, size), .truncate) }

  private func check(_ result: Int64, _ step: LogStep) throws(LogRefusal) {
    guard result >= 0 else { throw .from(Int32(-result), at: step) }
  }
}

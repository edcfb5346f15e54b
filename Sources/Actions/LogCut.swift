// Bounds a log in place: no second copy in RAM, whole lines only, and works on a full filesystem. It is told when and
// how (Policy); it never chooses but where the filesystem cannot do what was asked.
//
// What can be lost: punch nothing. Tail-keep and put-back what is written between the last read that found nothing more
// and ftruncate (a few µs): no call of Linux closes that gap on ramfs. The report says how much, as far as it shows.
import CLinux
public import Policy
public import Samples

/// What writers wrote during the cut and is not in the file any more.
public enum CutLoss: Equatable, Sendable {
  case none
  /// Put-back: the hole that the writer's next line left behind the kept ones.
  case exactly(ByteCount)
  /// The writer was faster than the copy.
  case atLeast(ByteCount)
  /// Whatever was written in this many µs at most; mostly nothing.
  case unknown(windowMicroseconds: UInt64)
}

public struct CutReport: Equatable, Sendable {
  /// What was done; not what was asked for where the filesystem cannot punch.
  public var method: CutMethod
  public var allocatedBefore = ByteCount.zero, allocatedAfter = ByteCount.zero
  /// st_size; after a punch or put-back it stays what it was and more.
  public var sizeBefore = ByteCount.zero, sizeAfter = ByteCount.zero
  /// False when no newline was found within 64 KiB: the first kept line is torn.
  public var wholeLines = true
  public var lost = CutLoss.none
  public var microseconds: UInt64 = 0
  public var fileAfter: FileStatus
}

/// Cuts the file behind a descriptor that is the caller's, and says what that came to.
func cutOpened(
  _ descriptor: Int32, by method: CutMethod, keep: ByteCount, from start: UInt64? = nil, writersAppend: Bool,
  buffer: CutBuffer, calls: FileCalls
) throws(LogRefusal) -> CutReport {
  let began = calls.microseconds()
  let before = try LogPath.status(descriptor)
  var cutting = Cutting(
    descriptor: descriptor, size: before.size.rawValue, buffer: buffer.bytes, calls: calls, start: start)
  let keep = start.map { before.size - ByteCount($0) } ?? keep
  var done = method
  do throws(LogRefusal) {
    try cutting.run(done, keep: keep.rawValue)
  } catch .failed(.punch, errno: EOPNOTSUPP) {
    done = cutMethod(on: .ramfs, writersAppend: writersAppend)
    try cutting.run(done, keep: keep.rawValue)
  }
  let after = try LogPath.status(descriptor)
  return CutReport(
    method: done, allocatedBefore: before.allocated, allocatedAfter: after.allocated, sizeBefore: before.size,
    sizeAfter: after.size, wholeLines: cutting.wholeLines, lost: cutting.lost,
    microseconds: calls.microseconds() - began, fileAfter: after)
}

extension LogFile {
  /// Leaves at most `keep` bytes, the newest, beginning with a whole line. The path is verified first. `writersAppend`
  /// decides what replaces a punch that the filesystem does not support. `from`: where the kept text begins, when that
  /// was decided before.
  public func cut(
    by method: CutMethod, keep: ByteCount, from start: UInt64? = nil, writersAppend: Bool, buffer: CutBuffer,
    calls: FileCalls = .live
  ) throws(LogRefusal) -> CutReport {
    try verify()
    // Renaming is not for here: whoever asks for it has found that it cannot be done.
    let method = method == .rename ? cutMethod(on: kind, writersAppend: writersAppend) : method
    return try cutOpened(
      descriptor, by: method, keep: keep, from: start, writersAppend: writersAppend, buffer: buffer, calls: calls)
  }

  /// The part of the file that a cut would remove: from its first byte that is not a hole to the first line of the last
  /// `keep` bytes. Empty when there is nothing.
  public func head(keep: ByteCount, buffer: CutBuffer) throws(LogRefusal) -> Range<UInt64> {
    let status = try status()
    guard status.size > keep else { return 0..<0 }
    var cutting = Cutting(descriptor: descriptor, size: status.size.rawValue, buffer: buffer.bytes, calls: .live)
    var end: UInt64 = 0
    do throws(LogRefusal) { end = try cutting.lineStart(keep: keep.rawValue) } catch {
      if error == .nothingToCut { return 0..<0 }
      throw error
    }
    let start = try firstByte(status, buffer: buffer)
    return start < end ? start..<end : 0..<0
  }

  /// The offset behind the hole that earlier cuts left. ramfs knows no holes, and reading one fills it with pages: what
  /// is allocated tells how long it is, to some pages.
  public func firstByte(_ status: FileStatus, buffer: CutBuffer) throws(LogRefusal) -> UInt64 {
    let data = cut_seek_data(descriptor, 0)
    var offset = data > 0 ? UInt64(data) : 0
    if kind == .ramfs { offset = (status.size - status.allocated - .kib(64)).rawValue }
    let bytes = buffer.bytes
    while offset < status.size.rawValue {
      let n = Int(cut_read(descriptor, bytes.baseAddress, bytes.count, offset))
      guard n >= 0 else { throw .from(Int32(-n), at: .read) }
      if n == 0 { break }
      var i = 0
      while i < n, bytes[i] == 0 { i += 1 }
      offset += UInt64(i)
      if i < n { break }
    }
    return offset
  }
}

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

extension LogFile {
  /// Leaves at most `keep` bytes, the newest, beginning with a whole line. The path is verified first. `writersAppend`
  /// decides what replaces a punch that the filesystem does not support.
  public func cut(
    by method: CutMethod, keep: ByteCount, writersAppend: Bool, buffer: CutBuffer, calls: FileCalls = .live
  ) throws(LogRefusal) -> CutReport {
    let start = calls.microseconds()
    try verify()
    let before = try status()
    var cutting = Cutting(descriptor: descriptor, size: before.size.rawValue, buffer: buffer.bytes, calls: calls)
    var done = method
    do throws(LogRefusal) {
      try cutting.run(method, keep: keep.rawValue)
    } catch .failed(.punch, errno: EOPNOTSUPP) {
      done = cutMethod(on: .ramfs, writersAppend: writersAppend)
      try cutting.run(done, keep: keep.rawValue)
    }
    let after = try status()
    return CutReport(
      method: done, allocatedBefore: before.allocated, allocatedAfter: after.allocated, sizeBefore: before.size,
      sizeAfter: after.size, wholeLines: cutting.wholeLines, lost: cutting.lost,
      microseconds: calls.microseconds() - start, fileAfter: after)
  }
}

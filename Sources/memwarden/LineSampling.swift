// What a log's growth is made of: reads a little of what was written since the last look, a few times a second at most.
import Actions
import Policy
import Report
import Samples

struct LineSampling {
  private var inode: UInt64 = 0
  /// Up to here it was looked at; whether a line begins there.
  private var end: UInt64 = 0, isLineStart = false
  private var lookedAt: Instant?
  private static let gap = Milliseconds(300)

  /// `status`: of the log just now. A log that does not grow is not read.
  mutating func look(_ file: LogFile, _ status: FileStatus, buffer: CutBuffer, into record: LogRecord, now: Instant) {
    let size = status.size.rawValue
    if status.inode != inode || size < end {
      // Another file, or one that was cut: what it holds is not new.
      (inode, end, isLineStart) = (status.inode, size, false)
      return
    }
    guard size > end else { return }
    if let lookedAt, now - lookedAt < Self.gap { return }
    lookedAt = now
    if size - end > LogFile.sampleMaximum { (end, isLineStart) = (size - LogFile.sampleMaximum, false) }
    // The place behind the last newline, and how much was read.
    var used = 0, count = 0
    let begins = isLineStart
    let wasRead = file.sample(at: end, buffer: buffer) { text in
      count = text.count
      var start = 0
      if !begins {
        while start < count, text[start] != 0x0A { start &+= 1 }
        if start == count { return }
        start &+= 1
      }
      used = start + record.lines.take(text.extracting(start..<count))
    }
    guard wasRead else { return }
    if used > 0 {
      end += UInt64(used)
      isLineStart = true
    } else if !begins || count == Int(LogFile.sampleMaximum) {
      // In the middle of a line that is longer than what was read.
      end += UInt64(count)
      isLineStart = false
    }
  }
}

// One archive being made: the head of a log is copied in small steps, so that nothing else waits, and is on storage
// before anything is cut.
//
//   copying -> .part-BOOT -> fsync -> .cut-END-CRC -> (the log is cut by the caller) -> settled
//
// At every arrow a crash or a power cut leaves each line in the log, in the archive, or in both with a name that says so.
import CLinux
import CZlib
public import Samples

public final class Archiving {
  public enum Step: Equatable, Sendable {
    case more
    /// The kernel writes; ask again in some milliseconds.
    case waiting
    /// The lines up to `end` are on storage: cut there, then `settle`; or `abandon`.
    case ready
  }
  private enum Phase {
    case copying
    /// The file is brought to storage first, then the folder that has its name.
    case toSync(folder: Bool), syncing(folder: Bool)
    case ready, over
  }

  /// What is to be archived of the log, and how far that has come.
  public let start: UInt64
  public private(set) var end: UInt64, copied: UInt64
  /// Bytes in the archive, and lines.
  public private(set) var stored: UInt64 = 0, lines: UInt64 = 0
  /// What the archive is called once it is settled.
  public var name: Bytes {
    ArchiveFileName(sequence: current.sequence, gzip: current.gzip, state: .whole).bytes(stem: folder.stem)
  }

  private let source: Int32
  private let folder: ArchiveFolder
  private let press: GzipPress?
  private let buffer: CutBuffer
  private let allowance: UInt64, limit: UInt64
  private var current: ArchiveFileName
  private var file: Int32
  private var phase = Phase.copying
  private var crc: UInt32 = 0

  private static let piece = 24 * 1024, outStart = 24 * 1024, outSize = 32 * 1024
  private static let sliceMicroseconds: UInt64 = 4000

  /// `source` stays the caller's. `press`: nil writes plain text. Not more than `allowance` bytes are written: with less
  /// than it takes, the archive ends earlier; and where `limit` bytes of the log are in it.
  public init(
    _ head: Range<UInt64>, of source: Int32, into folder: ArchiveFolder, press: GzipPress?, allowance: ByteCount,
    limit: ByteCount, buffer: CutBuffer
  ) throws(ArchiveTrouble) {
    self.source = source
    self.folder = folder
    self.press = press
    self.buffer = buffer
    self.allowance = allowance.rawValue
    self.limit = limit.rawValue
    start = head.lowerBound
    end = head.upperBound
    copied = start
    current = folder.nextName(gzip: press != nil)
    file = folder.calls.create(folder.descriptor, current.bytes(stem: folder.stem))
    guard file >= 0 else { throw .failed(.create, errno: -file) }
  }
  deinit { abandon() }

  /// Goes on for some milliseconds. After an error the archive is gone, and the log is as it was.
  public func step() throws(ArchiveTrouble) -> Step {
    do throws(ArchiveTrouble) { return try proceed() } catch {
      abandon()
      throw error
    }
  }

  /// What has been copied must do.
  public func hurry() { if case .copying = phase { end = copied } }

  /// The caller has cut the log: now the archive is one among others.
  public func settle() throws(ArchiveTrouble) {
    phase = .over
    try folder.settle(current)
  }

  /// The log was not cut, or will not be: the archive goes.
  public func abandon() {
    if case .over = phase { return }
    shut()
    phase = .over
    // One that stays is found when the folder is opened next.
    try? folder.remove(current)
  }

  private func proceed() throws(ArchiveTrouble) -> Step {
    switch phase {
    case .copying:
      let began = cut_microseconds()
      repeat { try copy() } while copied < end && cut_microseconds() - began < Self.sliceMicroseconds
      if copied >= end { phase = .toSync(folder: false) }
      return .more
    case .toSync(let isFolder):
      guard copied > start else { throw .tooSlow }
      let result = folder.calls.sync(isFolder ? folder.descriptor : file)
      if result == -EBUSY { return .waiting }
      phase = .syncing(folder: isFolder)
      return try note(result, ofFolder: isFolder)
    case .syncing(let isFolder):
      return try note(folder.calls.syncDone(isFolder ? folder.descriptor : file), ofFolder: isFolder)
    case .ready, .over: return .ready
    }
  }

  /// What came of a synchronisation: 1 done, 0 not yet, or -errno.
  private func note(_ result: Int32, ofFolder isFolder: Bool) throws(ArchiveTrouble) -> Step {
    if result == 0 { return .waiting }
    // Not every filesystem synchronises folders.
    guard result == 1 || (isFolder && (result == -EINVAL || result == -EROFS)) else {
      throw .failed(.sync, errno: -result)
    }
    if !isFolder {
      phase = .toSync(folder: true)
      return .more
    }
    shut()
    var cut = current
    cut.state = .cut(end: end, crc: crc)
    try folder.rename(current, to: cut)
    current = cut
    phase = .ready
    return .ready
  }

  /// One piece, up to the end of a line where it has one.
  private func copy() throws(ArchiveTrouble) {
    guard copied < end, let memory = buffer.bytes.baseAddress else { return }
    let count = Int(min(UInt64(Self.piece), end - copied))
    var n = Int(folder.calls.read(source, memory, count, copied))
    // A file that ends before its end was cut by somebody else.
    guard n > 0 else { throw .failed(.read, errno: n == 0 ? ENODATA : Int32(-n)) }
    if copied + UInt64(n) < end {
      var i = n
      while i > 0, buffer.bytes[i - 1] != UInt8(ascii: "\n") { i -= 1 }
      if i > 0 { n = i }
    }
    let text = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<n])
    var out = text
    if let press {
      let into = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[Self.outStart..<Self.outStart + Self.outSize])
      guard let length = press.compress(text, into: into) else { throw .noMemory }
      out = UnsafeRawBufferPointer(rebasing: into[..<length])
    }
    guard stored + UInt64(out.count) <= allowance else {
      if copied == start { throw .wearCap }
      return end = copied
    }
    try write(out)
    crc = czlib_crc(crc, text.baseAddress, text.count)
    for byte in text where byte == UInt8(ascii: "\n") { lines += 1 }
    copied += UInt64(n)
    if copied - start >= limit { end = copied }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveTrouble) {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let n = folder.calls.write(file, base + done, bytes.count - done)
      guard n > 0 else { throw .failed(.write, errno: n == 0 ? ENOSPC : Int32(-n)) }
      done += Int(n)
      stored += UInt64(n)
    }
  }

  private func shut() {
    if case .syncing(folder: true) = phase { ar_sync_forget(folder.descriptor) }
    if file >= 0 {
      ar_sync_forget(file)
      close(file)
    }
    file = -1
  }
}

extension LogFile {
  /// Is what was archived up to `end` still in the log?
  public func holds(upTo end: UInt64, crc: UInt32, buffer: CutBuffer) throws(LogRefusal) -> Bool {
    let status = try status()
    var offset = try firstByte(status, buffer: buffer)
    guard offset < end, end <= status.size.rawValue else { return false }
    var sum: UInt32 = 0
    let bytes = buffer.bytes
    while offset < end {
      let n = cut_read(descriptor, bytes.baseAddress, Int(min(UInt64(bytes.count), end - offset)), offset)
      guard n > 0 else { return false }
      sum = czlib_crc(sum, bytes.baseAddress, Int(n))
      offset += UInt64(n)
    }
    return sum == crc
  }
}

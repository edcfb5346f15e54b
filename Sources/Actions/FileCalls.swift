// The seam: every system call by which a log is changed. Tests put others in its place and make the Nth one fail.
import CLinux

/// Each gives -errno on failure. (The clock is here too, for the length of a cut.)
public struct FileCalls: Sendable {
  /// ftruncate(2): descriptor, size.
  public var truncate: @Sendable (Int32, UInt64) -> Int64
  /// fallocate(2), punch a hole and keep the size: descriptor, offset, length.
  public var punch: @Sendable (Int32, UInt64, UInt64) -> Int64
  /// pwrite(2): descriptor, bytes, count, offset; bytes written.
  public var write: @Sendable (Int32, UnsafeRawPointer, Int, UInt64) -> Int64
  public var microseconds: @Sendable () -> UInt64

  public static let live = FileCalls(
    truncate: { cut_truncate($0, $1) }, punch: { cut_punch($0, $1, $2) }, write: { cut_write($0, $1, $2, $3) },
    microseconds: { cut_microseconds() })

  public init(
    truncate: @escaping @Sendable (Int32, UInt64) -> Int64, punch: @escaping @Sendable (Int32, UInt64, UInt64) -> Int64,
    write: @escaping @Sendable (Int32, UnsafeRawPointer, Int, UInt64) -> Int64,
    microseconds: @escaping @Sendable () -> UInt64
  ) {
    self.truncate = truncate
    self.punch = punch
    self.write = write
    self.microseconds = microseconds
  }
}

/// The one copy buffer of all cuts, 64 KiB, taken from the heap at the first cut and kept: memory is short when logs are
/// cut.
public final class CutBuffer {
  public static let size = 64 * 1024
  /// The tables of gzip, for whoever archives what is cut.
  public let press = GzipPress()
  private var memory: UnsafeMutableRawBufferPointer?
  public init() {}
  deinit { memory?.deallocate() }

  var bytes: UnsafeMutableRawBufferPointer {
    if let memory { return memory }
    let fresh = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.size, alignment: 4096)
    memory = fresh
    return fresh
  }
}

// The seam: every system call by which an archive is made. Tests put others in its place and make the Nth one fail.
import CLinux
public import Samples

/// Each gives -errno on failure. Names are without a slash.
public struct ArchiveCalls: Sendable {
  /// pread(2) of the log: descriptor, bytes, count, offset; bytes read.
  public var read: @Sendable (Int32, UnsafeMutableRawPointer, Int, UInt64) -> Int64
  /// A new file in the folder, open for writing.
  public var create: @Sendable (_ folder: Int32, _ name: Bytes) -> Int32
  /// write(2): descriptor, bytes, count; bytes written.
  public var write: @Sendable (Int32, UnsafeRawPointer, Int) -> Int64
  /// fsync(2), begun: 1 done, 0 under way, -EBUSY while another one is.
  public var sync: @Sendable (Int32) -> Int32
  /// 1 done, 0 not yet.
  public var syncDone: @Sendable (Int32) -> Int32
  /// fsync(2), waited for.
  public var syncNow: @Sendable (Int32) -> Int32
  /// Never replaces a file.
  public var rename: @Sendable (_ folder: Int32, _ from: Bytes, _ to: Bytes) -> Int32
  public var remove: @Sendable (_ folder: Int32, _ name: Bytes) -> Int32

  public static let live = ArchiveCalls(
    read: { cut_read($0, $1, $2, $3) }, create: { folder, name in withName(name) { ar_create(folder, $0) } },
    write: { ar_write($0, $1, $2) }, sync: { ar_sync($0) }, syncDone: { ar_sync_done($0) },
    syncNow: { ar_sync_now($0) },
    rename: { folder, from, to in withName(from) { from in withName(to) { ar_rename(folder, from, $0) } } },
    remove: { folder, name in withName(name) { ar_remove(folder, $0) } })

  public init(
    read: @escaping @Sendable (Int32, UnsafeMutableRawPointer, Int, UInt64) -> Int64,
    create: @escaping @Sendable (Int32, Bytes) -> Int32,
    write: @escaping @Sendable (Int32, UnsafeRawPointer, Int) -> Int64, sync: @escaping @Sendable (Int32) -> Int32,
    syncDone: @escaping @Sendable (Int32) -> Int32, syncNow: @escaping @Sendable (Int32) -> Int32,
    rename: @escaping @Sendable (Int32, Bytes, Bytes) -> Int32, remove: @escaping @Sendable (Int32, Bytes) -> Int32
  ) {
    self.read = read
    self.create = create
    self.write = write
    self.sync = sync
    self.syncDone = syncDone
    self.syncNow = syncNow
    self.rename = rename
    self.remove = remove
  }
}

/// Calls `body` with the name as C has it.
func withName<T>(_ name: Bytes, _ body: (UnsafePointer<CChar>) -> T) -> T {
  let text = name + [0]
  return text.withUnsafeBufferPointer { text in
    text.withMemoryRebound(to: CChar.self) { text in
      // Never empty: it ends with its NUL.
      text.baseAddress.map(body) ?? body("")
    }
  }
}

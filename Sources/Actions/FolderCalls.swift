// The seam of the pipe logger: every system call by which it changes its folder. Tests put a folder in memory in its
// place, make any call fail, and cut the power between two of them.
import CLinux
public import Samples

/// Each gives -errno on failure. Names are of files in the folder, without a slash.
public struct FolderCalls {
  /// Opens a regular file to append, made when it is not there. The caller closes it.
  public var openFile: (Bytes) -> Int32
  public var closeFile: (Int32) -> Void
  /// The size; -ENOENT when the file has no name any more.
  public var size: (Int32) -> Int64
  /// The byte at an offset.
  public var byte: (Int32, UInt64) -> Int32
  /// write(2): how many bytes were taken, which may be fewer than given.
  public var write: (Int32, UnsafeRawBufferPointer) -> Int64
  public var sync: (Int32) -> Int32
  public var rename: (_ from: Bytes, _ to: Bytes) -> Int32
  public var remove: (Bytes) -> Int32
  /// Tells every regular file and its size.
  public var list: ((Bytes, UInt64) -> Void) -> Int32
  /// The number of the newest archive, kept apart from the archives: those may all be gone.
  public var recall: () -> UInt64
  public var remember: (UInt64) -> Int32

  public init(
    openFile: @escaping (Bytes) -> Int32, closeFile: @escaping (Int32) -> Void, size: @escaping (Int32) -> Int64,
    byte: @escaping (Int32, UInt64) -> Int32, write: @escaping (Int32, UnsafeRawBufferPointer) -> Int64,
    sync: @escaping (Int32) -> Int32, rename: @escaping (Bytes, Bytes) -> Int32, remove: @escaping (Bytes) -> Int32,
    list: @escaping ((Bytes, UInt64) -> Void) -> Int32, recall: @escaping () -> UInt64,
    remember: @escaping (UInt64) -> Int32
  ) {
    self.openFile = openFile
    self.closeFile = closeFile
    self.size = size
    self.byte = byte
    self.write = write
    self.sync = sync
    self.rename = rename
    self.remove = remove
    self.list = list
    self.recall = recall
    self.remember = remember
  }

  /// The real ones, on the folder and the lock file behind these descriptors.
  public static func live(folder: Int32, lock: Int32) -> FolderCalls {
    FolderCalls(
      openFile: { name in withName(name) { folder_open_file(folder, $0) } }, closeFile: { _ = close($0) },
      size: { folder_file_size($0) }, byte: { folder_byte($0, $1) },
      write: { pipe_write($0, $1.baseAddress, $1.count) }, sync: { folder_sync($0) },
      rename: { from, to in withName(from) { from in withName(to) { folder_rename(folder, from, $0) } } },
      remove: { name in withName(name) { folder_remove(folder, $0) } }, list: { tellFiles(folder, $0) },
      recall: { folder_read_number(lock) }, remember: { folder_write_number(lock, $0) })
  }
}

private func tellFiles(_ folder: Int32, _ tell: (Bytes, UInt64) -> Void) -> Int32 {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
  defer { memory.deallocate() }
  let rewound = folder_rewind(folder)
  if rewound < 0 { return rewound }
  while true {
    let n = reading_entries(folder, memory.baseAddress, memory.count)
    if n <= 0 { return Int32(n) }
    var offset = 0
    while offset < n {
      let entry = reading_entry_at(memory.baseAddress, offset)
      offset = entry.next
      guard let text = UnsafeRawPointer(entry.name)?.assumingMemoryBound(to: CChar.self) else { continue }
      let size = folder_size_of(folder, text)
      if size >= 0 { tell(Bytes(UnsafeRawBufferPointer(start: text, count: strlen(text))), UInt64(size)) }
    }
  }
}

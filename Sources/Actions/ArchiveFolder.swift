// The folder with the archives of one log: opened safely, put in order after a crash or a power cut, kept within its
// bounds. Nothing goes by time stamps: clocks start in 1970. What goes into an archive is Archiving's.
import CLinux
import Samples

public final class ArchiveFolder {
  public struct Archive: Equatable, Sendable {
    public var name: ArchiveFileName
    public var size: ByteCount
  }

  /// The name of the log's file, which every name begins with.
  public let stem: Bytes
  /// Whole archives, the oldest first.
  public private(set) var archives = [Archive]()
  /// Whole ones whose lines may still be in the log; see `settle`.
  public private(set) var pending = [ArchiveFileName]()
  /// The first half of the boot id.
  let boot: UInt64
  let descriptor: Int32
  let calls: ArchiveCalls
  private var newest: UInt64 = 0

  /// Finishes what a power cut left half written and removes what a crash did: of that the log still has every line.
  /// `device` is the log's.
  public init(
    _ path: Bytes, of stem: Bytes, on device: Device, boot: UInt64, buffer: CutBuffer, calls: ArchiveCalls = .live
  ) throws(ArchiveTrouble) {
    self.stem = stem
    self.boot = boot
    self.calls = calls
    descriptor = try Self.open(path, on: device)
    for name in try list() {
      newest = max(newest, name.sequence)
      switch name.state {
      case .whole: archives.append(Archive(name: name, size: size(of: name)))
      case .cut: pending.append(name)
      case .part(let since): try tidy(name, isOfThisBoot: since == boot, buffer: buffer)
      }
    }
    sortArchives()
    heapSort(
      pending.count, isBefore: { pending[$0].sequence < pending[$1].sequence }, swap: { pending.swapAt($0, $1) })
  }
  deinit { close(descriptor) }

  /// Looks at the folder and changes nothing.
  public static func check(_ path: Bytes, on device: Device) throws(ArchiveTrouble) {
    close(try open(path, on: device))
  }

  private static func open(_ path: Bytes, on device: Device) throws(ArchiveTrouble) -> Int32 {
    let descriptor: Int32
    do throws(LogRefusal) { descriptor = try LogPath.openFolder(path) } catch {
      switch error {
      case .gone: throw .folderMissing
      case .denied: throw .folderDenied
      case .failed(_, let errno): throw .failed(.list, errno: errno)
      default: throw .folderUnsafe
      }
    }
    var status = cut_status()
    _ = cut_stat(descriptor, &status)
    if device != Device(major: status.major, minor: status.minor) { return descriptor }
    close(descriptor)
    throw .sameFileSystem
  }

  public var size: ByteCount { archives.reduce(.zero) { $0 + $1.size } }

  /// The pending one's lines are no longer in the log: it is an archive like the others.
  public func settle(_ name: ArchiveFileName) throws(ArchiveTrouble) {
    var whole = name
    whole.state = .whole
    try rename(name, to: whole)
    pending.removeAll { $0 == name }
    archives.append(Archive(name: whole, size: size(of: whole)))
    sortArchives()
  }

  private func sortArchives() {
    heapSort(
      archives.count, isBefore: { archives[$0].name.sequence < archives[$1].name.sequence },
      swap: { archives.swapAt($0, $1) })
  }

  /// Removes the oldest beyond these bounds; the newest stays.
  public func prune(keep: Int, budget: ByteCount) throws(ArchiveTrouble) {
    while archives.count > 1, archives.count > keep || size > budget {
      try remove(archives[0].name)
      archives.removeFirst()
    }
  }

  // MARK: - For Archiving

  func nextName(gzip: Bool) -> ArchiveFileName {
    newest += 1
    return ArchiveFileName(sequence: newest, gzip: gzip, state: .part(boot: boot))
  }

  func rename(_ from: ArchiveFileName, to: ArchiveFileName) throws(ArchiveTrouble) {
    let result = calls.rename(descriptor, from.bytes(stem: stem), to.bytes(stem: stem))
    guard result == 0 else { throw .failed(.rename, errno: -result) }
  }

  /// One that somebody else removed is removed.
  func remove(_ name: ArchiveFileName) throws(ArchiveTrouble) {
    let result = calls.remove(descriptor, name.bytes(stem: stem))
    guard result == 0 || result == -ENOENT else { throw .failed(.remove, errno: -result) }
  }

  // MARK: - Looking

  private func list() throws(ArchiveTrouble) -> [ArchiveFileName] {
    // A descriptor of its own: the position in a folder is kept with it.
    let folder = ar_open_folder(descriptor)
    guard folder >= 0 else { throw .failed(.list, errno: -folder) }
    defer { close(folder) }
    var found = [ArchiveFileName]()
    let n = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer -> Int64 in
      while true {
        let n = reading_entries(folder, buffer.baseAddress, buffer.count)
        guard n > 0 else { return n }
        var offset = 0
        while offset < Int(n) {
          let entry = reading_entry_at(buffer.baseAddress, offset)
          offset = entry.next
          if let name = entry.name {
            var length = 0
            while name[length] != 0 { length += 1 }
            let bytes = Bytes(UnsafeBufferPointer(start: name, count: length))
            if let parsed = ArchiveFileName(bytes, stem: stem) { found.append(parsed) }
          }
        }
      }
    }
    guard n >= 0 else { throw .failed(.list, errno: Int32(-n)) }
    return found
  }

  private func size(of name: ArchiveFileName) -> ByteCount {
    let bytes = name.bytes(stem: stem)
    let file = bytes.withUnsafeBytes { cut_open_name(descriptor, $0.baseAddress, $0.count) }
    guard file >= 0 else { return .zero }
    defer { close(file) }
    var status = cut_status()
    return cut_stat(file, &status) == 0 ? ByteCount(status.size) : .zero
  }

  // MARK: - After a crash or a power cut

  /// Of this boot: the RAM filesystem still has its lines. Of another: they are nowhere else, and are kept as far as
  /// they are whole.
  private func tidy(_ name: ArchiveFileName, isOfThisBoot: Bool, buffer: CutBuffer) throws(ArchiveTrouble) {
    if isOfThisBoot { return try remove(name) }
    let file = withName(name.bytes(stem: stem)) { ar_open(descriptor, $0) }
    // A link or a folder is nothing that was written here.
    guard file >= 0 else { return }
    defer { close(file) }
    let length = name.gzip ? wholeMembers(file, buffer.bytes) : wholeLines(file, buffer.bytes)
    if length == 0 { return try remove(name) }
    let cut = cut_truncate(file, length)
    guard cut == 0 else { throw .failed(.write, errno: Int32(-cut)) }
    let synced = calls.syncNow(file)
    guard synced == 0 else { throw .failed(.sync, errno: -synced) }
    var whole = name
    whole.state = .whole
    try rename(name, to: whole)
    archives.append(Archive(name: whole, size: ByteCount(length)))
  }

  private func wholeMembers(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> UInt64 {
    var length: UInt64 = 0
    while true {
      let n = read(file, buffer, at: length)
      guard n > 0, let member = GzipPress.member(UnsafeRawBufferPointer(rebasing: buffer[..<n])) else { return length }
      length += UInt64(member)
    }
  }

  /// Up to the last newline before anything that was never written: NULs, after a power cut.
  private func wholeLines(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> UInt64 {
    var length: UInt64 = 0, offset: UInt64 = 0
    while true {
      let n = read(file, buffer, at: offset)
      guard n > 0 else { return length }
      for i in 0..<n {
        if buffer[i] == 0 { return length }
        if buffer[i] == UInt8(ascii: "\n") { length = offset + UInt64(i) + 1 }
      }
      offset += UInt64(n)
    }
  }

  private func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    buffer.baseAddress.map { Int(calls.read(file, $0, buffer.count, offset)) } ?? 0
  }
}

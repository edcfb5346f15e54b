// One log file, opened so that nobody can make root cut another one. Opens and looks; LogCut cuts.
//
// The path is walked from / by openat with O_NOFOLLOW, one name at a time. Links are followed only for folders (e.g.
// /var/log -> /tmp/log on OpenWrt), only when the link belongs to root or memwarden's user and stands in a folder of
// theirs that others cannot write to; at every opening anew, so that nothing resolved long ago is trusted. The file is
// first opened by O_PATH, which no device or FIFO notices, judged, and only then opened for writing.
import CLinux
public import Samples

/// An open log. It pins its inode and its mount: let go of it when `status().links` is 0.
public final class LogFile {
  public let path: Bytes
  public let kind: Mount.Kind
  /// Device and inode under which it was opened.
  public let opened: FileStatus
  /// Open for reading and writing; owned here.
  public let descriptor: Int32
  private let writers: [UInt32]

  /// `path` is absolute. `writers`: effective user ids of the processes that have it open for writing; they matter in
  /// folders like /tmp, where anybody may create files.
  public init(_ path: Bytes, writers: [UInt32] = []) throws(LogRefusal) {
    var kind = Mount.Kind.other, found: FileStatus?, descriptor: Int32 = -1
    try LogPath.walk(path) { place throws(LogRefusal) in
      kind = try LogPath.judge(place, writers: writers)
      found = place.status
      descriptor = cut_reopen(place.descriptor)
      guard descriptor >= 0 else { throw .from(-descriptor, at: .open) }
    }
    guard let opened = found else { throw .gone }
    (self.path, self.writers, self.kind, self.opened, self.descriptor) = (path, writers, kind, opened, descriptor)
  }
  deinit { close(descriptor) }

  /// fstat(2) of the open file, wherever its name went.
  public func status() throws(LogRefusal) -> FileStatus { try LogPath.status(descriptor) }

  /// Walks the path again with all its checks: `.swapped` when it now leads to another file.
  public func verify() throws(LogRefusal) {
    try LogPath.walk(path) { place throws(LogRefusal) in
      _ = try LogPath.judge(place, writers: writers)
      guard place.status.inode == opened.inode, place.status.device == opened.device else { throw .swapped }
    }
  }
}

/// The walk. Allocates only where a folder is a link.
enum LogPath {
  /// Where the walk ended: O_PATH descriptors of the file and of its folder, closed when the visit is over.
  struct Place {
    var descriptor: Int32
    var status: FileStatus
    var folder: Int32
    /// What the file is called there.
    var name: ArraySlice<UInt8>
  }

  private static let linksMaximum = 8
  private static let slash = UInt8(ascii: "/")

  /// Goes to the file, as far as the way is safe, and visits it.
  static func walk(_ path: Bytes, _ visit: (Place) throws(LogRefusal) -> Void) throws(LogRefusal) {
    guard path.first == slash, let last = path.last, last != slash else { throw .notRegular }
    var rest = path
    var from = 0
    var links = 0
    var folder = try open(cut_open_root())
    defer { close(folder) }
    while let name = nextName(rest, &from) {
      let isLast = from == rest.count
      let next = try open(
        rest.withUnsafeBytes { cut_open_name(folder, $0.baseAddress.map { $0 + name.lowerBound }, name.count) })
      var isFolder = false
      defer { if !isFolder { close(next) } }
      let status = try status(next)
      if isLast { return try visit(Place(descriptor: next, status: status, folder: folder, name: rest[name])) }
      if status.mode & formatMask == linkFormat {
        links += 1
        guard links <= linksMaximum, isTrusted(link: status, in: try self.status(folder)) else { throw .symbolicLink }
        let target = try readLink(next)
        if target.first == slash {
          close(folder)
          folder = -1
          folder = try open(cut_open_root())
        }
        rest = target + rest[from...]
        from = 0
      } else {
        close(folder)
        folder = next
        isFolder = true
      }
    }
    throw .notRegular
  }

  static func status(_ descriptor: Int32) throws(LogRefusal) -> FileStatus {
    var s = cut_status()
    let result = cut_stat(descriptor, &s)
    guard result == 0 else { throw .from(-result, at: .status) }
    return FileStatus(
      device: Device(major: s.major, minor: s.minor), inode: s.inode, links: s.links, mode: s.mode, uid: s.uid,
      size: ByteCount(s.size), allocated: ByteCount(s.allocated))
  }

  // MARK: - Judging one name

  private static let formatMask: UInt32 = 0o170000, linkFormat: UInt32 = 0o120000
  private static let sticky: UInt32 = 0o1000, writableByOthers: UInt32 = 0o022

  /// May this file be cut? `writers`: see LogFile.
  static func judge(_ place: Place, writers: [UInt32]) throws(LogRefusal) -> Mount.Kind {
    let file = place.status, folder = try status(place.folder)
    guard file.mode & formatMask != linkFormat else { throw .symbolicLink }
    guard file.isRegular else { throw .notRegular }
    guard file.links == 1 else { throw file.links == 0 ? .gone : .hardLinked(count: file.links) }
    let raw = cut_filesystem(place.descriptor)
    guard raw >= 0 else { throw .from(-raw, at: .status) }
    guard let kind = Mount.Kind(rawValue: UInt8(truncatingIfNeeded: raw)), kind != .other else { throw .notOnRAM }
    if folder.mode & writableByOthers != 0 {
      guard folder.mode & sticky != 0 else { throw .unsafeDirectory }
      guard isOurs(file.uid) || writers.contains(file.uid) else { throw .foreignOwner(uid: file.uid) }
    }
    return kind
  }

  /// A folder where only root or memwarden's user can make and remove names, opened; the caller closes it.
  static func openFolder(_ path: Bytes) throws(LogRefusal) -> Int32 {
    var descriptor: Int32 = -1
    try walk(path + Bytes("/.")) { place throws(LogRefusal) in
      guard isOurs(place.status.uid) else { throw .foreignOwner(uid: place.status.uid) }
      guard place.status.mode & writableByOthers == 0 else { throw .unsafeDirectory }
      descriptor = try open(ar_open_folder(place.descriptor))
    }
    return descriptor
  }

  /// A sticky folder is not enough here: a root-owned link can be hard-linked into it by anybody.
  private static func isTrusted(link: FileStatus, in folder: FileStatus) -> Bool {
    isOurs(link.uid) && isOurs(folder.uid) && folder.mode & writableByOthers == 0
  }

  private static func isOurs(_ uid: UInt32) -> Bool { uid == 0 || uid == cut_effective_uid() }

  // MARK: - Small steps

  private static func open(_ descriptor: Int32) throws(LogRefusal) -> Int32 {
    guard descriptor >= 0 else { throw .from(-descriptor, at: .open) }
    return descriptor
  }

  private static func readLink(_ descriptor: Int32) throws(LogRefusal) -> Bytes {
    try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer throws(LogRefusal) -> Bytes in
      let n = cut_read_link(descriptor, buffer.baseAddress, buffer.count)
      guard n >= 0 else { throw .from(-n, at: .link) }
      return Bytes(buffer[..<Int(n)])
    }
  }

  /// The next name at or after `from`, slashes skipped; `from` is put behind it.
  private static func nextName(_ path: Bytes, _ from: inout Int) -> Range<Int>? {
    while from < path.count, path[from] == slash { from += 1 }
    let start = from
    while from < path.count, path[from] != slash { from += 1 }
    return start < from ? start..<from : nil
  }
}

// A log under another name, while its writers are asked to open the old one again: renamed, put back, removed. Renaming
// takes no room: it is done on a full filesystem too. Whether anybody still has it open is for others to find out.
import CLinux
public import Samples

/// The renaming calls; tests make them fail.
public struct MovingCalls: Sendable {
  /// Never replaces a file.
  public var rename: @Sendable (_ folder: Int32, _ from: Bytes, _ to: Bytes) -> Int32
  /// Replaces what has the name.
  public var replace: @Sendable (_ folder: Int32, _ from: Bytes, _ to: Bytes) -> Int32
  /// Each gets the other's name.
  public var exchange: @Sendable (_ folder: Int32, _ one: Bytes, _ other: Bytes) -> Int32
  /// An empty file with owner and mode of `like`.
  public var create: @Sendable (_ folder: Int32, _ name: Bytes, _ like: Int32) -> Int32
  public var remove: @Sendable (_ folder: Int32, _ name: Bytes) -> Int32

  public static let live = MovingCalls(
    rename: { folder, from, to in withName(from) { from in withName(to) { ar_rename(folder, from, $0) } } },
    replace: { folder, from, to in withName(from) { from in withName(to) { ar_replace(folder, from, $0) } } },
    exchange: { folder, one, other in withName(one) { one in withName(other) { ar_exchange(folder, one, $0) } } },
    create: { folder, name, like in withName(name) { ar_create_like(folder, $0, like) } },
    remove: { folder, name in withName(name) { ar_remove(folder, $0) } })
}

public final class MovedLog {
  /// The file under its new name; `opened` is its identity.
  public let file: LogFile
  private let folder: Int32
  private let name: Bytes
  private let calls: MovingCalls
  private static let suffix: StaticString = ".moved", oldSuffix: StaticString = ".moved.old"

  private init(_ file: LogFile, folder: Int32, name: Bytes, calls: MovingCalls) {
    self.file = file
    self.folder = folder
    self.name = name
    self.calls = calls
  }
  deinit { close(folder) }

  /// Renames the file, which is verified first. `create`: an empty one follows at once; a writer may be quicker.
  public static func move(_ log: LogFile, create: Bool, calls: MovingCalls = .live) throws(LogRefusal) -> MovedLog {
    try log.verify()
    let folder = try openFolder(of: log.path)
    let name = lastName(log.path), moved = name + Bytes(suffix)
    let result = calls.rename(folder, name, moved)
    guard result == 0 else {
      close(folder)
      throw .failed(.rename, errno: -result)
    }
    do throws(LogRefusal) {
      let file = try LogFile(log.path + Bytes(suffix))
      guard file.opened.inode == log.opened.inode, file.opened.device == log.opened.device else { throw .swapped }
      let made = create ? calls.create(folder, name, log.descriptor) : 0
      guard made == 0 || made == -EEXIST else { throw .failed(.create, errno: -made) }
      return MovedLog(file, folder: folder, name: name, calls: calls)
    } catch {
      _ = calls.rename(folder, moved, name)
      close(folder)
      throw error
    }
  }

  /// One that a former memwarden left; nil when there is none.
  public static func find(_ path: Bytes, create: Bool, calls: MovingCalls = .live) throws(LogRefusal) -> MovedLog? {
    let file: LogFile
    do throws(LogRefusal) { file = try LogFile(path + Bytes(suffix)) } catch {
      if error == .gone { return nil }
      throw error
    }
    let folder = try openFolder(of: path)
    let name = lastName(path)
    if create { _ = calls.create(folder, name, file.descriptor) }
    return MovedLog(file, folder: folder, name: name, calls: calls)
  }

  /// Gives it its name back, in place of a file that is unused, or of none. False: another file has the name and stays.
  public func putBack(isUnused: (LogFile) -> Bool) throws(LogRefusal) -> Bool {
    try file.verify()
    let moved = name + Bytes(Self.suffix)
    let result = calls.rename(folder, moved, name)
    if result == 0 { return true }
    guard result == -EEXIST else { throw .failed(.rename, errno: -result) }
    // Exchanged and looked at then: somebody may open it and write until it loses the name.
    guard calls.exchange(folder, moved, name) == 0 else { return false }
    if let other = try? LogFile(file.path), isUnused(other) {
      _ = calls.remove(folder, moved)
      return true
    }
    let back = calls.exchange(folder, moved, name)
    guard back == 0 else { throw .failed(.rename, errno: -back) }
    return false
  }

  public func remove() throws(LogRefusal) {
    try file.verify()
    let result = calls.remove(folder, name + Bytes(Self.suffix))
    guard result == 0 else { throw .failed(.rename, errno: -result) }
  }

  /// Without an archive it stays beside the log, as NAME.moved.old, until the next one.
  public func retire() throws(LogRefusal) {
    try file.verify()
    let result = calls.replace(folder, name + Bytes(Self.suffix), name + Bytes(Self.oldSuffix))
    guard result == 0 else { throw .failed(.rename, errno: -result) }
  }

  private static func openFolder(of path: Bytes) throws(LogRefusal) -> Int32 {
    let slash = path.lastIndex(of: UInt8(ascii: "/")) ?? 0
    return try LogPath.openFolder(Bytes(path[..<slash]))
  }
  private static func lastName(_ path: Bytes) -> Bytes {
    Bytes(path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...])
  }
}

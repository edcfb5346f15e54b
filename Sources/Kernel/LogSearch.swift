// Finds the files that a pattern means, or that are below a folder, in slices: a folder may hold 100 000 files. Reads
// only. Links are found as links and never followed, but for the folders that stand in the pattern itself: whoever cuts
// a file walks its path again, with all checks.
import CLinux
public import Samples

public final class LogSearch {
  public struct File: Equatable, Sendable {
    public var path: Bytes
    /// Of lstat(2): a link is a link.
    public var status: FileStatus
  }
  public let glob: Glob
  private let isTree: Bool
  /// Of the last finished search: regular files, and links that match a pattern; at most `maximum`, in the folder's
  /// order.
  public private(set) var found: [File] = []
  /// Beyond the maximum: how many, and what they hold.
  public private(set) var missed = 0
  public private(set) var missedBytes = ByteCount.zero
  /// Folders in which a file may appear: to be waited at. At most `folderMaximum`.
  public private(set) var folders: [Bytes] = []
  /// A folder is on a filesystem that is neither ramfs nor tmpfs: what is in it was not looked at.
  public private(set) var isOffRAM = false
  /// False when it gave up at `entryMaximum` entries or had no room for more folders.
  public private(set) var isComplete = false
  public private(set) var isFinished = true

  public static let maximum = 512, folderMaximum = 32, entryMaximum = 100_000
  private static let pendingMaximum = 1024

  private var running: [File] = [], runningFolders: [Bytes] = [], pending: [Folder] = []
  private var runningMissed = 0, runningMissedBytes = ByteCount.zero, runningOffRAM = false, runningComplete = true
  private var entries = 0
  private var current: Folder?, open: Descriptor?, device: Device?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
  private var filled = 0, offset = 0

  private struct Folder {
    var path: Bytes
    /// How many names of the pattern its path stands for.
    var depth: Int
  }

  public init(_ glob: Glob) {
    self.glob = glob
    isTree = !glob.hasWildcard
  }
  deinit { buffer.deallocate() }

  /// Begins anew; the last finished result stays until the next one is there.
  public func restart() {
    running.removeAll(keepingCapacity: true)
    runningFolders.removeAll(keepingCapacity: true)
    (runningMissed, runningMissedBytes, runningOffRAM, runningComplete) = (0, .zero, false, true)
    entries = 0
    (filled, offset) = (0, 0)
    current = nil
    open = nil
    device = nil
    var path = Bytes()
    for part in glob.parts[..<glob.fixedParts] {
      path.append(UInt8(ascii: "/"))
      path.write(part)
    }
    pending = [Folder(path: path, depth: glob.fixedParts)]
    isFinished = false
  }

  /// Looks at no more than `limit` entries (about 1 µs each). True when the search is finished.
  public func step(entries limit: Int) -> Bool {
    var left = limit
    while left > 0, !isFinished {
      if offset < filled {
        let entry = reading_entry_at(buffer.baseAddress, offset)
        offset = entry.next
        guard let name = entry.name, !isDots(name) else { continue }
        take(name)
        left -= 1
      } else if !fill() {
        openNext()
        left -= 1
      }
    }
    return isFinished
  }

  private func fill() -> Bool {
    guard let number = open?.number else { return false }
    let n = reading_entries(number, buffer.baseAddress, buffer.count)
    (filled, offset) = (max(Int(n), 0), 0)
    return n > 0
  }

  private func take(_ name: UnsafePointer<UInt8>) {
    guard let number = open?.number, let current else { return }
    entries += 1
    guard entries <= Self.entryMaximum else {
      runningComplete = false
      return finish()
    }
    let isLast = current.depth + 1 >= glob.parts.count
    let text = UnsafeBufferPointer(start: name, count: length(of: name))
    if !isTree, !globMatches(glob.parts[current.depth], text) { return }
    var raw = reading_status()
    guard reading_stat(number, name, 0, &raw) == 0 else { return }  // Deleted meanwhile.
    let status = FileStatus(raw)
    let isFolder = status.mode & 0o170000 == 0o040000, isLink = status.mode & 0o170000 == 0o120000
    guard isFolder ? (isTree || !isLast) : (isTree ? status.isRegular : isLast && (status.isRegular || isLink)) else {
      return
    }
    if isFolder {
      guard pending.count < Self.pendingMaximum else { return runningComplete = false }
    } else if running.count == Self.maximum {
      runningMissed += 1
      runningMissedBytes += status.allocated
      return
    }
    let path = current.path + [UInt8(ascii: "/")] + Bytes(text)
    if isFolder {
      pending.append(Folder(path: path, depth: current.depth + 1))
    } else {
      running.append(File(path: path, status: status))
    }
  }

  private func openNext() {
    open = nil
    guard let folder = pending.popLast() else { return finish() }
    current = folder
    do throws(Absence) { open = try openFolder(folder) } catch { return }
    guard let number = open?.number else { return }
    if cut_filesystem(number) == 2 {
      runningOffRAM = true
      open = nil
      return
    }
    if runningFolders.count < Self.folderMaximum { runningFolders.append(folder.path) }
  }

  /// The first one as it is written, links followed; every other name by name from there, so that none is a link. A tree
  /// ends where another filesystem begins.
  private func openFolder(_ folder: Folder) throws(Absence) -> Descriptor {
    var fixed = 0, slashes = 0
    while fixed < folder.path.count {
      if folder.path[fixed] == UInt8(ascii: "/") { slashes += 1 }
      if slashes > glob.fixedParts { break }
      fixed += 1
    }
    var opened = try Self.open(-1, Bytes(folder.path[..<fixed]) + Bytes("/.") + [0])
    for name in folder.path[fixed...].split(separator: UInt8(ascii: "/")) {
      opened = try Self.open(opened.number, Bytes(name) + [0])
    }
    var raw = reading_status()
    let result = reading_stat(opened.number, [UInt8(ascii: "."), 0], 0, &raw)
    guard result == 0 else { throw Absence(errno: -result) }
    let here = FileStatus(raw).device
    if isTree, let device, device != here { throw .unsupported }
    device = here
    return opened
  }
  private static func open(_ directory: Int32, _ name: Bytes) throws(Absence) -> Descriptor {
    try Descriptor(
      name.withUnsafeBufferPointer { $0.baseAddress.map { reading_open_directory(directory, $0) } ?? -EINVAL })
  }

  private func finish() {
    open = nil
    current = nil
    isFinished = true
    (found, folders) = (running, runningFolders)
    (missed, missedBytes, isOffRAM, isComplete) = (
      runningMissed, runningMissedBytes, runningOffRAM, runningComplete
    )
  }
}

private func length(of name: UnsafePointer<UInt8>) -> Int {
  var n = 0
  while name[n] != 0 { n &+= 1 }
  return n
}

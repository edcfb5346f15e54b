// Sizes a RAM filesystem by walking it, in slices: statfs says 0 of 0 for a ramfs. Reads only.
import CLinux
public import Samples

/// A walk over one mount by allocated blocks: a 2-byte file on a RAM filesystem holds a page, a sparse file of 1 GB may
/// hold one too. Stays on its device, counts hard links once, follows no link. Memory is bounded: 64 kB of folders yet
/// to be read, 4096 hard-linked inodes, `entryMaximum` entries; past those, or where a folder cannot be read, the result
/// is a lower bound and says so. A bind mount of a folder is sized as far as it shows. Walks after the first, of a tree
/// that did not change, allocate nothing.
public final class TreeWalk {
  public let mount: Mount
  /// The last finished walk; `complete` is false before the first, and when that one saw only a part. Inodes are counted
  /// as statfs does: folders and the root too. size is nil.
  public private(set) var usage = FileSystemUsage()
  public private(set) var sums = TreeSums()
  /// Its regular files that hold most, and those that gained most since the walk before: at most 8, the first first.
  public private(set) var largest = FileRanking(capacity: listed), growers = FileRanking(capacity: listed)
  public static let entryMaximum = 100_000, listed = 8

  private var running = FileSystemUsage()
  private var runningSums = TreeSums()
  private var runningLargest = FileRanking(capacity: listed), runningGrowers = FileRanking(capacity: listed)
  private var sizes = SizeMemory()
  private let point: Bytes
  private var component = Bytes()
  private var seenLinks = Set<UInt64>()
  private var entries = 0
  /// Folders yet to be read: paths from the mount point, each with its NUL, the root being empty.
  private var pending = Bytes()
  /// The folder that is open, as in `pending` but without the NUL.
  private var folder = Bytes()
  private var open: Descriptor?
  /// The walk under way has seen everything it may; `restart` begins another.
  public private(set) var isFinished = false

  public init(mount: Mount) {
    self.mount = mount
    point = mount.point + [0]
    usage.complete = false
    restart()
  }

  /// Begins anew; the last finished result stays until the next one is there.
  public func restart() {
    running = FileSystemUsage()
    runningSums = TreeSums()
    runningLargest.clear()
    runningGrowers.clear()
    seenLinks.removeAll(keepingCapacity: true)
    entries = 0
    pending.removeAll(keepingCapacity: true)
    pending.append(0)
    open = nil
    isFinished = false
  }

  /// Looks at `limit` entries (about 1 µs each) or a piece of a folder more, some 100. True when the walk is finished and
  /// `usage` holds it; further calls then do nothing until `restart`.
  public func step(entries limit: Int) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 8) { piece in
      var left = limit
      while left > 0, !isFinished {
        let filled = read(piece)
        if filled == 0 {
          openNext()
          left -= 1
        }
        var offset = 0
        while offset < filled, !isFinished {
          let entry = reading_entry_at(piece.baseAddress, offset)
          offset = entry.next
          guard let name = entry.name, !isDots(name) else { continue }
          take(name)
          left -= 1
        }
      }
    }
    return isFinished
  }

  /// The next piece of the open folder, its length; 0 at its end.
  private func read(_ piece: UnsafeMutableRawBufferPointer) -> Int {
    guard let number = open?.number else { return 0 }
    let n = reading_entries(number, piece.baseAddress, piece.count)
    if n < 0, n != -Int64(ENOENT) { running.complete = false }
    return max(Int(n), 0)
  }

  private func take(_ name: UnsafePointer<UInt8>) {
    guard let number = open?.number else { return }
    entries += 1
    if entries > Self.entryMaximum {
      running.complete = false
      finish()
      return
    }
    var found = reading_status()
    guard reading_stat(number, name, 0, &found) == 0 else { return }  // Deleted meanwhile.
    let status = FileStatus(found)
    guard status.device == mount.device else { return }
    let isFolder = status.mode & 0o170000 == 0o040000
    if !isFolder && status.links > 1 {
      if seenLinks.contains(status.inode) { return }
      if seenLinks.count < 4096 { seenLinks.insert(status.inode) } else { running.complete = false }
    }
    running.files += 1
    running.used += status.allocated
    if isFolder {
      push(name)
    } else if status.isRegular {
      keep(name, status)
    }
  }

  private func push(_ name: UnsafePointer<UInt8>) {
    guard pending.count + folder.count < 64 * 1024 else {
      running.complete = false
      return
    }
    pending.write(folder)
    pending.append(UInt8(ascii: "/"))
    append(name, to: &pending)
    pending.append(0)
  }

  private func keep(_ name: UnsafePointer<UInt8>, _ status: FileStatus) {
    runningSums.add(status)
    let gained = sizes.gained(status)
    if runningGrowers.admits(gained) { runningGrowers.insert(status, rank: gained) { writePath(name, to: &$0) } }
    if runningLargest.admits(status.allocated) {
      runningLargest.insert(status, rank: status.allocated) { writePath(name, to: &$0) }
    }
  }

  private func writePath(_ name: UnsafePointer<UInt8>, to path: inout Bytes) {
    if !equal(mount.point, "/") { path.write(mount.point) }
    path.write(folder)
    path.append(UInt8(ascii: "/"))
    append(name, to: &path)
  }

  private func append(_ name: UnsafePointer<UInt8>, to out: inout Bytes) {
    var i = 0
    while name[i] != 0 {
      out.append(name[i])
      i &+= 1
    }
  }

  /// Opens the last of `pending`, or ends the walk.
  private func openNext() {
    open = nil
    guard !pending.isEmpty else {
      finish()
      return
    }
    pending.removeLast()
    var start = pending.count
    while start > 0, pending[start - 1] != 0 { start -= 1 }
    folder.removeAll(keepingCapacity: true)
    for i in start..<pending.count { folder.append(pending[i]) }
    pending.removeLast(pending.count - start)
    do throws(Absence) { open = try openFolder() } catch {
      // A folder deleted meanwhile is no gap, a mount point that is not there is.
      if error != .gone || folder.isEmpty { running.complete = false }
    }
    if folder.isEmpty, open?.number != nil { running.files += 1 }
  }

  /// From the mount point down, name by name, so that no component is a link; still on the mount's device.
  private func openFolder() throws(Absence) -> Descriptor {
    var current = try Self.openFolder(-1, point)
    component.removeAll(keepingCapacity: true)
    for i in 0...folder.count {
      if i < folder.count, folder[i] != UInt8(ascii: "/") {
        component.append(folder[i])
      } else if !component.isEmpty {
        component.append(0)
        current = try Self.openFolder(current.number, component)
        component.removeAll(keepingCapacity: true)
      }
    }
    var status = reading_status()
    let result = reading_stat_open(current.number, &status)
    guard result == 0 else { throw Absence(errno: -result) }
    guard FileStatus(status).device == mount.device else { throw .gone }
    return current
  }
  private static func openFolder(_ directory: Int32, _ name: Bytes) throws(Absence) -> Descriptor {
    try Descriptor(
      name.withUnsafeBufferPointer { $0.baseAddress.map { reading_open_directory(directory, $0) } ?? -EINVAL })
  }

  private func finish() {
    open = nil
    isFinished = true
    usage = running
    sums = runningSums
    swap(&largest, &runningLargest)
    swap(&growers, &runningGrowers)
    sizes.endWalk(complete: running.complete)
  }
}

// One RAM filesystem between walks: how much it holds, which of its files grow, when it is walked again. Reads only.
import CLinux
import Kernel
import Policy
import Report
import Samples

final class RAMFileSystem {
  let mount: Mount
  let record: FileSystemRecord
  private let walk: TreeWalk
  private var isWalking = false
  /// The beginning of the last walk, and what it cost so far in µs of CPU time.
  private var walkedAt: Instant?, cost: Int64 = 0
  private var isWhole = false, hasGrown = false
  /// What changes when the tree does, as it was at the last walk.
  private var markAtWalk: UInt64 = 0, mark: UInt64 = 0
  private var usedAtWalk = ByteCount.zero
  /// Held deleted, as far as the search under way has come.
  var deletedSoFar = ByteCount.zero
  /// Memory went without a name: files were deleted, and nothing says yet that nobody holds them.
  var wantsSearch = false
  private var unaccountedAtSearch = ByteCount.zero

  /// A tree that stands still is walked this often, one in which a file grows, and one that changed.
  private static let base = Milliseconds.seconds(60), growing = Milliseconds.seconds(10)
  private static let least = Milliseconds.seconds(1)
  /// A walk pauses for 500 times what it cost: 0.2 % of a processor.
  private static let pausePerCost: Int64 = 500
  private static let entriesPerStep = 128
  /// What may have been deleted and is still held is worth a search from here on.
  private static let worthSearching = ByteCount.kib(64)

  init(_ mount: Mount, alsoAt: [Bytes], isCovered: Bool) {
    self.mount = mount
    walk = TreeWalk(mount: mount)
    record = FileSystemRecord(point: mount.point, kind: mount.kind, usage: nil, absence: .notRead)
    record.alsoAt = alsoAt
    record.isCovered = isCovered
  }

  /// statfs where that answers. False when the mount is gone.
  func measure(_ reader: KernelReader, unevictable: ByteCount) -> Bool {
    if record.isCovered { return true }
    do throws(Absence) {
      let usage = try reader.usage(of: mount)
      record.usage = usage
      mark = usage.used.rawValue &+ usage.files
    } catch .unsupported {
      // ramfs pages are unevictable ones (fact of the kernel): while their number stands still, so does the tree.
      mark = unevictable.rawValue
    } catch {
      record.usage = nil
      record.absence = error
      return error != .gone
    }
    return true
  }

  /// What it can still take, and until when.
  func forecast(usable: ByteCount) {
    guard let usage = record.usage else {
      record.limit = nil
      record.untilFull = nil
      return
    }
    let room = min(usage.size.map { $0 - usage.used } ?? usable, usable)
    record.limit = usage.used + room
    record.untilFull = record.rate.timeToFill(room)
  }

  /// It is half full, or will be full within ten minutes.
  var isPressing: Bool {
    if let untilFull = record.untilFull, untilFull < .seconds(600) { return true }
    guard let used = record.usage?.used, let limit = record.limit else { return false }
    return used.rawValue >= limit.rawValue / 2
  }

  /// `hurriedAt`: a walk that began earlier is too old.
  func isWalkDue(_ now: Instant, hurriedAt: Instant?) -> Bool {
    if record.isCovered || record.absence == .denied || record.absence == .gone { return false }
    guard !isWalking, let walkedAt else { return true }
    if let hurriedAt, walkedAt < hurriedAt { return true }
    let age = now - walkedAt
    guard age >= Self.least, age.rawValue >= cost * Self.pausePerCost / 1000 else { return false }
    return age >= Self.base || (hasGrown && age >= Self.growing) || mark != markAtWalk
  }

  /// Walks on until then (µs of boot time), one step at least. True when the walk is over.
  func walkOn(_ reader: KernelReader, until end: Int64, now: Instant) -> Bool {
    let start = cl_cpu_us()
    let before = walkedAt
    if !isWalking {
      walk.restart()
      (isWalking, walkedAt, cost, markAtWalk) = (true, now, 0, mark)
      interval = before.map { now - $0 } ?? .zero
    }
    var isOver = false
    repeat { isOver = walk.step(entries: Self.entriesPerStep) } while !isOver && cl_boottime_us() < end
    cost += cl_cpu_us() - start
    if isOver { finish(reader, now: now) } else if record.usage == nil { record.usage = walk.usage }
    return isOver
  }
  /// From the beginning of the walk before to that of this one; zero at the first.
  private var interval = Milliseconds.zero

  private func finish(_ reader: KernelReader, now: Instant) {
    isWalking = false
    isWhole = walk.usage.complete
    record.absence = nil
    record.sums = isWhole ? walk.sums : nil
    record.largest.copy(walk.largest)
    noteDeleted()
    if walk.usage.used + Self.worthSearching <= usedAtWalk { wantsSearch = true }
    usedAtWalk = walk.usage.used
    noteGrowers(reader, now: now)
    // statfs of the same moment.
    if record.kind == .tmpfs, let usage = try? reader.usage(of: mount) { record.usage = usage }
    if let unaccounted = record.unaccounted,
      max(unaccounted, unaccountedAtSearch) - min(unaccounted, unaccountedAtSearch) >= Self.worthSearching
    {
      wantsSearch = true
    }
    guard let used = record.usage?.used else { return }
    record.rate.add(exact: used - (isWhole ? walk.sums.rounding : .zero), used: used, now: now)
  }

  /// What a walk cannot meet belongs to what the filesystem holds, where the walk is all that is known.
  func noteDeleted() {
    guard !isWalking, walkedAt != nil, record.usage?.size == nil else { return }
    var usage = walk.usage
    usage.used += record.deleted
    record.usage = usage
  }

  /// All descriptors were looked at.
  func searchDone() {
    record.deleted = deletedSoFar
    noteDeleted()
    unaccountedAtSearch = record.unaccounted ?? .zero
    wantsSearch = false
  }

  // MARK: Growers

  private func noteGrowers(_ reader: KernelReader, now: Instant) {
    hasGrown = walk.growers.count > 0
    let elapsed = UInt64(max(interval.rawValue, 1))
    var gained: UInt32 = 0
    for i in record.growers.indices { record.growers[i].bytesPerSecond = 0 }
    for j in 0..<walk.growers.count {
      let file = walk.growers[j]
      guard let i = record.growers.firstIndex(where: { $0.inode == file.inode }) ?? place(for: file, now: now) else {
        continue
      }
      gained |= 1 << UInt32(i)
      if record.growers[i].path != file.path { record.growers[i].path = file.path }
      record.growers[i].allocated = file.allocated
      record.growers[i].size = file.size
      let (high, low) = file.rank.rawValue.multipliedFullWidth(by: 1000)
      record.growers[i].bytesPerSecond = high >= elapsed ? .max : elapsed.dividingFullWidth((high, low)).quotient
      record.growers[i].growth.add(file.rank, now: now)
    }
    var i = record.growers.count
    while i > 0 {
      i -= 1
      if gained & (1 << UInt32(i)) == 0 {
        record.growers[i].growth.add(.zero, now: now)
        let isThere = (try? reader.fileStatus(record.growers[i].path))?.inode == record.growers[i].inode
        if !isThere || record.growers[i].growth.isSilent {
          record.growers.remove(at: i)
          continue
        }
      }
      record.growers[i].bytesPerDay = record.growers[i].growth.perDay(now: now)
    }
    sortGrowers()
  }

  /// A place for a new grower, that of the slowest one when all are taken by slower ones.
  private func place(for file: RankedFile, now: Instant) -> Int? {
    var grower = GrowerRecord(path: file.path, inode: file.inode, allocated: file.allocated, size: file.size)
    grower.growth.start(now: Instant(milliseconds: now.milliseconds - interval.rawValue))
    if record.growers.count < FileSystemRecord.listed {
      record.growers.append(grower)
      return record.growers.count - 1
    }
    var slowest = 0
    for i in record.growers.indices where record.growers[i].bytesPerDay < record.growers[slowest].bytesPerDay {
      slowest = i
    }
    guard record.growers[slowest].bytesPerSecond == 0 else { return nil }
    record.growers[slowest] = grower
    return slowest
  }

  private func sortGrowers() {
    for i in record.growers.indices {
      var k = i
      while k > 0, record.growers[k - 1].bytesPerDay < record.growers[k].bytesPerDay {
        record.growers.swapAt(k - 1, k)
        k -= 1
      }
    }
  }

  /// A file grows and nobody has looked for its writers lately.
  func wantsWriters(_ now: Instant) -> Bool {
    for grower in record.growers where grower.bytesPerSecond > 0 {
      if let searchedAt = grower.searchedAt, now - searchedAt < Self.base { continue }
      return true
    }
    return false
  }
}

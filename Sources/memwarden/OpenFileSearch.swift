// Looks through the descriptors of all processes for memory that no path leads to (deleted files on RAM filesystems,
// memfds) and for those who write the files that grow. In slices: all of it may take 10 ms and more. Reads only.
import CLinux
import Kernel
import Policy
import Report
import Samples

final class OpenFileSearch {
  private let reader: KernelReader
  private let walk: OpenFileWalk
  private var fresh = HeldMemory()
  /// Files met in this search, by device and inode; at most `seenMaximum`.
  private var seen = Set<UInt64>()
  private var startedAt: Instant?, cost: Int64 = 0
  private var isWanted = true, isWantedSoon = true
  /// The search under way does not wait for the ticks: the first one, where memory lost its name, where it goes fast.
  private(set) var isUrgent = true
  private var segmentsAt: Instant?
  /// How many were begun.
  private(set) var count: UInt64 = 0
  /// Is shown every named file that a search meets.
  var bystander: LedgerFiles?

  /// All descriptors at least this often; when deleted files are known, to find who else holds them; and never sooner
  /// than after 200 times the CPU time that a search costs.
  private static let base = Milliseconds.seconds(300), held = Milliseconds.seconds(60), least = Milliseconds.seconds(2)
  private static let pausePerCost: Int64 = 200
  /// Fewer while somebody looks on, who takes his time for some.
  private static let descriptorsPerStep = 64, shownPerStep = 8
  private static let seenMaximum = 4096
  private static let segmentsEvery = Milliseconds.seconds(10)
  /// One that holds this much is told of.
  private static let worthTelling = ByteCount.mib(1)

  init(reader: KernelReader) {
    self.reader = reader
    walk = OpenFileWalk(reader: reader)
  }

  func want(soon: Bool = false) {
    isWanted = true
    isWantedSoon = isWantedSoon || soon
  }
  var isFinished: Bool { walk.isFinished }
  /// The next refresh reads everything.
  func forgetSegments() { segmentsAt = nil }

  func isDue(_ all: [RAMFileSystem], _ board: Board, isHurried: Bool) -> Bool {
    guard walk.isFinished, !isHurried, let startedAt else { return true }
    let age = board.now - startedAt
    guard age >= Self.least, age.rawValue >= cost * Self.pausePerCost / 1000 else { return false }
    var isWanted = isWanted
    isUrgent = isWantedSoon
    for one in all {
      let wantsWriters = one.wantsWriters(board.now)
      isWanted = isWanted || one.wantsSearch || wantsWriters
      isUrgent = isUrgent || one.wantsSearch || (wantsWriters && one.isPressing)
    }
    return isWanted || age >= Self.base || (age >= Self.held && board.held.deleted.count > 0)
  }

  /// Goes on until then (µs of boot time). True when all descriptors were looked at; then `board.held` is new.
  func step(_ all: [RAMFileSystem], _ around: Surroundings, _ board: Board, until end: Int64) -> Bool {
    let start = cl_cpu_us()
    if walk.isFinished { begin(all, board) }
    var isOver = false
    repeat {
      isOver = walk.step(bystander == nil ? Self.descriptorsPerStep : Self.shownPerStep) { pid, descriptor, status in
        guard status.isRegular else { return }
        let owner = all.first { $0.mount.device == status.device }
        if status.links == 0 {
          take(status, pid, descriptor, owner, around)
        } else if let owner {
          noteWriter(of: status, pid, descriptor, owner.record, around)
        }
        bystander?.take(status, pid, descriptor, owner?.record, around)
      }
    } while !isOver && cl_boottime_us() < end
    cost += cl_cpu_us() - start
    if isOver { finish(all, around, board) }
    return isOver
  }

  private func begin(_ all: [RAMFileSystem], _ board: Board) {
    walk.restart()
    count += 1
    (startedAt, cost, isWanted, isWantedSoon) = (board.now, 0, false, false)
    seen.removeAll(keepingCapacity: true)
    fresh.deleted.clear()
    fresh.memfds.clear()
    for one in all {
      one.deletedSoFar = .zero
      for i in one.record.growers.indices { one.record.growers[i].writers = 0 }
    }
  }

  private func finish(_ all: [RAMFileSystem], _ around: Surroundings, _ board: Board) {
    for one in all {
      one.searchDone()
      for i in one.record.growers.indices {
        one.record.growers[i].searchedAt = board.now
        if one.record.growers[i].writers == 0 { one.record.growers[i].writer = nil }
      }
    }
    for i in fresh.deleted.list.indices {
      let record = fresh.deleted.list[i]
      fresh.deleted.list[i].isTold = board.held.deleted.list.contains {
        $0.isTold && $0.status.isSame(as: record.status)
      }
    }
    swap(&board.held.deleted, &fresh.deleted)
    swap(&board.held.memfds, &fresh.memfds)
    board.held.unreadable = walk.unreadable
    board.held.searchedAt = board.now
    tell(around, board)
  }

  private func tell(_ around: Surroundings, _ board: Board) {
    for i in board.held.deleted.list.indices {
      let record = board.held.deleted.list[i]
      guard !record.isTold, record.status.allocated >= Self.worthTelling else { continue }
      board.held.deleted.list[i].isTold = true
      around.teller.tell(
        .agent, [],
        .deletedFileHeld(
          path: record.path, allocated: record.status.allocated, pid: record.pid, descriptor: record.descriptor))
    }
  }

  // MARK: One descriptor

  private func take(
    _ status: FileStatus, _ pid: Int32, _ descriptor: Int32, _ owner: RAMFileSystem?, _ around: Surroundings
  ) {
    // memwarden lets go of a log that was deleted at its next look.
    if pid == getpid() { return }
    if owner != nil, let i = fresh.deleted.list.firstIndex(where: { $0.status.isSame(as: status) }) {
      return addHolder(pid, descriptor, to: &fresh.deleted.list[i], around)
    }
    let key = status.inode &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(status.device.major) << 32 ^ UInt64(status.device.minor)
    guard !seen.contains(key), seen.count < Self.seenMaximum else { return }
    // Whatever else has no name and no mount (System V segments, buffers of graphics drivers) is nobody's file.
    guard var path = try? reader.linkText(pid, descriptor: descriptor), owner != nil || isMemfd(path) else { return }
    seen.insert(key)
    if owner == nil { path.removeFirst(7) }
    dropSuffix(" (deleted)", from: &path)
    let flags = try? reader.holder(pid, descriptor: descriptor)
    let record = HeldFileRecord(
      path: path, status: status, pid: pid, descriptor: descriptor,
      comm: (try? reader.stat(pid))?.comm.array ?? [], worker: around.workerName(pid),
      writes: flags?.writes ?? false, appends: flags.map { !$0.writes || $0.appends } ?? false)
    if let owner {
      owner.deletedSoFar += status.allocated
      fresh.deleted.add(record)
    } else {
      fresh.memfds.add(record)
    }
  }

  private func addHolder(_ pid: Int32, _ descriptor: Int32, to record: inout HeldFileRecord, _ around: Surroundings) {
    record.holders += 1
    let flags = try? reader.holder(pid, descriptor: descriptor)
    guard let flags, flags.writes else {
      if flags == nil { record.appends = false }
      return
    }
    record.appends = record.appends && flags.appends
    if record.writes { return }
    // The one that writes is the one to name.
    record.writes = true
    (record.pid, record.descriptor) = (pid, descriptor)
    record.comm = (try? reader.stat(pid))?.comm.array ?? []
    record.worker = around.workerName(pid)
  }

  private func noteWriter(
    of status: FileStatus, _ pid: Int32, _ descriptor: Int32, _ record: FileSystemRecord, _ around: Surroundings
  ) {
    guard let i = record.growers.firstIndex(where: { $0.inode == status.inode }), pid != getpid(),
      let flags = try? reader.holder(pid, descriptor: descriptor), flags.writes
    else { return }
    record.growers[i].writers += 1
    guard record.growers[i].writers == 1 else { return }
    record.growers[i].writer = WriterRecord(
      pid: pid, comm: (try? reader.stat(pid))?.comm.array ?? [], worker: around.workerName(pid),
      appends: flags.appends)
  }

  private func isMemfd(_ path: Bytes) -> Bool {
    var scanner = ByteScanner(path.span)
    return scanner.accept("/memfd:")
  }

  private func dropSuffix(_ suffix: StaticString, from path: inout Bytes) {
    let start = path.count - suffix.utf8CodeUnitCount
    guard start >= 0, equal(path.span.extracting(start..<path.count), suffix) else { return }
    path.removeLast(suffix.utf8CodeUnitCount)
  }

  // MARK: Between searches

  /// Looks at what is known again: 3 µs each.
  func refresh(_ all: [RAMFileSystem], _ around: Surroundings, _ board: Board) {
    if segmentsAt.map({ board.now - $0 >= Self.segmentsEvery }) ?? true {
      segmentsAt = board.now
      readSegments(board)
    }
    refresh(&board.held.deleted) { status, change in
      guard let owner = all.first(where: { $0.mount.device == status.device }) else { return }
      owner.record.deleted = owner.record.deleted + change.more - change.less
      owner.noteDeleted()
    }
    refresh(&board.held.memfds) { _, _ in }
    tell(around, board)
  }

  private func refresh(
    _ held: inout HeldList<HeldFileRecord>, _ changed: (FileStatus, (more: ByteCount, less: ByteCount)) -> Void
  ) {
    var i = held.list.count
    while i > 0 {
      i -= 1
      let old = held.list[i].status
      let now = try? reader.fileStatus(held.list[i].pid, descriptor: held.list[i].descriptor)
      if let now, now.isSame(as: old), now.links == 0 {
        held.list[i].status = now
        held.bytes = held.bytes + now.allocated - old.allocated
        changed(old, (more: now.allocated, less: old.allocated))
      } else {
        // Closed here; somebody else may hold it.
        held.list.remove(at: i)
        held.count -= 1
        held.bytes = held.bytes - old.allocated
        changed(old, (more: .zero, less: old.allocated))
        isWanted = true
      }
    }
  }

  private func readSegments(_ board: Board) {
    swap(&board.held.segments, &fresh.segments)
    board.held.segments.clear()
    try? reader.forEachSharedSegment { segment in
      let known = fresh.segments.list.first { $0.segment.id == segment.id && $0.segment.creator == segment.creator }
      let comm = known?.comm ?? (segment.creator > 0 ? (try? reader.stat(segment.creator))?.comm.array : nil) ?? []
      board.held.segments.add(SegmentRecord(segment: segment, comm: comm))
    }
  }
}

// Everything that lives in RAM as files: finds the mounts, keeps each one measured, has the descriptors of all processes
// searched for what no path leads to. Works in slices of a few milliseconds, within the ticks; changes nothing but logs
// that were deleted while somebody holds them open (DeletedLogs).
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class RAMFileSystems {
  private let reader: KernelReader
  private let board: Board
  private var all = [RAMFileSystem]()
  private let search: OpenFileSearch
  private let deletedLogs = DeletedLogs()
  private var fingerprint: UInt32?
  /// How often other mounts were found.
  private(set) var mountsCount: UInt64 = 0
  private var mountsAt: Instant?, measuredAt: Instant?
  /// The filesystem that is walked first in the next slice: a large one must not keep the others waiting.
  private var turn = 0
  /// When `step` must be called; nil: at the next tick.
  private(set) var nextStep: Instant?

  /// The mounts are read anew this often.
  private static let base = Milliseconds.seconds(60)
  private static let slow = Milliseconds.seconds(1)
  /// Of one turn of the loop, µs: for walks, and for the search.
  private static let slice: Int64 = 3000
  /// For a search that goes on with the ticks only.
  private static let longSlice: Int64 = 10_000
  /// Between two slices of what is urgent and one could not finish.
  private static let pause = Milliseconds(100)

  init(reader: KernelReader, board: Board) {
    self.reader = reader
    self.board = board
    search = OpenFileSearch(reader: reader)
  }

  func tick(_ around: Surroundings, buffer: CutBuffer) {
    if measuredAt.map({ board.now - $0 >= Self.slow }) ?? true { measure(around) }
    noteVanishedLogs()
    work(around, buffer)
    deletedLogs.tick(around, buffer: buffer, board: board)
    noteNextStep()
  }

  /// A log whose name is gone may be written on by whoever has it open.
  private var logsThere = 0
  private func noteVanishedLogs() {
    var there = 0
    for log in board.logs where log.state == .watched { there += 1 }
    if there < logsThere { search.want(soon: true) }
    logsThere = there
  }

  private func measure(_ around: Surroundings) {
    measuredAt = board.now
    if mountsAt.map({ board.now - $0 >= Self.base }) ?? true { findMounts() }
    let unevictable = (board.memory.unevictable ?? .zero) - (board.memory.mlocked ?? .zero)
    for one in all where !one.measure(reader, unevictable: unevictable) { mountsAt = nil }
    search.refresh(all, around, board)
  }

  // MARK: At once

  /// Since when everything must be looked at anew, and the last search that is too old. First the trees, then the
  /// descriptors: who holds which file is known when the files are.
  private var hurriedAt: Instant?, searchIsAfter: UInt64?
  var isHurried: Bool { hurriedAt != nil }

  /// Looks at everything at once, in one slice per turn of the loop, until `isHurried` is false. `bystander` is shown
  /// what the search meets.
  func hurry(_ bystander: LedgerFiles, _ around: Surroundings) {
    mountsAt = nil
    measure(around)
    // What began in this turn began before it was asked for.
    (hurriedAt, searchIsAfter) = (board.now + Milliseconds(1), nil)
    search.bystander = bystander
    nextStep = board.now
  }

  private func slacken(_ around: Surroundings) {
    if searchIsAfter == nil {
      for one in all where one.isWalkDue(board.now, hurriedAt: hurriedAt) { return }
      searchIsAfter = search.count
    } else if let searchIsAfter, search.isFinished, search.count > searchIsAfter {
      hurriedAt = nil
      search.bystander = nil
      search.forgetSegments()
      measure(around)
    }
  }

  /// Between ticks: what is under way, and a deleted log that grows.
  func step(_ around: Surroundings, buffer: CutBuffer) {
    work(around, buffer)
    deletedLogs.look(around, buffer: buffer, board: board)
    noteNextStep()
  }

  private var isUnderWay = false
  private func noteNextStep() {
    nextStep = isHurried ? board.now : deletedLogs.nextLook
    let soon = board.now + Self.pause
    if isUnderWay { nextStep = min(nextStep ?? soon, soon) }
  }

  private func work(_ around: Surroundings, _ buffer: CutBuffer) {
    let end = cl_boottime_us() + Self.slice
    isUnderWay = false
    for k in all.indices {
      let i = (turn + k) % all.count
      guard all[i].isWalkDue(board.now, hurriedAt: hurriedAt) else { continue }
      // Those that come too late in this slice begin the next one.
      guard cl_boottime_us() < end, all[i].walkOn(reader, until: end, now: board.now) else {
        turn = i
        // Later walks go on with the ticks: they may take their time, and a quiet board sleeps.
        isUnderWay = all[i].record.usage?.complete != true
        break
      }
    }
    for one in all { one.forecast(usable: board.memory.usable) }
    if isHurried { slacken(around) }
    if search.isDue(all, board, isHurried: searchIsAfter != nil && isHurried) {
      let slice = search.isUrgent ? Self.slice : Self.longSlice
      if search.step(all, around, board, until: cl_boottime_us() + slice) {
        deletedLogs.adopt(all, around, board: board)
      } else {
        isUnderWay = isUnderWay || search.isUrgent
      }
    }
    if deletedLogs.wantsSearch {
      deletedLogs.wantsSearch = false
      search.want(soon: true)
    }
  }

  // MARK: Mounts

  /// Every RAM filesystem once, whatever it is bind-mounted to.
  private func findMounts() {
    mountsAt = board.now
    guard let now = try? reader.mountsFingerprint(), now != fingerprint, var mounts = try? reader.mounts() else {
      return
    }
    fingerprint = now
    mounts.removeAll { $0.kind == .other }
    var found = [RAMFileSystem]()
    for (i, mount) in mounts.enumerated() {
      if mounts[..<i].contains(where: { $0.device == mount.device }) { continue }
      let same = mounts.filter { $0.device == mount.device }
      // What is mounted over hides what lies below; a mount of the whole shows more than one of a folder.
      let visible = same.filter { isVisible($0) }
      let chosen = visible.first { equal($0.root, "/") } ?? visible.first ?? mount
      var others = [Bytes]()
      for other in same where other.point != chosen.point && !others.contains(other.point) {
        others.append(other.point)
      }
      if let known = all.first(where: { $0.mount == chosen && $0.record.isCovered == visible.isEmpty }) {
        known.record.alsoAt = others
        found.append(known)
      } else {
        found.append(RAMFileSystem(chosen, alsoAt: others, isCovered: visible.isEmpty))
      }
    }
    all = found
    mountsCount += 1
    turn = 0
    board.fileSystems = found.map { $0.record }
    search.want()
  }

  /// Those that no other mount covers.
  func forEachShown(_ body: (Mount, FileSystemRecord) -> Void) {
    for one in all where !one.record.isCovered { body(one.mount, one.record) }
  }

  /// What stands at its mount point is this filesystem. One that cannot be looked at may be.
  private func isVisible(_ mount: Mount) -> Bool {
    guard let status = try? reader.fileStatus(mount.point) else { return true }
    return status.device == mount.device
  }
}

// Reads the board into the model that the answers tell: memory, pressure, RAM filesystems, memwarden itself.
import CLinux
import Kernel
import Report
import Samples

final class BoardReader {
  private let reader: KernelReader
  private let board: Board
  private var mounts = [Mount]()
  private var walks = [TreeWalk?]()
  private var mountsAt: Instant?
  private var slowlyAt = Instant(milliseconds: 0)
  private var walkedAt = [Instant](), unevictableAtWalk = [ByteCount]()
  private var unevictable: ByteCount { (board.memory.unevictable ?? .zero) - (board.memory.mlocked ?? .zero) }
  private var ownAt = Instant(milliseconds: -1_000_000)
  private var wallOffset: Int64?

  /// The mounts are read anew, and a walk that is done begins again, this often.
  private static let base = Milliseconds.seconds(60)
  private static let slow = Milliseconds.seconds(1)
  /// Directory entries looked at at a time: 1.1 µs each.
  private static let entriesPerStep: UInt64 = 256

  init(reader: KernelReader, board: Board) {
    self.reader = reader
    self.board = board
  }

  /// The clocks. How many milliseconds the wall clock was stepped since the last call, when more than 2 s.
  func readClocks() -> Int64? {
    board.now = Instant(milliseconds: cl_boottime_ms())
    board.wall = cl_wall_ms()
    let offset = board.wall - board.now.milliseconds
    defer { wallOffset = offset }
    guard let wallOffset, (offset - wallOffset).magnitude > 2000 else { return nil }
    return offset - wallOffset
  }

  func tick() {
    if mountsAt.map({ board.now - $0 >= BoardReader.base }) ?? true {
      findMounts()
      board.isSynchronised = cl_wall_synchronised()
    }
    if board.now - slowlyAt >= BoardReader.slow || slowlyAt.milliseconds == 0 {
      slowlyAt = board.now
      readSlowly()
    }
  }

  /// What speaks for the whole board, however short the interval of the workers is.
  private func readSlowly() {
    if let memory = try? reader.memInfo() { board.memory = memory }
    do throws(Absence) {
      board.pressure = try reader.pressure()
    } catch {
      board.pressure = nil
      board.pressureAbsence = error
      board.vmStat = try? reader.vmStat()
    }
    for i in mounts.indices { measure(i) }
  }

  /// Every RAM filesystem once, whatever it is bind-mounted to; one that a later mount covers cannot be looked at.
  private func findMounts() {
    mountsAt = board.now
    let all = (try? reader.mounts()) ?? []
    var found = [Mount]()
    for (i, mount) in all.enumerated() where mount.kind != .other {
      if all[(i + 1)...].contains(where: { $0.point == mount.point }) { continue }
      if !found.contains(where: { $0.device == mount.device }) { found.append(mount) }
    }
    if found == mounts { return }
    mounts = found
    walks = found.map { _ in nil }
    walkedAt = found.map { _ in board.now }
    unevictableAtWalk = found.map { _ in .zero }
    board.fileSystems = found.map {
      FileSystemRecord(point: $0.point, kind: $0.kind, usage: nil, absence: .notRead)
    }
  }

  /// statfs where that answers; otherwise a slice of a walk.
  private func measure(_ i: Int) {
    do throws(Absence) {
      board.fileSystems[i].usage = try reader.usage(of: mounts[i])
    } catch {
      guard error == .unsupported else {
        // Unmounted meanwhile: the list is out of date.
        if error == .gone { mountsAt = nil }
        board.fileSystems[i].usage = nil
        board.fileSystems[i].absence = error
        return
      }
      let walk = walks[i] ?? TreeWalk(mount: mounts[i])
      walks[i] = walk
      // A small tree is walked when it changed, at 1 µs per file; a large one in slices, and not again for a while.
      if walk.isFinished {
        // ramfs pages are unevictable ones (fact of the kernel): while their number stands still, so does the tree.
        let isSmall = walk.usage.files <= BoardReader.entriesPerStep
        let isDue = board.now - walkedAt[i] >= BoardReader.base || (isSmall && unevictable != unevictableAtWalk[i])
        guard isDue else { return }
        walk.restart()
      }
      if walk.step(entries: Int(BoardReader.entriesPerStep)) {
        walkedAt[i] = board.now
        unevictableAtWalk[i] = unevictable
        board.fileSystems[i].usage = walk.usage
        board.fileSystems[i].largest = walk.largest.map { ($0.path, $0.status.allocated) }
      } else if board.fileSystems[i].usage == nil {
        board.fileSystems[i].usage = walk.usage
      }
    }
  }

  /// memwarden itself, read when somebody asks, at most once a second.
  /// `before`: what servers counted that are no more.
  func readSelf(servers: [HTTPServer], before: (requests: UInt64, aborted: UInt64)) {
    board.own.cpuMicroseconds = cl_cpu_us()
    board.own.requests = servers.reduce(before.requests) { $0 + $1.requests }
    board.own.abortedConnections = servers.reduce(before.aborted) { $0 + $1.abortedConnections }
    guard board.now - ownAt >= .seconds(1) else { return }
    ownAt = board.now
    let pid = getpid()
    board.own.pid = pid
    if let stat = try? reader.stat(pid),
      let footprint = try? reader.footprint(of: Identity(pid: pid, startTicks: stat.startTicks))
    {
      board.own.footprint = footprint
    }
    board.own.privateDirty = (try? reader.rollup(pid))?.privateDirty
    board.own.descriptors = try? reader.descriptorCount(pid)
  }
}

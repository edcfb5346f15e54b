// Reads the board into the model that the answers tell: memory, pressure, memwarden itself.
import CLinux
import Kernel
import Report
import Samples

final class BoardReader {
  private let reader: KernelReader
  private let board: Board
  private var synchronisedAt: Instant?
  private var slowlyAt = Instant(milliseconds: 0)
  private var ownAt = Instant(milliseconds: -1_000_000)
  private var wallOffset: Int64?
  private var oomKills: UInt64?

  /// Whether the wall clock is synchronised is asked this often.
  private static let base = Milliseconds.seconds(60)
  private static let slow = Milliseconds.seconds(1)

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
    if synchronisedAt.map({ board.now - $0 >= BoardReader.base }) ?? true {
      synchronisedAt = board.now
      board.isSynchronised = cl_wall_synchronised()
      board.oomKillsBefore = oomKills
      oomKills = (try? reader.vmStat())?.oomKills
      if board.oomKillsBefore == nil { board.oomKillsBefore = oomKills }
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

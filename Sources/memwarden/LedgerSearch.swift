// Makes the ledger when somebody asks for it: RAM filesystems and descriptors anew, then every process, then the kernel's
// figures. In slices, so that nothing waits longer than for one process; only one at a time. Reads only.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class LedgerSearch: LaterAnswer {
  private let reader: KernelReader
  private let board: Board
  private let fileSystems: RAMFileSystems
  private var files: LedgerFiles?
  private var tally = ProcessTally()
  private var pids = [Int32](), next = 0
  private var startedAt = Instant(milliseconds: 0), cpuAtStart: Int64 = 0

  /// Of one turn of the loop, µs; a process of 500 MB takes 5 ms by itself.
  private static let slice: Int64 = 3000
  private static let namesListed = 8, mappersListed = 3

  init(reader: KernelReader, board: Board, fileSystems: RAMFileSystems) {
    self.reader = reader
    self.board = board
    self.fileSystems = fileSystems
  }

  var isUnderWay: Bool { files != nil }

  /// `step` does the work; one that is under way goes on.
  func begin(_ around: Surroundings) {
    if isUnderWay { return }
    (startedAt, cpuAtStart) = (board.now, cl_cpu_us())
    let files = LedgerFiles(reader)
    self.files = files
    fileSystems.hurry(files, around)
  }

  func response(asText: Bool) -> Response? {
    isUnderWay ? nil : board.ledger?.response(board, asText: asText)
  }

  /// The next slice. True when `board.ledger` is new.
  func step(_ around: Surroundings) -> Bool {
    guard let files, !fileSystems.isHurried else { return false }
    if pids.isEmpty { reader.listProcesses(into: &pids) }
    let end = cl_boottime_us() + Self.slice
    while next < pids.count {
      read(pids[next], around)
      next += 1
      if cl_boottime_us() >= end { return false }
    }
    board.ledger = LedgerRecord(
      make(files, around), tally, readAt: board.now, took: board.now - startedAt,
      cpuMicroseconds: cl_cpu_us() - cpuAtStart)
    self.files = nil
    tally = ProcessTally()
    pids = []
    next = 0
    return true
  }

  private func read(_ pid: Int32, _ around: Surroundings) {
    do throws(Absence) {
      let stat = try reader.stat(pid)
      if stat.isKernelThread { return }
      tally.add(try reader.share(pid), pid: pid, comm: stat.comm, worker: around.workerName(pid))
    } catch {
      switch error {
      case .gone, .zombie, .kernelThread: break
      default: tally.unreadable += 1
      }
    }
  }

  private func make(_ files: LedgerFiles, _ around: Surroundings) -> Ledger {
    if let memory = try? reader.memInfo() { board.memory = memory }
    var found = LedgerFigures()
    found[.processes] = tally.sum.anonymous
    found[.lazyFree] = tally.sum.lazyFree
    found[.memfds] = board.held.memfds.bytes
    found[.sharedMemory] = board.held.segments.bytes
    found[.sockets] = try? reader.tcpMemory()
    found[.zram] = reader.zramMemory()
    found[.cpuLists] = try? reader.freeOnCPULists()
    for record in board.fileSystems {
      guard let usage = record.usage, !record.isCovered else { continue }
      found.add(usage.used - record.deleted, to: record.kind == .ramfs ? .ramfs : .tmpfs)
      if record.kind == .ramfs {
        found.deletedOnRamfs += record.deleted
      } else {
        found.add(record.deleted, to: .deletedFiles)
      }
    }
    var ledger = Ledger(board.memory, (try? reader.memInfoRest()) ?? MemInfoRest(), found: found)
    ledger.setParts(tally.holders(others: Self.namesListed), of: .processes)
    ledger.setParts(files.mounts(.tmpfs, board, around), of: .tmpfs)
    ledger.setParts(files.mounts(.ramfs, board, around), of: .ramfs)
    ledger.setParts(parts(of: board.held.deleted.list, .file), of: .deletedFiles)
    ledger.setParts(parts(of: board.held.memfds.list, .memfd), of: .memfds)
    ledger.setParts(segments(), of: .sharedMemory)
    ledger.setParts(tally.mappers(shared: true, most: Self.mappersListed), of: .otherShared)
    ledger.setParts(files.cached + tally.mappers(shared: false, most: Self.mappersListed), of: .pageCache)
    return ledger
  }

  @inline(never) private func parts(of held: [HeldFileRecord], _ kind: LedgerPart.Kind) -> [LedgerPart] {
    var parts = [LedgerPart]()
    for file in held {
      var part = LedgerPart(kind, file.path, file.held)
      (part.pid, part.comm, part.worker) = (file.pid, file.comm, file.worker)
      rank(part, in: &parts, most: HeldMemory.listed)
    }
    return parts
  }

  private func segments() -> [LedgerPart] {
    var parts = [LedgerPart]()
    for record in board.held.segments.list {
      var part = LedgerPart(.segment, [], record.held)
      part.name.write(record.segment.id)
      (part.pid, part.comm) = (record.segment.creator, record.comm)
      rank(part, in: &parts, most: HeldMemory.listed)
    }
    return parts
  }
}

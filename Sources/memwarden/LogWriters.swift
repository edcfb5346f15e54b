// Who has a log open: searched for in slices over every descriptor of every process, told in the log's record.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class LogWriters {
  private let record: LogRecord
  /// Other processes' descriptors; nil while they are not all known.
  private(set) var holders: [FileHolder]?
  private var running: HolderSearch?
  private var searchedAt = Instant(milliseconds: 0)

  /// They are looked for again at most this often, and while they are not known.
  private static let age = Milliseconds.seconds(10), retry = Milliseconds.seconds(1)

  init(of record: LogRecord) { self.record = record }

  var isSearching: Bool { running != nil }
  /// An unknown writer counts as one that does not append.
  var append: Bool { writersAppend(holders) }

  /// The log is another file now.
  func forget() {
    holders = nil
    running = nil
    searchedAt = Instant(milliseconds: 0)
    record.writers.removeAll(keepingCapacity: true)
  }

  /// Begins a search when one is due, and goes on with it for so long; false when none is.
  func search(_ file: LogFile, _ around: Surroundings, for slice: Milliseconds, now: Instant) -> Bool {
    if running == nil {
      guard now - searchedAt >= (holders == nil ? Self.retry : Self.age) else { return false }
      searchedAt = now
      running = HolderSearch(file.opened, around.reader)
    }
    if let running, running.step(for: slice) { note(running.scan, around, on: file.kind) }
    return true
  }

  /// The whole search at once.
  func findNow(_ file: LogFile, _ around: Surroundings) {
    note(around.reader.holders(of: file.opened), around, on: file.kind)
  }

  private func note(_ scan: HolderScan, _ around: Surroundings, on kind: Mount.Kind) {
    running = nil
    record.writers.removeAll(keepingCapacity: true)
    // Nobody's flags are known for sure while a process could not be looked into.
    let others = scan.holders.filter { $0.identity.pid != getpid() }
    holders = scan.unreadable == 0 ? others : nil
    for holder in others where holder.writes {
      let pid = holder.identity.pid
      let comm = (try? around.reader.stat(pid))?.comm.array ?? []
      record.writers.append(WriterRecord(pid: pid, comm: comm, worker: [], appends: holder.appends))
    }
    attribute(around)
    record.method = record.rules.method ?? cutMethod(on: kind, writersAppend: append)
  }

  /// A writer's worker may be found after the writer was.
  func attribute(_ around: Surroundings) {
    for i in record.writers.indices where record.writers[i].worker.isEmpty {
      let pid = record.writers[i].pid
      for worker in around.finder.workers where worker.member(pid) != nil {
        record.writers[i].worker = worker.record.name
      }
    }
  }

  /// In a folder like /tmp the owner must be a writer.
  static func open(_ path: Bytes, _ reader: KernelReader) throws(LogRefusal) -> LogFile {
    do throws(LogRefusal) { return try LogFile(path) } catch .foreignOwner(let uid) {
      let uids = try uids(of: path, reader)
      guard uids.contains(uid) else { throw .foreignOwner(uid: uid) }
      return try LogFile(path, writers: uids)
    }
  }

  /// Effective user ids of those that write the file at `path` now.
  static func uids(of path: Bytes, _ reader: KernelReader) throws(LogRefusal) -> [UInt32] {
    guard let status = try? reader.fileStatus(path) else { throw .gone }
    var uids = [UInt32]()
    for holder in reader.holders(of: status).holders where holder.writes {
      if let uid = (try? reader.status(holder.identity.pid))?.effectiveUid { uids.append(uid) }
    }
    return uids
  }
}

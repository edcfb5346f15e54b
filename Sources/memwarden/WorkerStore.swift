// Keeps the workers' part of the state: written before and after each act and each start, and not while nothing happens.
// Only one memwarden at a time uses it: it holds the record of starts locked as long as it runs.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class WorkerStore {
  /// Children that were told to go.
  var departures = [Departure]()
  /// Commands that nobody waits for: reaped when they end.
  var commands = [Int32]()
  private let file: StateFile
  /// Who was started last (child_record_self); opened when there is something to save.
  private var record: Int32 = -1
  private var isThere = false, isInTrouble = false
  /// Another memwarden had it when it was wanted: what is in it is not known, and is not replaced.
  private var isOthers = false

  init(state: Bytes) { file = StateFile(path: state + Bytes(".workers")) }
  deinit { if record >= 0 { _ = close(record) } }

  private var recordPath: Bytes { file.path + Bytes(".start") }

  // MARK: Saving

  /// What is known of all workers now. False when it could not be written: told once.
  @discardableResult
  func save(_ around: Surroundings) -> Bool {
    var state = WorkerState()
    for worker in around.finder.workers {
      worker.remember()
      let saved = SavedWorker(worker)
      if saved.isWorthSaving { state.workers.append(saved) }
    }
    for one in departures {
      state.leaving.append(
        SavedDeparture(child: one.process.identity, killAt: one.killAt, pipe: SavedPipe(one.output)))
    }
    if state.workers.isEmpty, state.leaving.isEmpty {
      if isThere { file.remove() }
      isThere = false
      return true
    }
    var result = open()
    if result == 0 { result = file.replace(by: state.text(bootID: around.teller.board.bootID), around.teller.board) }
    if result == 0 { isThere = true } else if !isInTrouble { tellTrouble(result, around.teller) }
    isInTrouble = result != 0
    return result == 0
  }

  /// At the end of a tick: saves when something has changed by itself.
  func saveNews(_ around: Surroundings) {
    if isInTrouble {
      save(around)
      return
    }
    for worker in around.finder.workers where worker.hasNews {
      save(around)
      return
    }
  }

  /// Says beforehand that a process is about to be started for this worker. Where that cannot be saved: none.
  func announceStart(for worker: WatchedWorker, _ around: Surroundings) -> StartRecord {
    worker.starting = UInt64(clamping: cl_boottime_us())
    return save(around) ? StartRecord(descriptor: record, number: worker.starting) : .none
  }

  /// 0 or -errno.
  private func open() -> Int32 {
    if isOthers { return -EWOULDBLOCK }
    if record >= 0 { return 0 }
    let made = file.folder.withCString { redirect_make_folder($0) }
    if made < 0 { return made }
    record = recordPath.withCString { child_open_record($0) }
    return min(record, 0)
  }

  private func tellTrouble(_ errno: Int32, _ teller: Teller) {
    teller.tell(
      .stateUnusable(
        errno == -EWOULDBLOCK
          ? "another memwarden uses the same state: name another file as state; until then own workers end with this one"
          : "what is done to workers cannot be saved beside state: workers started from now on end with memwarden"))
  }

  // MARK: Reading

  /// What an earlier memwarden left; nil: nothing of use.
  func read(_ around: Surroundings) -> WorkerState? {
    if case .nothing = file.read(around.reader) { return nil }
    // One that was killed lets go of the lock when the kernel has cleared it away.
    var result = open(), patience = 50
    while result == -EWOULDBLOCK, patience > 0 {
      cl_wait_for_child(20)
      patience -= 1
      result = open()
    }
    if result < 0 {
      isOthers = result == -EWOULDBLOCK
      isInTrouble = true
      tellTrouble(result, around.teller)
      return nil
    }
    guard case .text(let text) = file.read(around.reader) else {
      around.teller.tell(
        .stateUnusable(
          "the workers' state or its folder belongs to others or may be written by them, and was ignored"))
      return nil
    }
    guard let text, let state = WorkerState(text, bootID: around.teller.board.bootID) else {
      // For a person to look at.
      let aside = file.path + Bytes(".ignored")
      _ = file.path.withCString { from in aside.withCString { cl_rename(from, $0) } }
      around.teller.tell(
        .stateUnusable(
          "the workers' state is not whole and was put aside as .ignored: own workers of an earlier memwarden go on unwatched"
        ))
      return nil
    }
    isThere = true
    return state
  }

  /// Who was started by that number; nil: nobody.
  func started(_ number: UInt64) -> Identity? {
    guard number != 0, let text = readWhole(recordPath, maximum: 4096) else { return nil }
    var s = ByteScanner(text.span)
    guard s.number() == number, let pid = s.number(), pid > 1, pid <= UInt64(Int32.max) else { return nil }
    // The name, which is memwarden's own here, ends with the last bracket; the 20th field behind it is the start time.
    guard let bracket = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    s.move(to: bracket + 1)
    for _ in 0..<19 { s.skipField() }
    guard let ticks = s.number() else { return nil }
    return Identity(pid: Int32(pid), startTicks: ticks)
  }
}

extension WatchedWorker {
  func remember() {
    remembered = record.conduct
    rememberedDue = timing.dueSince
  }
  /// What is not in the state file yet. Allocates nothing.
  var hasNews: Bool {
    if timing.dueSince != rememberedDue { return true }
    guard let remembered else { return !record.conduct.isPristine }
    return remembered != record.conduct
  }
}

extension SavedWorker {
  init(_ worker: WatchedWorker) {
    let record = worker.record
    name = record.name
    child = worker.process.identity
    childStartedAt = worker.childStartedAt
    starting = worker.starting
    stopSignal = worker.settings.plan.stopSignal
    grace = worker.settings.plan.grace
    pipe = SavedPipe(worker.output)
    baseline = record.growth.baseline
    dueSince = worker.timing.dueSince
    counts = [record.recycles, record.recycleFailures, record.crashes, record.kills, record.freed.rawValue]
    conduct = record.conduct
    act = worker.act?.save()
  }
  var isWorthSaving: Bool {
    child.pid != 0 || starting != 0 || act != nil || dueSince != nil || !conduct.isPristine
  }
}

extension SavedPipe {
  init(_ output: WorkerOutput?) {
    self.init()
    if let output { (device, inode) = (output.pipe.device, output.pipe.inode) }
  }
}

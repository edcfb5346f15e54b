// The loop: wait for a deadline or a descriptor; reap; read; judge; act; tell; serve. One thread, one epoll.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class Agent: Answering {
  let board: Board
  let configurationPath: Bytes
  var configuration: Configuration
  let reader = KernelReader(roots: Roots())
  let boardReader: BoardReader
  let fileSystems: RAMFileSystems
  let ledger: LedgerSearch
  let teller: Teller
  var around: Surroundings
  var router: Router
  var workers = [WatchedWorker]()
  var logs = [WatchedLog]()
  var budgets = [LogBudget]()
  let ramUsage = RAMUsage()
  /// What no budget of several logs touches.
  var protectedLogs = [Glob]()
  /// Found under settings that are no more: their counts go on when they are found again.
  var formerLogs = [WatchedLog]()
  private var logsWereLookedAt = false
  let cutBuffer = CutBuffer()
  let redirects: Redirects
  let store: WorkerStore
  var servers = [HTTPServer]()
  let heapWalks: HeapWalks
  var trims = [WorkerTrim]()
  var nextTick: Instant
  /// When the servers want to run without a word from their sockets.
  private var serveAt = Instant(milliseconds: 0)
  private let budget = ReadingBudget()
  /// When the code that the start and the requests needed is let go of: after the start, then hourly.
  private var tidiesAt: Instant
  private var isStopping = false
  /// What an earlier memwarden left was taken up: from now on the state is this one's.
  var isRunning = false
  /// SIGINT: the workers that memwarden runs end with it.
  private var endsWorkers = false
  private var wantsReload = false
  /// A worker keeps its old settings until its recycle is over.
  var wantsApply = false
  /// Dry run because the command line says so, whatever the configuration says.
  let observes: Bool
  let epoll = cl_epoll_create(), signals = cl_signal_fd(), inotify = cl_inotify_create()
  private var tags = [UInt32](repeating: 0, count: 16), watches = [Int32](repeating: 0, count: 64)

  var notify = Notify()
  /// Servers to exchange at the end of the turn.
  var exchanges = [Exchange]()
  /// What servers counted that were exchanged.
  var countedBefore: (requests: UInt64, aborted: UInt64) = (0, 0)

  static let signalTag: UInt32 = 0, inotifyTag: UInt32 = 1, serverTag: UInt32 = 2, redirectTag: UInt32 = 3,
    childTag: UInt32 = 4

  init(_ configuration: Configuration, path: Bytes, observes: Bool, printsLines: Bool) {
    self.configuration = configuration
    self.configuration.observe = configuration.observe || observes
    self.observes = observes
    configurationPath = path
    let now = Instant(milliseconds: cl_boottime_ms())
    board = Board(version: version, now: now, journal: Journal(capacity: configuration.journal.events))
    heapWalks = HeapWalks(reader, board)
    boardReader = BoardReader(reader: reader, board: board)
    fileSystems = RAMFileSystems(reader: reader, board: board)
    ledger = LedgerSearch(reader: reader, board: board, fileSystems: fileSystems)
    teller = Teller(board: board, printsLines: printsLines)
    let finder = ProcessFinder(reader: reader, teller: teller, protect: configuration.protect)
    store = WorkerStore(state: configuration.state)
    around = Surroundings(reader: reader, calls: .live, teller: teller, finder: finder, store: store, epoll: epoll)
    router = Router(gatekeeper: Gatekeeper(token: nil, hosts: [], ownUid: geteuid()))
    nextTick = now
    tidiesAt = now + .seconds(5)
    redirects = Redirects(state: configuration.state, epoll: epoll, tag: Agent.redirectTag, buffer: cutBuffer)
  }

  /// Runs until SIGTERM or SIGINT. Exit code: 0, or 111 with a sentence on standard error.
  func run() -> Int32 {
    guard epoll >= 0, signals >= 0, inotify >= 0 else {
      complain("the kernel gives no epoll, signalfd or inotify descriptor")
      return 111
    }
    _ = cl_epoll_add(epoll, signals, Agent.signalTag)
    _ = cl_epoll_add(epoll, inotify, Agent.inotifyTag)
    _ = boardReader.readClocks()
    boardReader.tick()
    fileSystems.tick(around, buffer: cutBuffer)
    board.bootID = (try? reader.bootID()) ?? []
    board.missing = Features.probe(reader).missing
    if let problem = listen(configuration.http, insteadOf: nil) {
      complain("\(problem)")
      return 111
    }
    exchangeServers()
    protectSelf()
    // First: what is told is in its file.
    if let sentence = openJournal() { board.missing.append(sentence) }
    redirects.restore(configuration.logs, around, board)
    apply()
    teller.tell(.started(workers: workers.count, logs: logs.count, memory: board.memory.total))
    for sentence in board.missing { teller.tell(.featureMissing(sentence)) }
    recall()
    notify.ready()
    while !isStopping { turn() }
    stop()
    return 0
  }

  // MARK: One turn

  private func turn() {
    let wait = max(0, wakeUp().milliseconds - cl_boottime_ms())
    let ready = tags.withUnsafeMutableBufferPointer {
      cl_epoll_wait(epoll, $0.baseAddress, Int32($0.count), Int32(clamping: wait))
    }
    var clock = TurnClock()
    board.own.wakeUps += 1
    if let step = boardReader.readClocks() { teller.tell(.clockStepped(step)) }
    for i in 0..<Int(max(0, ready)) {
      switch tags[i] {
      case Agent.signalTag:
        takeSignals()
        clock.lap(.signals)
      case Agent.inotifyTag:
        takeWrites()
        clock.lap(.logs)
      case Agent.redirectTag:
        redirects.drain(now: board.now)
        clock.lap(.logs)
      case Agent.childTag:
        tendChildren()
        clock.lap(.signals)
      case Agent.serverTag: serveAt = board.now
      case Agent.outputTags...:
        takeOutput(tags[i])
        clock.lap(.output)
      default: break
      }
    }
    for log in logs {
      if let due = log.nextLook, board.now >= due {
        look(log)
        clock.lap(.logs)
      }
    }
    if board.now >= nextTick {
      tick()
      clock.lap(.tick)
    }
    if !budgets.isEmpty {
      keepBudgets(logsWereLookedAt: logsWereLookedAt)
      logsWereLookedAt = false
      clock.lap(.logs)
    }
    if let due = fileSystems.nextStep, board.now >= due {
      fileSystems.step(around, buffer: cutBuffer)
      clock.lap(.fileSystems)
    }
    if ledger.isUnderWay {
      if ledger.step(around) { serveAt = board.now }
      clock.lap(.walks)
    }
    for worker in workers {
      if let act = worker.act, board.now >= act.nextStep {
        drive(worker, act)
        clock.lap(.acts)
      } else if let steps = worker.steps, board.now >= steps.nextStep {
        drive(worker, steps)
        clock.lap(.acts)
      }
    }
    if heapWalks.step(now: board.now) {
      serveAt = board.now
      clock.lap(.walks)
    }
    if stepTrims() {
      serveAt = board.now
      clock.lap(.acts)
    }
    // Before the answers: what is asked for next finds this one's end.
    if let due = redirects.nextStep, board.now >= due {
      redirects.step(around, board)
      clock.lap(.acts)
    }
    if board.now >= serveAt {
      for server in servers { server.turn() }
      clock.lap(.answers)
    }
    if wantsReload {
      wantsReload = false
      _ = reload()
      clock.lap(.reload)
    }
    if wantsApply, !workers.contains(where: { $0.isActing }) { apply() }
    if !exchanges.isEmpty { exchangeServers() }
    notify.ping(now: board.now)
    if clock.microseconds > board.own.longestTurnMicroseconds {
      (board.own.longestTurnMicroseconds, board.own.longestTurnPart) = (clock.microseconds, clock.part)
    }
  }

  /// The earliest deadline.
  private func wakeUp() -> Instant {
    serveAt = Instant(milliseconds: .max)
    for server in servers {
      let timeout = server.timeout
      if timeout >= 0 { serveAt = min(serveAt, board.now + Milliseconds(timeout)) }
    }
    var next = min(nextTick, notify.deadline, serveAt)
    if let step = heapWalks.nextStep { next = min(next, step) }
    for trim in trims { if let step = trim.nextStep { next = min(next, step) } }
    for worker in workers {
      if let act = worker.act { next = min(next, act.nextStep) }
      if let steps = worker.steps { next = min(next, steps.nextStep) }
    }
    for log in logs { if let look = log.nextLook { next = min(next, look) } }
    for budget in budgets { if let look = budget.nextLook { next = min(next, look) } }
    if let step = fileSystems.nextStep { next = min(next, step) }
    if let step = redirects.nextStep { next = min(next, step) }
    if ledger.isUnderWay { next = board.now }
    return next
  }

  private func tick() {
    let now = board.now
    board.own.ticks += 1
    if now >= tidiesAt {
      tidiesAt = now + .seconds(3600)
      cl_let_go_of_code()
    }
    // A missed tick is not made up for.
    nextTick = max(nextTick + configuration.interval, now + Milliseconds(configuration.interval.rawValue / 2))
    boardReader.tick()
    fileSystems.tick(around, buffer: cutBuffer)
    seeOut()
    // Once, for it holds many references: handing out the property would count each of them for every worker.
    let around = around
    around.finder.scanIfNeeded(now: now)
    budget.microseconds = 10_000
    for worker in workers {
      worker.tend(around, now: now)
      judgeOutput(of: worker)
      let isToBeJudged = worker.sample(reader, teller: teller, budget: budget, now: now)
      if worker.isUnread { nextTick = min(nextTick, now + Milliseconds(1)) }
      guard isToBeJudged else { continue }
      let gap = Milliseconds(configuration.interval.rawValue * 3 + 1000)
      if case .recycle(let reason) = worker.judge(
        reader, board: board, hindrance: hindrance(to: worker), teller: teller, gap: gap, now: now)
      {
        begin(worker, reason)
      } else if worker.steps != nil {
        overrideSteps(of: worker)
      }
    }
    tickBudgets()
    for log in logs { log.tick(around, buffer: cutBuffer, board: board, inotify: inotify) }
    redirects.tick(around, board)
    store.saveNews(around)
  }

  /// What the worker's group has against a recycle of it now.
  private func hindrance(to worker: WatchedWorker) -> Obstacle? {
    for group in configuration.groups where group.workers.contains(worker.record.name) {
      var acting = 0, up = 0
      for other in workers where other !== worker && group.workers.contains(other.record.name) {
        switch other.memberState {
        case .acting: acting += 1
        case .up: up += 1
        case .down: break
        }
      }
      return group.objection(to: worker.memberState, acting: acting, up: up)
    }
    return nil
  }

  func drive(_ worker: WatchedWorker, _ act: WorkerAct) {
    guard act.drive(around, now: board.now) else { return }
    if act.unreaped > 0 { store.commands.append(act.unreaped) }
    worker.act = nil
  }

  func look(_ log: WatchedLog) {
    log.look(around, buffer: cutBuffer, board: board, inotify: inotify)
    logsWereLookedAt = true
  }

  private func takeSignals() {
    while true {
      switch cl_next_signal(signals) {
      case 0: return
      case SIGTERM: isStopping = true
      case SIGINT: (isStopping, endsWorkers) = (true, true)
      case SIGHUP: wantsReload = true
      case SIGCHLD:
        store.commands.removeAll { pid in
          guard around.calls.childEnded(pid) != nil else { return false }
          around.calls.reap(pid)
          return true
        }
        redirects.step(around, board, signalled: true)
        tendChildren()
      default: break
      }
    }
  }

  /// One has ended, or an old acquaintance has.
  private func tendChildren() {
    seeOut()
    for worker in workers {
      worker.tend(around, now: board.now)
      if let act = worker.act { drive(worker, act) } else if let steps = worker.steps { drive(worker, steps) }
    }
  }

  private func takeWrites() {
    var count: Int32
    repeat {
      count = watches.withUnsafeMutableBufferPointer { cl_inotify_read(inotify, $0.baseAddress, Int32($0.count)) }
      for i in 0..<Int(max(0, count)) {
        for budget in budgets { budget.finder?.heard(watches[i]) }
        for log in logs where log.watchNumber == watches[i] || (watches[i] == -1 && log.watchNumber >= 0) { look(log) }
      }
    } while count == Int32(watches.count)
  }

  func protectSelf() {
    let wanted = configuration.oomScoreAdjust
    if cl_set_oom_score_adjust(getpid(), wanted) == 0 {
      board.own.oomScoreAdjust = wanted
    } else {
      board.missing.append("Own oom_score_adj cannot be lowered: run as root with CAP_SYS_RESOURCE.")
    }
  }

  // MARK: Stopping

  /// Everybody's processes go on, and a recycle under way is gone on with by the next memwarden; own children too, unless
  /// they are to end or the next one would not know of them.
  private func stop() {
    notify.stopping()
    for worker in workers { abandonSteps(of: worker) }
    let isSaved = store.save(around)
    teller.tell(.stopping(endsWorkers: endsWorkers || !isSaved))
    servers = []
    if let path = configuration.http.socket { _ = path.withCString { unlink($0) } }
    for worker in workers where endsWorkers || !isSaved || worker.process.endsWithUs {
      worker.act?.abandon(around.calls)
      worker.act = nil
      worker.record.conduct.abandoned()
      if let departure = worker.dismiss(around, now: board.now) { store.departures.append(departure) }
    }
    // With our registers a thread would not survive us; one that hangs in a device for longer is not waited for.
    let patience = Instant(milliseconds: cl_boottime_ms()) + .seconds(10)
    redirects.tracer.forsake()
    while !store.departures.isEmpty
      || (redirects.tracer.isBorrowing && Instant(milliseconds: cl_boottime_ms()) < patience)
    {
      seeOut()
      redirects.tracer.letGo()
      if !store.departures.isEmpty || redirects.tracer.isBorrowing { cl_wait_for_child(50) }
    }
    store.save(around)
  }

  private func seeOut() {
    let now = Instant(milliseconds: cl_boottime_ms()), count = store.departures.count
    var i = 0
    while i < store.departures.count {
      if store.departures[i].isOver(around, now: now) { store.departures.remove(at: i) } else { i += 1 }
    }
    if store.departures.count < count, !isStopping { store.save(around) }
  }
}

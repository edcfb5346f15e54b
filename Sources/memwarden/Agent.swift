// The loop: wait for a deadline or a descriptor; reap; read; judge; act; tell; serve. One thread, one epoll.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class Agent: Answering {
  let board: Board
  private let configurationPath: Bytes
  private var configuration: Configuration
  private let reader = KernelReader(roots: Roots())
  private let boardReader: BoardReader
  private let teller: Teller
  private var around: Surroundings
  private var router: Router
  private var workers = [WatchedWorker]()
  private var logs = [WatchedLog]()
  private let cutBuffer = CutBuffer()
  private var servers = [HTTPServer]()
  private var nextTick: Instant
  private var isStopping = false
  private var wantsReload = false
  private let epoll = cl_epoll_create(), signals = cl_signal_fd(), inotify = cl_inotify_create()
  private var tags = [UInt32](repeating: 0, count: 16), watches = [Int32](repeating: 0, count: 16)

  private static let signalTag: UInt32 = 0, inotifyTag: UInt32 = 1, serverTag: UInt32 = 2

  init(_ configuration: Configuration, path: Bytes, printsLines: Bool) {
    self.configuration = configuration
    configurationPath = path
    let now = Instant(milliseconds: cl_boottime_ms())
    board = Board(version: version, now: now, journal: Journal(capacity: configuration.journal.events))
    boardReader = BoardReader(reader: reader, board: board)
    teller = Teller(board: board, printsLines: printsLines)
    let finder = ProcessFinder(reader: reader, teller: teller, protect: configuration.protect)
    around = Surroundings(reader: reader, calls: .live, teller: teller, finder: finder)
    router = Router(gatekeeper: Gatekeeper(token: nil, hosts: [], ownUid: geteuid()))
    nextTick = now
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
    board.bootID = (try? reader.bootID()) ?? []
    board.missing = Features.probe(reader).missing
    guard listen() else { return 111 }
    protectSelf()
    apply()
    openJournal()
    teller.tell(.started(workers: workers.count, logs: logs.count, memory: board.memory.total))
    for sentence in board.missing { teller.tell(.featureMissing(sentence)) }
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
    let start = cl_boottime_us()
    board.own.wakeUps += 1
    if let step = boardReader.readClocks() { teller.tell(.clockStepped(step)) }
    for i in 0..<Int(max(0, ready)) {
      switch tags[i] {
      case Agent.signalTag: takeSignals()
      case Agent.inotifyTag: takeWrites()
      default: break
      }
    }
    for log in logs { if let due = log.nextLook, board.now >= due { look(log) } }
    if board.now >= nextTick { tick() }
    for worker in workers { if let act = worker.act, board.now >= act.nextStep { drive(worker, act) } }
    for server in servers { server.turn() }
    if wantsReload {
      wantsReload = false
      _ = reload()
    }
    board.own.longestTurnMicroseconds = max(board.own.longestTurnMicroseconds, cl_boottime_us() - start)
  }

  /// The earliest deadline.
  private func wakeUp() -> Instant {
    var next = nextTick
    for worker in workers { if let act = worker.act { next = min(next, act.nextStep) } }
    for log in logs { if let look = log.nextLook { next = min(next, look) } }
    for server in servers {
      let timeout = server.timeout
      if timeout >= 0 { next = min(next, board.now + Milliseconds(timeout)) }
    }
    return next
  }

  private func tick() {
    let now = board.now
    board.own.ticks += 1
    // A missed tick is not made up for.
    nextTick = max(nextTick + configuration.interval, now + Milliseconds(configuration.interval.rawValue / 2))
    boardReader.tick()
    seeOut()
    around.finder.scanIfNeeded(now: now)
    for worker in workers {
      worker.tend(around, now: now)
      worker.sample(reader, teller: teller, now: now)
      let gap = Milliseconds(configuration.interval.rawValue * 3 + 1000)
      if case .recycle(let reason) = worker.judge(teller: teller, gap: gap, now: now) { begin(worker, reason) }
    }
    for log in logs { log.tick(around, buffer: cutBuffer, board: board, inotify: inotify) }
  }

  private func begin(_ worker: WatchedWorker, _ reason: Reason) {
    guard worker.act == nil, let act = WorkerAct(worker, reason, around, now: board.now) else { return }
    worker.act = act
    drive(worker, act)
  }

  private func drive(_ worker: WatchedWorker, _ act: WorkerAct) {
    guard act.drive(around, now: board.now) else { return }
    if act.unreaped > 0 { orphans.append(act.unreaped) }
    worker.act = nil
  }

  private func look(_ log: WatchedLog) { log.look(around, buffer: cutBuffer, board: board, inotify: inotify) }

  /// Restart commands that were killed and have not been reaped.
  private var orphans = [Int32]()
  /// Children that were told to go.
  private var departures = [Departure]()

  private func takeSignals() {
    while true {
      switch cl_next_signal(signals) {
      case 0: return
      case SIGTERM, SIGINT: isStopping = true
      case SIGHUP: wantsReload = true
      case SIGCHLD:
        orphans.removeAll { pid in
          guard around.calls.childEnded(pid) != nil else { return false }
          around.calls.reap(pid)
          return true
        }
        seeOut()
        for worker in workers {
          worker.tend(around, now: board.now)
          if let act = worker.act { drive(worker, act) }
        }
      default: break
      }
    }
  }

  private func takeWrites() {
    var count: Int32
    repeat {
      count = watches.withUnsafeMutableBufferPointer { cl_inotify_read(inotify, $0.baseAddress, Int32($0.count)) }
      for i in 0..<Int(max(0, count)) {
        for log in logs where log.watchNumber == watches[i] { look(log) }
      }
    } while count == 16
  }

  // MARK: Answering

  func answer(_ request: Request) -> Response {
    boardReader.readSelf(servers: servers)
    switch router.route(request, board) {
    case .answer(let response): return response
    case .command(let command): return carryOut(command, asText: request.wantsText)
    }
  }

  private func carryOut(_ command: Command, asText: Bool) -> Response {
    switch command {
    case .recycle(let i): return recycle(workers[i], asText: asText)
    case .pause(let i):
      workers[i].record.conduct.paused = true
      teller.tell(.worker, workers[i].record.name, .paused)
      return .confirmation("worker \(workers[i].record.name) is paused", asText: asText)
    case .resume(let i):
      workers[i].record.conduct.paused = false
      teller.tell(.worker, workers[i].record.name, .resumed)
      return .confirmation("worker \(workers[i].record.name) is resumed", asText: asText)
    case .unpark(let i):
      workers[i].record.conduct.unpark()
      teller.tell(.worker, workers[i].record.name, .unparked)
      return .confirmation("worker \(workers[i].record.name) has a fresh restart budget", asText: asText)
    case .cut(let i):
      let refusal = logs[i].cutNow(around, buffer: cutBuffer, board: board, inotify: inotify)
      if let refusal { return .error(409, "not cut: \(refusal.advice)", asText: asText) }
      return .confirmation("log \(logs[i].record.rules.path) was cut to \(logs[i].record.allocated)", asText: asText)
    case .reload:
      if let problems = reload() { return .error(400, "the old configuration stays: \(problems)", asText: asText) }
      return .confirmation("reloaded: \(workers.count, "worker") and \(logs.count, "log")", asText: asText)
    }
  }

  private func recycle(_ worker: WatchedWorker, asText: Bool) -> Response {
    let name = worker.record.name
    var conduct = worker.record.conduct
    let verdict = conduct.permit(.asked, rules: worker.record.rules, hasMeans: worker.hasMeans, now: board.now)
    if case .blocked(_, let obstacle) = verdict {
      return .error(409, "worker \(name) is not recycled: \(obstacle.words(now: board.now))", asText: asText)
    }
    begin(worker, .asked)
    if worker.act == nil { return .error(409, "worker \(name) has no process that could be recycled", asText: asText) }
    return .confirmation("recycling worker \(name); its events tell how it went", status: 202, asText: asText)
  }

  // MARK: Configuration

  /// Reads the file anew. Nil, or what is wrong with it: then nothing changes.
  private func reload() -> Bytes? {
    do throws(ConfigurationProblems) {
      let new = try readConfiguration(path: configurationPath)
      let old = configuration
      configuration = new
      if new.http != old.http, !listen() {
        configuration = old
        _ = listen()
        let sentence = Bytes("the new http section cannot be listened on")
        teller.tell(.reloadRefused(sentence))
        return sentence
      }
      apply()
      if new.journal != old.journal { openJournal() }
      nextTick = board.now
      teller.tell(.reloaded(workers: workers.count, logs: logs.count))
      return nil
    } catch {
      let text = error.list.first?.text ?? []
      teller.tell(.reloadRefused(text))
      return text
    }
  }

  /// Makes workers and logs of the configuration; what was known of those that stay is kept.
  private func apply() {
    let (oldWorkers, oldLogs) = (workers, logs)
    var keptChildren = [Int32]()
    workers = []
    for settings in configuration.workers {
      let old = oldWorkers.first { $0.record.name == settings.name }
      let observes = settings.rules.observe || configuration.observe
      if let old, old.settings == settings, old.record.rules.observe == observes {
        workers.append(old)
        keptChildren.append(old.child)
        continue
      }
      do throws(SelectorError) {
        let new = try WatchedWorker(settings, memTotal: board.memory.total, observe: configuration.observe)
        if let old {
          new.inherit(old)
          keptChildren.append(new.child)
        }
        workers.append(new)
      } catch {
        // The reader of the configuration compiled every pattern before.
      }
    }
    for old in oldWorkers where !workers.contains(where: { $0 === old }) {
      if let act = old.act {
        act.abandon(around.calls)
        if act.unreaped > 0 { orphans.append(act.unreaped) }
      }
      if keptChildren.contains(old.child) { continue }
      if let departure = old.dismiss(around, now: board.now) { departures.append(departure) }
    }
    logs = configuration.logs.map { rules in
      let old = oldLogs.first { $0.record.rules.path == rules.path }
      let new = WatchedLog(rules, observe: configuration.observe)
      if let old { new.inherit(old) }
      return new
    }
    let finder = ProcessFinder(reader: reader, teller: teller, protect: configuration.protect)
    finder.workers = workers
    around = Surroundings(reader: reader, calls: around.calls, teller: teller, finder: finder)
    board.workers = workers.map { $0.record }
    board.logs = logs.map { $0.record }
    board.interval = configuration.interval
    board.observe = configuration.observe
    board.configurationFile = configurationPath
    router.gatekeeper = Gatekeeper(
      token: configuration.http.token, hosts: configuration.http.allowedHosts, ownUid: geteuid())
  }

  private func openJournal() {
    var errno: Int32 = 0
    let file = JournalFile(configuration.journal, errno: &errno)
    if errno != 0, let path = configuration.journal.file {
      complain("\(path): the journal cannot be opened, errno \(errno); events are kept in memory only")
    }
    teller.write(to: file)
  }

  /// Opens the sockets of the configuration in place of those that were open.
  private func listen() -> Bool {
    for server in servers { _ = cl_epoll_remove(epoll, server.pollable) }
    servers = []
    if let address = configuration.http.listen {
      let fd = address.host.withUnsafeBufferPointer { cl_listen_tcp($0.baseAddress, $0.count, address.port) }
      guard serve(fd, isUnix: false) else {
        complain("http listen: cannot listen on port \(Int(address.port)): errno \(-fd)")
        return false
      }
    }
    if let path = configuration.http.socket {
      let fd = path.withCString { cl_listen_unix($0) }
      guard serve(fd, isUnix: true) else {
        complain("http socket \(path): cannot listen: errno \(-fd); is another memwarden running?")
        return false
      }
    }
    return true
  }
  private func serve(_ listening: Int32, isUnix: Bool) -> Bool {
    guard listening >= 0, let server = HTTPServer(listening: listening, isUnix: isUnix, agent: self) else {
      return false
    }
    _ = cl_epoll_add(epoll, server.pollable, Agent.serverTag)
    servers.append(server)
    return true
  }

  private func protectSelf() {
    let wanted = configuration.oomScoreAdjust
    if cl_set_oom_score_adjust(getpid(), wanted) == 0 { board.own.oomScoreAdjust = wanted }
  }

  // MARK: Stopping

  /// Ends own children, each with its stop signal and grace period; everybody else's processes go on.
  private func stop() {
    teller.tell(.stopping)
    servers = []
    if let path = configuration.http.socket { _ = path.withCString { unlink($0) } }
    for worker in workers {
      worker.act?.abandon(around.calls)
      if let departure = worker.dismiss(around, now: board.now) { departures.append(departure) }
    }
    while !departures.isEmpty {
      seeOut()
      if !departures.isEmpty { cl_wait_for_child(50) }
    }
  }

  private func seeOut() {
    let now = Instant(milliseconds: cl_boottime_ms())
    var i = 0
    while i < departures.count {
      if departures[i].isOver(around.calls, now: now) { departures.remove(at: i) } else { i += 1 }
    }
  }
}

extension Response {
  static func confirmation(_ sentence: Sentence, status: UInt32 = 200, asText: Bool) -> Response {
    if asText { return Response(status: status, type: .text, body: sentence.bytes + [0x0A]) }
    var json = JSONWriter()
    json.object {
      $0.field("done", status == 200)
      $0.field("message", sentence.bytes)
    }
    return Response(status: status, type: .json, body: json.text + [0x0A])
  }
}

/// One line on standard error.
func complain(_ sentence: Sentence) {
  var text = Bytes("memwarden: ")
  text.say(sentence)
  text.append(0x0A)
  _ = text.withUnsafeBytes { cl_write_all(2, $0.baseAddress, $0.count) }
}

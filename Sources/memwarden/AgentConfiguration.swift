// The configuration put into force: workers, logs, journal, sockets; at the start and at every reload.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

/// A server to replace: by one on `listening`, or by none when that is negative.
struct Exchange {
  let isUnix: Bool
  let listening: Int32
}

extension Agent {
  /// Reads the file anew. Nil, or what is wrong with it: then nothing changes.
  func reload() -> Bytes? {
    notify.reloading()
    defer { notify.ready() }
    do throws(ConfigurationProblems) {
      var new = try readConfiguration(path: configurationPath)
      new.observe = new.observe || observes
      let old = configuration
      if let problem = listen(new.http, insteadOf: old.http) {
        teller.tell(.reloadRefused(problem))
        return problem
      }
      configuration = new
      apply()
      if new.journal != old.journal, let sentence = openJournal() {
        board.missing.append(sentence)
        teller.tell(.featureMissing(sentence))
      }
      if new.oomScoreAdjust != old.oomScoreAdjust { protectSelf() }
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
  func apply() {
    let (oldWorkers, oldLogs) = (workers, logs)
    var keptChildren = [Int32]()
    workers = []
    wantsApply = false
    for settings in configuration.workers {
      let old = oldWorkers.first { $0.record.name == settings.name }
      let observes = settings.rules.observe || configuration.observe
      if let old, old.settings == settings, old.record.rules.observe == observes {
        workers.append(old)
        keptChildren.append(old.child)
        continue
      }
      // What is under way is carried through with the settings it began with.
      if let old, old.isActing {
        workers.append(old)
        keptChildren.append(old.child)
        wantsApply = true
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
        // The reader of the configuration compiled every pattern before: never, but then not in silence.
        teller.tell(.reloadRefused(Bytes("worker ") + settings.name + Bytes(": its selector cannot be used")))
      }
    }
    for old in oldWorkers {
      if !workers.contains(where: { $0 === old }) { abandonSteps(of: old) }
      if let act = old.act, !workers.contains(where: { $0 === old }) {
        act.abandon(around.calls)
        if act.unreaped > 0 { store.commands.append(act.unreaped) }
      }
      if keptChildren.contains(old.child) { continue }
      if let departure = old.dismiss(around, now: board.now) { store.departures.append(departure) }
    }
    logs = configuration.logs.map { rules in
      let old = oldLogs.first { $0.record.rules.path == rules.path }
      let new = WatchedLog(rules, observe: configuration.observe)
      if let old { new.inherit(old) }
      return new
    }
    applyBudgets(former: oldLogs)
    let finder = ProcessFinder(reader: reader, teller: teller, protect: configuration.protect)
    finder.workers = workers
    around = Surroundings(
      reader: reader, calls: around.calls, teller: teller, finder: finder, store: store, epoll: epoll)
    if isRunning { store.save(around) }
    board.workers = workers.map { $0.record }
    board.logs = logs.map { $0.record }
    redirects.attach(to: board, around)
    board.interval = configuration.interval
    board.observe = configuration.observe
    board.configurationFile = configurationPath
    router.gatekeeper = Gatekeeper(
      token: configuration.http.token, hosts: configuration.http.allowedHosts, ownUid: geteuid())
  }

  /// The sentence to tell when there should be a file and it cannot be opened: memwarden goes on without.
  func openJournal() -> StaticString? {
    board.journal.resize(configuration.journal.events)
    var errno: Int32 = 0
    let file = JournalFile(configuration.journal, errno: &errno)
    if errno != 0, let path = configuration.journal.file {
      complain("\(path): the journal cannot be opened, errno \(errno); events are kept in memory only")
    }
    teller.write(to: file)
    return errno == 0
      ? nil : "No journal file: events are kept in memory only; name a file in a folder that is there and writable."
  }

  /// Opens those sockets of `new` that differ from what is open. Nil, or what went wrong: then nothing was changed. The
  /// servers are exchanged at the end of the turn: the one to go may be the one that is answering now.
  func listen(_ new: HTTPSettings, insteadOf old: HTTPSettings?) -> Bytes? {
    var tcp: Int32 = -1, unix: Int32 = -1
    if let address = new.listen, old?.listen != address {
      tcp = address.host.withUnsafeBufferPointer { cl_listen_tcp($0.baseAddress, $0.count, address.port) }
      if tcp < 0 {
        let sentence: Sentence = "http: cannot listen on port \(Int(address.port)), errno \(-tcp)"
        return sentence.bytes
      }
    }
    if let path = new.socket, old?.socket != path {
      unix = path.withCString { cl_listen_unix($0) }
      if unix < 0, old == nil, tcp >= 0, [-ENOENT, -ENOTDIR, -EROFS, -EACCES].contains(unix) {
        // A board without a writable /run is watched all the same.
        board.missing.append(
          "No unix socket: its folder is missing or not writable; ask with --url, or name another path as http socket.")
      } else if unix < 0 {
        if tcp >= 0 { _ = close(tcp) }
        let sentence: Sentence = "http: cannot listen on \(path), errno \(-unix); is another memwarden running?"
        return sentence.bytes
      }
    }
    if old?.listen != new.listen { exchanges.append(Exchange(isUnix: false, listening: tcp)) }
    if old?.socket != new.socket {
      if let path = old?.socket { _ = path.withCString { unlink($0) } }
      exchanges.append(Exchange(isUnix: true, listening: unix))
    }
    return nil
  }

  func exchangeServers() {
    for exchange in exchanges {
      if let i = servers.firstIndex(where: { $0.isUnix == exchange.isUnix }) {
        _ = cl_epoll_remove(epoll, servers[i].pollable)
        countedBefore.requests += servers[i].requests
        countedBefore.aborted += servers[i].abortedConnections
        servers.remove(at: i)
      }
      guard exchange.listening >= 0 else { continue }
      guard let server = HTTPServer(listening: exchange.listening, isUnix: exchange.isUnix, agent: self) else {
        complain("libmicrohttpd does not start")
        continue
      }
      _ = cl_epoll_add(epoll, server.pollable, Agent.serverTag)
      servers.append(server)
    }
    exchanges.removeAll()
  }
}

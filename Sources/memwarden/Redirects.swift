// All redirected logs: begins a redirect, undoes it, redirects who comes later, and remembers over a restart. How one
// process's descriptors are exchanged is in Actions/DescriptorExchange.swift.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

final class Redirects {
  private(set) var active = [LogRedirect]()
  let tracer = Tracer()
  private let state: StateFile
  private let epoll: Int32, tag: UInt32
  private let buffer: CutBuffer

  init(state: Bytes, epoll: Int32, tag: UInt32, buffer: CutBuffer) {
    self.buffer = buffer
    self.state = StateFile(path: state)
    self.epoll = epoll
    self.tag = tag
  }

  private var folder: Bytes { state.folder }
  private func find(_ path: Bytes) -> LogRedirect? { active.first { $0.path == path } }

  /// The loop has found something in a pipe.
  func drain(now: Instant) { for redirect in active { redirect.drain(now: now) } }

  // MARK: Doing

  /// Nil when every process that writes the log writes elsewhere now; else nothing has changed.
  func redirect(_ log: WatchedLog, to asked: RedirectTarget?, _ around: Surroundings, _ board: Board)
    -> RedirectRefusal?
  {
    guard let permitted = log.record.rules.redirect else {
      return RedirectRefusal(
        "redirecting is not permitted; set redirect = ring (or null, syslog, a path) in the log's section and reload")
    }
    let target = asked ?? permitted
    if case .file = target, target != permitted {
      return RedirectRefusal("only the path that redirect in the log's section names can be the target")
    }
    if find(log.record.rules.path) != nil { return RedirectRefusal("it is redirected already; undo that first") }
    do throws(RedirectFailure) {
      try begin(log, to: target, around, board)
      return nil
    } catch { return error.refusal }
  }

  private func begin(_ log: WatchedLog, to target: RedirectTarget, _ around: Surroundings, _ board: Board)
    throws(RedirectFailure)
  {
    let file: LogFile, status: FileStatus
    do throws(LogRefusal) {
      file = try log.open(around, buffer: buffer, board: board)
      status = try file.status()
    } catch { throw RedirectFailure(error.advice) }
    let scan = (try? around.reader.holders(of: status)) ?? HolderScan()
    let writing = writers(of: scan.holders)
    // Without that right the descriptors of others can be counted, and not told where they lead.
    if scan.unreadable > 0 || (writing.isEmpty && !around.reader.hasPtraceCapability()) {
      throw RedirectFailure("other processes' descriptors cannot be read; memwarden needs root and CAP_SYS_PTRACE")
    }
    if writing.isEmpty { throw RedirectFailure("no process has it open for writing") }
    let new = try makePlace(for: log.record, target, writing, around, now: board.now)
    active.append(new)
    do throws(RedirectFailure) {
      // Before anything is done: an interrupted redirect is undone by the next memwarden.
      try save(board)
      try exchangeAll(in: new, of: status, writing, around)
    } catch {
      remove(new, board)
      throw error
    }
    new.isComplete = true
    _ = cl_epoll_add(epoll, new.pipe, tag)
    log.record.redirect = new.record
    let freed = takeOver(file, into: new)
    try? save(board)
    let event = Happening.redirected(target, processes: new.writers.count, freed: freed)
    around.teller.tell(.log, new.path, event)
  }

  /// The file's end goes to the ring, the rest is freed: nobody writes there any more.
  private func takeOver(_ file: LogFile, into redirect: LogRedirect) -> ByteCount {
    let before = (try? file.status().allocated) ?? .zero
    // A file that cannot be emptied now stays within its budget like any other.
    try? file.readTail(into: redirect.ring)
    try? file.empty()
    return before - ((try? file.status().allocated) ?? .zero)
  }

  private func makePlace(
    for log: LogRecord, _ target: RedirectTarget, _ writing: [LogWriter], _ around: Surroundings, now: Instant
  ) throws(RedirectFailure) -> LogRedirect {
    var place = Bytes("/dev/null"), pipe: Int32 = -1
    switch target {
    case .null: break
    case .file(let path): place = path
    case .ring, .syslog:
      let uid = try user(of: writing, around)
      place = folder + Bytes("/") + log.id + Bytes(".ring")
      let made = folder.withCString { redirect_make_folder($0) }
      if made < 0 { throw RedirectFailure("the folder of the state file cannot be made or is not safe", errno: -made) }
      pipe = place.withCString { redirect_make_pipe($0, uid) }
      if pipe < 0 { throw RedirectFailure("no FIFO can be made beside the state file", errno: -pipe) }
    }
    // A file is made by the first of its writers, with that process's rights.
    let nothing = FileStatus(
      device: Device(major: 0, minor: 0), inode: 0, links: 0, mode: 0, uid: 0, size: .zero, allocated: .zero)
    let status = (try? around.reader.fileStatus(place)) ?? nothing
    return LogRedirect(
      log.rules.path, to: target, place: place, status: status, pipe: pipe, ring: log.rules.ring, writers: writing,
      now: now)
  }

  /// Whose the FIFO must be for all of them to open it.
  private func user(of writing: [LogWriter], _ around: Surroundings) throws(RedirectFailure) -> UInt32 {
    var uid: UInt32 = 0
    for own in users(of: writing, around) where own != 0 && own != uid {
      if uid != 0 { throw RedirectFailure("its writers run as several users, who cannot share one FIFO") }
      uid = own
    }
    return uid
  }

  private func users(of writing: [LogWriter], _ around: Surroundings) -> [UInt32] {
    var uids = [UInt32]()
    for writer in writing {
      if let uid = (try? around.reader.traceability(of: writer.identity))?.fileSystemUid { uids.append(uid) }
    }
    return uids
  }

  /// All of them, or none: on a failure those that were done are put back.
  private func exchangeAll(
    in redirect: LogRedirect, of status: FileStatus, _ writing: [LogWriter], _ around: Surroundings
  ) throws(RedirectFailure) {
    // What ended meanwhile counts as protected too, and is none of our business.
    for writer in writing
    where around.finder.isProtected(writer.identity.pid)
      && around.startTime(writer.identity.pid) == writer.identity.startTicks
    {
      throw RedirectFailure(.protected, of: writer)
    }
    var there = Replacement(from: status, path: redirect.place, to: redirect.placeStatus)
    if redirect.placeStatus.inode == 0 { there.to = nil }
    there.isPipe = redirect.pipe >= 0
    there.wayBack = redirect.path
    there.appends = writing.count > 1
    var done = [LogWriter]()
    for writer in writing {
      do throws(RedirectObstacle) {
        done.append(writer)
        _ = try tracer.exchange(there, of: writer, around.reader)
        if there.to == nil {
          redirect.placeStatus = (try? around.reader.fileStatus(redirect.place)) ?? redirect.placeStatus
        }
      } catch {
        if error == .gone { continue }
        let back = Replacement(from: redirect.placeStatus, path: redirect.path, to: status)
        for writer in done { _ = try? tracer.exchange(back, of: writer, around.reader) }
        throw RedirectFailure(error, of: writer)
      }
    }
  }

  // MARK: Undoing

  /// Nil when every process writes to the file again, behind what the ring holds of it; else nothing has changed.
  func undo(_ path: Bytes, _ around: Surroundings, _ board: Board) -> RedirectRefusal? {
    guard let redirect = find(path) else { return RedirectRefusal("it is not redirected") }
    do throws(RedirectFailure) {
      let count = try putBack(redirect, around)
      remove(redirect, board)
      around.teller.tell(.log, path, .redirectUndone(processes: count))
      return nil
    } catch { return error.refusal }
  }

  private func putBack(_ redirect: LogRedirect, _ around: Surroundings) throws(RedirectFailure) -> Int {
    guard let scan = try? around.reader.holders(of: redirect.placeStatus), scan.unreadable == 0 else {
      throw RedirectFailure("other processes' descriptors cannot all be read; memwarden needs root and CAP_SYS_PTRACE")
    }
    let writing = writersNow(of: redirect, scan, around)
    let file = try? around.reader.fileStatus(redirect.path)
    if let file, !file.isRegular { throw RedirectFailure("under the log's path there is something else now") }
    let rest = RingRest(redirect, writers: users(of: writing, around)), now = around.teller.board.now
    var back = Replacement(from: redirect.placeStatus, path: redirect.path, to: file)
    // Each of several processes gets a file position of its own now.
    back.appends = writing.count > 1
    back.meanwhile = { rest.write(now: now) }
    for (i, writer) in writing.enumerated() {
      do throws(RedirectObstacle) { _ = try tracer.exchange(back, of: writer, around.reader) } catch {
        if error == .gone { continue }
        let status = file ?? (try? around.reader.fileStatus(redirect.path))
        if let status, redirect.placeStatus.inode != 0 {
          var again = Replacement(from: status, path: redirect.place, to: redirect.placeStatus)
          again.isPipe = redirect.target.usesPipe
          for done in writing[...i] { _ = try? tracer.exchange(again, of: done, around.reader) }
        }
        throw RedirectFailure(error, of: writer)
      }
    }
    rest.write(now: now)
    return writing.count
  }

  /// Who has the place open instead of the log, with the flags that they had of the log. Of what others use too, only
  /// the processes that were redirected and what they forked since.
  private func writersNow(of redirect: LogRedirect, _ scan: HolderScan, _ around: Surroundings) -> [LogWriter] {
    var now = [LogWriter]()
    for var writer in writers(of: scan.holders) {
      let parent = (try? around.reader.stat(writer.identity.pid).parent) ?? 0
      let known = redirect.writers.first { $0.identity == writer.identity }
      let source = known ?? redirect.writers.first { $0.identity.pid == parent }
      var descriptors = [LogWriter.Descriptor]()
      for descriptor in writer.descriptors {
        if let same = source?.descriptors.first(where: { $0.number == descriptor.number }) {
          descriptors.append(same)
        } else if redirect.target.usesPipe {
          descriptors.append(.init(number: descriptor.number, flags: redirect_log_flags(descriptor.flags)))
        }
      }
      writer.descriptors = descriptors
      if !descriptors.isEmpty { now.append(writer) }
    }
    return now
  }

  private func remove(_ redirect: LogRedirect, _ board: Board) {
    active.removeAll { $0 === redirect }
    if redirect.pipe >= 0 {
      _ = cl_epoll_remove(epoll, redirect.pipe)
      _ = redirect.place.withCString { unlink($0) }
    }
    board.logs.first { $0.rules.path == redirect.path }?.redirect = nil
    try? save(board)
  }

  // MARK: As time goes by

  /// Forgets writers that ended; redirects those that have come and written to the file.
  func tick(_ around: Surroundings, _ board: Board) {
    tracer.letGo()
    for redirect in active {
      let before = redirect.writers.count
      redirect.writers.removeAll { around.startTime($0.identity.pid) != $0.identity.startTicks }
      redirect.record.writers = redirect.writers.count
      if before != redirect.writers.count { try? save(board) }
      guard board.now >= redirect.retryAt, let file = try? around.reader.fileStatus(redirect.path),
        file.size > .zero
      else { continue }
      redirect.retryAt = board.now + .seconds(10)
      adopt(file, redirect, around, board)
    }
  }

  private func adopt(_ status: FileStatus, _ redirect: LogRedirect, _ around: Surroundings, _ board: Board) {
    let scan = (try? around.reader.holders(of: status)) ?? HolderScan()
    let new = writers(of: scan.holders)
    do throws(RedirectFailure) {
      if !new.isEmpty { try exchangeAll(in: redirect, of: status, new, around) }
      redirect.retryAt = board.now
      redirect.writers += new
      redirect.record.writers = redirect.writers.count
      if let file = try? LogFile(redirect.path, writers: users(of: new, around)) { _ = takeOver(file, into: redirect) }
      try save(board)
      for writer in new { around.teller.tell(.log, redirect.path, .redirectedToo(pid: writer.identity.pid)) }
    } catch {
      redirect.retryAt = board.now + .seconds(60)
      let refusal = error.refusal
      around.teller.tell(
        .log, redirect.path, .redirectRefused(refusal.reason, pid: refusal.pid, errno: refusal.errno))
    }
  }

  /// The last lines of a log, and where they are from.
  func tail(_ log: WatchedLog, lines: Int, _ around: Surroundings) throws(LogRefusal) -> (StaticString, Bytes) {
    var text = Bytes()
    if let redirect = find(log.record.rules.path) {
      redirect.drain(now: around.teller.board.now)
      redirect.ring.write(last: lines, to: &text)
      return ("ring", text)
    }
    let ring = LineRing(capacity: 64 << 10)
    try log.open(around, buffer: buffer, board: around.teller.board).readTail(into: ring)
    ring.write(last: lines, to: &text)
    return ("file", text)
  }

  // MARK: Over a restart

  private func save(_ board: Board) throws(RedirectFailure) {
    if active.isEmpty { return state.remove() }
    let made = folder.withCString { redirect_make_folder($0) }
    if made < 0 { throw RedirectFailure("the folder of the state file cannot be made or is not safe", errno: -made) }
    let text = RedirectState.text(active.map { SavedRedirect($0) }, bootID: board.bootID)
    let result = state.replace(by: text, board)
    if result < 0 { throw RedirectFailure("the state file cannot be written", errno: -result) }
  }

  /// At the start: takes up what an earlier memwarden left.
  func restore(_ logs: [LogRules], _ around: Surroundings, _ board: Board) {
    let read: Bytes?
    switch state.read(around.reader) {
    case .nothing: return
    case .foreign:
      around.teller.tell(
        .stateUnusable("the state file or its folder belongs to others or may be written by them, and was ignored"))
      return
    case .text(let text): read = text
    }
    guard let read, let found = RedirectState.parse(read, bootID: board.bootID) else {
      around.teller.tell(
        .stateUnusable("the state file is not whole and was ignored: logs that were redirected stay so until restarted")
      )
      return
    }
    // The FIFOs are beside it and nowhere else.
    for saved in found where !saved.target.usesPipe || isOurs(saved.place) {
      let pipe = saved.target.usesPipe ? saved.place.withCString { redirect_open_pipe($0) } : -1
      let nobody = FileStatus(
        device: saved.device, inode: saved.inode, links: 1, mode: 0, uid: 0, size: .zero, allocated: .zero)
      let ring = logs.first { $0.path == saved.path }?.ring ?? .kib(32)
      let redirect = LogRedirect(
        saved.path, to: saved.target, place: saved.place, status: nobody, pipe: pipe < 0 ? -1 : pipe, ring: ring,
        writers: saved.writers, now: board.now)
      redirect.isRestored = true
      redirect.isComplete = saved.isComplete && (pipe >= 0 || !saved.target.usesPipe)
      if pipe >= 0 { _ = cl_epoll_add(epoll, pipe, tag) }
      active.append(redirect)
    }
  }

  private func isOurs(_ place: Bytes) -> Bool {
    guard let slash = place.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return false }
    return Bytes(place[..<slash]) == folder
  }

  /// To the records of a new configuration. A log that is not to be redirected any more, or was but half, is undone.
  func attach(to board: Board, _ around: Surroundings) {
    for redirect in active {
      let record = board.logs.first { $0.rules.path == redirect.path }
      if let record, record.rules.redirect != nil, redirect.isComplete {
        if record.redirect == nil, redirect.isRestored {
          redirect.isRestored = false
          let count = redirect.writers.count
          around.teller.tell(.log, redirect.path, .redirectKept(redirect.target, processes: count))
        }
        record.redirect = redirect.record
      } else if let refusal = undo(redirect.path, around, board) {
        around.teller.tell(
          .log, redirect.path, .redirectRefused(refusal.reason, pid: refusal.pid, errno: refusal.errno))
      }
    }
  }
}

/// What stopped a redirect, and in which process.
struct RedirectFailure: Error {
  let refusal: RedirectRefusal
  init(_ words: StaticString, errno: Int32 = 0) { refusal = RedirectRefusal(words, errno: errno) }
  init(_ obstacle: RedirectObstacle, of writer: LogWriter) {
    refusal = RedirectRefusal(obstacle.advice, pid: writer.identity.pid, errno: obstacle.errno)
  }
}

extension SavedRedirect {
  init(_ redirect: LogRedirect) {
    self.init(
      path: redirect.path, target: redirect.target, place: redirect.place, device: redirect.placeStatus.device,
      inode: redirect.placeStatus.inode, isComplete: redirect.isComplete, writers: redirect.writers)
  }
}

// Processes on their way: to a redirected log's place, and back to its file. One after another, some milliseconds in a
// turn of the loop; who does not stop is asked again. All of them go there or none; who is to come back is asked for until
// it has.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

extension Redirects {
  /// In a turn, no other process is begun with after this.
  private static let slice: Int64 = 6000
  /// Between two looks at who does not stop: processes in state D are awake for moments.
  private static let pause = Milliseconds(5)

  /// Throws what hinders one of them; that it is busy only when nothing else is in the way.
  func examine(_ writing: [LogWriter], _ around: Surroundings) throws(RedirectFailure) {
    var busy: RedirectFailure?
    for writer in writing {
      do throws(RedirectObstacle) { try tracer.examine(writer.identity, around.reader) } catch {
        if error == .busy { busy = RedirectFailure(error, of: writer) }
        if error != .busy, error != .gone { throw RedirectFailure(error, of: writer) }
      }
    }
    if let busy { throw busy }
  }

  // MARK: There

  /// Goes on with the redirect, or with those who came later. Refused: none of them was moved, or they are on their way
  /// back.
  func moveThere(_ redirect: LogRedirect, _ around: Surroundings, _ board: Board) -> RedirectAnswer {
    let begun = cl_boottime_us()
    do throws(RedirectFailure) {
      guard try moveWaiting(redirect, around, board, begun: begun) else {
        redirect.nextStep = board.now
        return .underWay(nil)
      }
    } catch {
      if error.isBusy, board.now < redirect.patience {
        redirect.nextStep = board.now + Redirects.pause
        return .underWay(error.refusal)
      }
      return giveUp(redirect, error, around, board, begun: begun)
    }
    redirect.nextStep = nil
    settle(redirect, around, board)
    return .done
  }

  /// False: the turn's time is over.
  private func moveWaiting(_ redirect: LogRedirect, _ around: Surroundings, _ board: Board, begun: Int64)
    throws(RedirectFailure) -> Bool
  {
    guard let source = redirect.source else { return true }
    // Nobody is touched before all can be.
    if !redirect.isTouched {
      for writer in redirect.waiting {
        // What ended meanwhile counts as protected too, and is none of our business.
        if around.finder.isProtected(writer.identity.pid),
          around.startTime(writer.identity.pid) == writer.identity.startTicks
        {
          throw RedirectFailure(.protected, of: writer)
        }
      }
      try examine(redirect.waiting, around)
    }
    var there = Replacement(from: source, path: redirect.place, to: nil)
    there.isPipe = redirect.pipe >= 0
    there.wayBack = redirect.path
    there.appends = redirect.waiting.count + redirect.moved > 1
    var isFirst = true
    while let writer = redirect.waiting.first {
      if !isFirst, cl_boottime_us() - begun > Redirects.slice { return false }
      isFirst = false
      if redirect.placeStatus.inode != 0 { there.to = redirect.placeStatus }
      defer { findPlace(redirect, around) }
      do throws(RedirectObstacle) { _ = try tracer.exchange(there, of: writer, around.reader) } catch {
        switch error {
        case .gone: break
        case .slow, .failed:
          touch(redirect, board)
          throw RedirectFailure(error, of: writer)
        default: throw RedirectFailure(error, of: writer)
        }
      }
      touch(redirect, board)
      redirect.waiting.removeFirst()
      redirect.moved += 1
      if redirect.record.phase == .redirected {
        redirect.writers.append(writer)
        around.teller.tell(.log, redirect.path, .redirectedToo(pid: writer.identity.pid))
      }
    }
    return true
  }

  /// Half of them there and half not is no state to wait in for long.
  private func touch(_ redirect: LogRedirect, _ board: Board) {
    if !redirect.isTouched { redirect.patience = min(redirect.patience, board.now + Milliseconds(200)) }
    redirect.isTouched = true
  }

  /// A file is made by the first of its writers.
  private func findPlace(_ redirect: LogRedirect, _ around: Surroundings) {
    guard redirect.placeStatus.inode == 0, let found = try? around.reader.fileStatus(redirect.place) else { return }
    redirect.placeStatus = found
  }

  /// All of them are there: nobody writes to the file any more.
  private func settle(_ redirect: LogRedirect, _ around: Surroundings, _ board: Board) {
    let isFirst = redirect.record.phase == .redirecting
    redirect.record.phase = .redirected
    redirect.record.writers = redirect.writers.count
    _ = cl_epoll_add(epoll, redirect.pipe, tag)
    var freed = ByteCount.zero
    if let file = try? LogFile(redirect.path, writers: users(of: redirect.writers, around)),
      let now = try? file.status(), let source = redirect.source, now.isSame(as: source)
    {
      freed = takeOver(file, into: redirect)
    }
    if !isFirst { redirect.retryAt = board.now }
    try? save(board)
    guard isFirst else { return }
    let event = Happening.redirected(redirect.target, processes: redirect.writers.count, freed: freed)
    around.teller.tell(.log, redirect.path, event)
  }

  private func giveUp(
    _ redirect: LogRedirect, _ failure: RedirectFailure, _ around: Surroundings, _ board: Board, begun: Int64
  ) -> RedirectAnswer {
    var refusal = failure.refusal
    redirect.waiting = []
    redirect.nextStep = nil
    tracer.forsake()
    // Those who came later and are there may stay.
    if redirect.record.phase == .redirected { return .refused(refusal) }
    if !redirect.isTouched {
      remove(redirect, board)
    } else {
      turnBack(redirect, board)
      refusal.isComingBack = true
      if cl_boottime_us() - begun < Redirects.slice, case .done = moveBack(redirect, around, board) {
        refusal.isComingBack = false
      }
    }
    return .refused(refusal)
  }

  // MARK: Back

  /// From now on its processes are brought back, with every `moveBack`.
  func turnBack(_ redirect: LogRedirect, _ board: Board) {
    tracer.forsake()
    redirect.record.phase = .returning
    (redirect.waiting, redirect.moved, redirect.tries, redirect.isStuck) = ([], 0, 0, false)
    redirect.nextStep = board.now
    // Who cannot come back soon goes on writing there.
    _ = cl_epoll_add(epoll, redirect.pipe, tag)
  }

  /// Goes on with the way back. Done when all that were found are back; that no more were forked meanwhile is looked after
  /// in the next turn, and then it is over. Refused: not all could be brought back; they are tried again.
  func moveBack(_ redirect: LogRedirect, _ around: Surroundings, _ board: Board) -> RedirectAnswer {
    let begun = cl_boottime_us()
    var isFirst = true
    do throws(RedirectFailure) {
      if redirect.waiting.isEmpty {
        // That alone may have taken this turn's time.
        isFirst = false
        redirect.waiting = try findWriters(of: redirect, around)
        if redirect.waiting.isEmpty {
          redirect.writeRest(writers: users(of: redirect.writers, around), now: board.now)
          remove(redirect, board)
          around.teller.tell(.log, redirect.path, .redirectUndone(processes: redirect.moved))
          return .done
        }
        redirect.failure = nil
        redirect.tries += 1
        redirect.patience = board.now + .seconds(5)
      }
      let file = try? around.reader.fileStatus(redirect.path)
      if let file, !file.isRegular { throw RedirectFailure("under the log's path there is something else now") }
      let uids = users(of: redirect.waiting, around), now = board.now
      var back = Replacement(from: redirect.placeStatus, path: redirect.path, to: file)
      // Each of several processes gets a file position of its own now.
      back.appends = redirect.waiting.count + redirect.moved > 1
      back.meanwhile = { redirect.writeRest(writers: uids, now: now) }
      while !redirect.waiting.isEmpty {
        if !isFirst, cl_boottime_us() - begun > Redirects.slice {
          redirect.nextStep = board.now
          return .underWay(nil)
        }
        isFirst = false
        if let stopped = redirect.waiting.firstIndex(where: { tracer.isKeptWaiting($0.identity) }) {
          redirect.waiting.swapAt(0, stopped)
        }
        let writer = redirect.waiting[0]
        do throws(RedirectObstacle) {
          _ = try tracer.exchange(back, of: writer, around.reader)
          redirect.moved += 1
        } catch {
          let failure = RedirectFailure(error, of: writer)
          if failure.isBusy, board.now < redirect.patience {
            // The others need not wait for this one.
            redirect.waiting.append(redirect.waiting.removeFirst())
            redirect.nextStep = board.now + Redirects.pause
            return .underWay(failure.refusal)
          }
          if error != .gone, redirect.failure == nil { redirect.failure = failure }
        }
        redirect.waiting.removeFirst()
      }
      if let failure = redirect.failure { throw failure }
      redirect.nextStep = board.now + Milliseconds(Int64(redirect.tries - 1) * 100)
      return .done
    } catch { return putOff(redirect, error, around, board) }
  }

  /// Told once, tried again after 2 s and then ever less often, to once a minute.
  private func putOff(
    _ redirect: LogRedirect, _ failure: RedirectFailure, _ around: Surroundings, _ board: Board
  ) -> RedirectAnswer {
    tracer.forsake()
    redirect.waiting = []
    redirect.nextStep = board.now + min(.seconds(60), .seconds(1 << Int64(min(redirect.tries, 6))))
    var refusal = failure.refusal
    if !redirect.isStuck {
      redirect.isStuck = true
      around.teller.tell(
        .log, redirect.path, .redirectStuck(refusal.reason, pid: refusal.pid, errno: refusal.errno))
      try? save(board)
    }
    refusal.isComingBack = true
    return .refused(refusal)
  }

  /// Every process that has the place open instead of the log.
  func findWriters(of redirect: LogRedirect, _ around: Surroundings) throws(RedirectFailure) -> [LogWriter] {
    let scan = around.reader.holders(of: redirect.placeStatus)
    guard scan.unreadable == 0 else {
      throw RedirectFailure("other processes' descriptors cannot all be read; memwarden needs root and CAP_SYS_PTRACE")
    }
    return writersNow(of: redirect, scan, around)
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
}

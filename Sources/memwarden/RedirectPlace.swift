// Where a redirected log's lines go: the place that is made for them, whose it must be, and what becomes of the file.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

extension Redirects {
  func makePlace(
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

  func users(of writing: [LogWriter], _ around: Surroundings) -> [UInt32] {
    var uids = [UInt32]()
    for writer in writing {
      if let uid = (try? around.reader.traceability(of: writer.identity))?.fileSystemUid { uids.append(uid) }
    }
    return uids
  }

  /// The file's end goes to the ring, the rest is freed: nobody writes there any more.
  func takeOver(_ file: LogFile, into redirect: LogRedirect) -> ByteCount {
    let before = (try? file.status().allocated) ?? .zero
    // A file that cannot be emptied now stays within its budget like any other.
    try? file.readTail(into: redirect.ring)
    try? file.empty()
    return before - ((try? file.status().allocated) ?? .zero)
  }

  /// Whatever became of it, it is over.
  func remove(_ redirect: LogRedirect, _ board: Board) {
    active.removeAll { $0 === redirect }
    if redirect.pipe >= 0 {
      _ = cl_epoll_remove(epoll, redirect.pipe)
      _ = redirect.place.withCString { unlink($0) }
    }
    board.logs.first { $0.rules.path == redirect.path }?.redirect = nil
    try? save(board)
  }
}

// What the next memwarden, or the next configuration, must know of redirected logs, and what it makes of that.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

extension Redirects {
  func save(_ board: Board) throws(RedirectFailure) {
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
      var there = FileStatus(
        device: saved.device, inode: saved.inode, links: 1, mode: 0, uid: 0, size: .zero, allocated: .zero)
      // Saved before the first of its writers had made it.
      if saved.inode == 0, let made = try? around.reader.fileStatus(saved.place) { there = made }
      let ring = logs.first { $0.path == saved.path }?.ring ?? .kib(32)
      let redirect = LogRedirect(
        saved.path, to: saved.target, place: saved.place, status: there, pipe: pipe < 0 ? -1 : pipe, ring: ring,
        writers: saved.writers, now: board.now)
      redirect.isRestored = true
      redirect.record.phase = saved.isComplete && (pipe >= 0 || !saved.target.usesPipe) ? .redirected : .returning
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
      record?.redirect = redirect.record
      let isWanted = record?.rules.redirect != nil
      if redirect.isRestored, isWanted, redirect.record.phase == .redirected {
        let count = redirect.writers.count
        around.teller.tell(.log, redirect.path, .redirectKept(redirect.target, processes: count))
      }
      if redirect.isRestored || redirect.record.phase != .returning, !isWanted || redirect.record.phase == .returning {
        turnBack(redirect, board)
      }
      redirect.isRestored = false
    }
  }
}

extension SavedRedirect {
  init(_ redirect: LogRedirect) {
    self.init(
      path: redirect.path, target: redirect.target, place: redirect.place, device: redirect.placeStatus.device,
      inode: redirect.placeStatus.inode, isComplete: redirect.record.phase == .redirected, writers: redirect.writers)
  }
}

// A log as a part of a budget that it shares with others.
import Actions
import CLinux
import Policy
import Report
import Samples

extension WatchedLog {
  /// The filesystem it is on; nil while it is not open.
  var device: Device? { file?.opened.device }

  /// Whether it is this very file.
  func holds(_ status: FileStatus) -> Bool {
    guard let opened = file?.opened else { return false }
    return opened.inode == status.inode && opened.device == status.device
  }

  /// Bytes per second now.
  func rate(at now: Instant) -> UInt64 { file == nil ? 0 : watch.rate(at: now) }
  func steadyRate(at now: Instant) -> UInt64 { file == nil ? 0 : watch.steadyRate(at: now) }

  /// What it holds now; the judge does not look.
  func refresh() { if let file, let status = try? file.status() { note(status) } }

  /// `observed`: it is only asked what would happen.
  func mayBeEvicted(now: Instant, observed: Bool) -> Bool {
    record.state == .watched && file != nil && !isCutting && now >= evictableAt && (observed || !record.rules.observe)
  }

  /// Cuts it down to `keep` because others need the room. False when that was refused: told, and not tried for a second.
  func evict(keep: ByteCount, _ agent: Agent) -> Bool {
    let around = agent.around, now = agent.board.now
    do throws(LogRefusal) {
      let file = try open(around, buffer: agent.cutBuffer, board: agent.board)
      let status = try file.status()
      note(status)
      // What was written since the last look counts: after the cut nobody could tell.
      _ = watch.look(status, now: now)
      // Who writes a log that was silent all the time is not known yet, and on ramfs the method depends on it.
      if file.kind == .ramfs, writers.holders == nil, rate(at: now) == 0 { writers.findNow(file, around) }
      try cut(file, keep: keep, around, buffer: agent.cutBuffer, board: agent.board)
      try schedule(file, after: try file.status(), inotify: agent.inotify)
      // What is archived first gives way a moment later.
      return !isCutting
    } catch {
      evictableAt = now + .seconds(1)
      if error != .nothingToCut { refuse(error, around, inotify: agent.inotify, now: now) }
      return false
    }
  }
}

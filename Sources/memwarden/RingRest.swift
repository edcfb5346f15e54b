// What the ring holds of a log, and then whatever still comes through its pipe, on the way back into the file.
import Actions
import CLinux
import Samples

final class RingRest {
  private let redirect: LogRedirect
  private let uids: [UInt32]
  private var position: UInt64

  /// `uids`: of the log's writers; see LogFile.
  init(_ redirect: LogRedirect, writers uids: [UInt32]) {
    self.redirect = redirect
    self.uids = uids
    position = redirect.ring.received - UInt64(redirect.ring.held)
    // Begins with a whole line.
    if redirect.ring.dropped > 0 { position -= 1 }
  }

  /// Appends what has come since the last call. The file's writers are in the middle of it or not: O_APPEND.
  func write(now: Instant) {
    redirect.drain(now: now)
    var text = Bytes()
    let end = redirect.ring.write(since: position, to: &text)
    guard !text.isEmpty, let file = try? LogFile(redirect.path, writers: uids) else { return }
    // On a filesystem that is full of others' files the lines stay in the ring, and are lost with it.
    if text.withUnsafeBytes({ redirect_append(file.descriptor, $0.baseAddress, $0.count) }) > 0 { position = end }
  }
}

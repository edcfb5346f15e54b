// What the ring holds of a log, and then whatever still comes through its pipe, on the way back into the file.
import Actions
import CLinux
import Samples

extension LogRedirect {
  /// Appends what has come since the last call; at the first, what the ring holds. `uids`: of the log's writers; see
  /// LogFile. The file's writers are in the middle of it or not: O_APPEND.
  func writeRest(writers uids: [UInt32], now: Instant) {
    drain(now: now)
    // Begins with a whole line.
    let position = restPosition ?? ring.dropped - (ring.dropped > 0 ? 1 : 0)
    restPosition = position
    var text = Bytes()
    let end = ring.write(since: position, to: &text)
    guard !text.isEmpty, let file = try? LogFile(path, writers: uids) else { return }
    // On a filesystem that is full of others' files the lines stay in the ring, and are lost with it.
    if text.withUnsafeBytes({ redirect_append(file.descriptor, $0.baseAddress, $0.count) }) > 0 { restPosition = end }
  }
}

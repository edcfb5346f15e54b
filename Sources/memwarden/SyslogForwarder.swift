// Sends lines on to /dev/log, one datagram each, as facility daemon, level info. Never waits; counts what was not taken.
import CLinux
import Samples

final class SyslogForwarder {
  private var line = Bytes()
  private let headLength: Int
  private var socket: Int32 = -1
  private var triedAt = Instant(milliseconds: -1000)
  private(set) var dropped: UInt64 = 0
  /// RFC 3164: a packet has at most 1024 bytes; the rest of a longer line is cut off.
  private static let lineMaximum = 1024

  /// `name` is a path; its last part becomes the tag.
  init(name: Bytes) {
    line.reserveCapacity(Self.lineMaximum)
    line.write("<30>")
    line.append(contentsOf: name[(name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...].prefix(64))
    line.write(": ")
    headLength = line.count
  }
  deinit { if socket >= 0 { _ = close(socket) } }

  func take(_ bytes: Slice<UnsafeRawBufferPointer>, now: Instant) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if line.count > headLength { send(now: now) }
        line.removeLast(line.count - headLength)
      } else if line.count < Self.lineMaximum {
        line.append(byte)
      }
    }
  }

  private func send(now: Instant) {
    if socket < 0, now - triedAt >= .seconds(1) {
      triedAt = now
      socket = redirect_connect_syslog()
    }
    let result = socket < 0 ? -EAGAIN : line.withUnsafeBytes { redirect_send(socket, $0.baseAddress, $0.count) }
    if result < 0 { dropped += 1 }
    // The daemon was restarted: its socket is another.
    if result < 0, result != -EAGAIN, socket >= 0 {
      _ = close(socket)
      socket = -1
    }
  }
}

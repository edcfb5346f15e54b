// What the service manager is told over $NOTIFY_SOCKET, as in sd_notify(3): ready, alive, reloading, stopping. Says
// nothing where there is no such socket. The loop says when; nothing in here waits for a time or decides.
import CLinux
import Report
import Samples

struct Notify {
  /// AF_UNIX path, or @ and an abstract name.
  private let socket: Bytes?
  /// Half of the time after which the service manager takes us for hung; nil: it does not look.
  private let half: Milliseconds?
  private var due = Instant(milliseconds: 0)
  /// When the loop must turn for the watchdog's sake: a quarter of its time after a ping is due, so that the tick that
  /// comes anyway serves, and no wake-up is added where ticks are that frequent.
  private(set) var deadline: Instant

  /// `watchdog`: WATCHDOG_USEC as a time. Below 8 ms it cannot be met and counts as none.
  init(socket: Bytes?, watchdog: Milliseconds?) {
    self.socket = socket
    half = watchdog.flatMap { socket != nil && $0.rawValue >= 8 ? Milliseconds($0.rawValue / 2) : nil }
    deadline = Instant(milliseconds: half == nil ? .max : 0)
  }

  /// Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: workers and restart commands inherit
  /// none of them.
  init() {
    let socket = Notify.take("NOTIFY_SOCKET")
    let microseconds = Notify.number(Notify.take("WATCHDOG_USEC"))
    let pid = Notify.number(Notify.take("WATCHDOG_PID"))
    let isForUs = pid == nil || pid == UInt64(getpid())
    self.init(socket: socket, watchdog: isForUs ? microseconds.map { Milliseconds(Int64(clamping: $0 / 1000)) } : nil)
  }

  func ready() { send("READY=1") }
  func stopping() { send("STOPPING=1") }
  /// Must be followed by `ready`.
  func reloading() {
    var text = Bytes("RELOADING=1\nMONOTONIC_USEC=")
    text.write(cl_monotonic_us())
    _ = send(text)
  }

  /// At every turn of the loop: tells that it turns, at most once in half the watchdog's time. One that is not taken is
  /// sent again at the next turn.
  mutating func ping(now: Instant) {
    guard let half, now >= due else { return }
    if send("WATCHDOG=1") {
      due = now + half
      deadline = due + Milliseconds(half.rawValue / 2)
    } else {
      deadline = now + Milliseconds(half.rawValue / 4)
    }
  }

  @discardableResult
  private func send(_ text: StaticString) -> Bool { send(Bytes(text)) }
  private func send(_ text: Bytes) -> Bool {
    guard let socket else { return false }
    return text.withUnsafeBytes { text in
      socket.withUnsafeBytes { cl_notify($0.baseAddress, $0.count, text.baseAddress, text.count) } == 0
    }
  }

  private static func take(_ name: StaticString) -> Bytes? {
    var value = Bytes(repeating: 0, count: 109)
    let length = Bytes(name).withCString { name in
      value.withUnsafeMutableBytes { cl_take_environment(name, $0.baseAddress, $0.count) }
    }
    return length > 0 ? Bytes(value[..<Int(length)]) : nil
  }
  private static func number(_ text: Bytes?) -> UInt64? {
    guard let text else { return nil }
    var scanner = ByteScanner(text.span)
    guard let n = scanner.number(), scanner.isAtEnd else { return nil }
    return n
  }
}

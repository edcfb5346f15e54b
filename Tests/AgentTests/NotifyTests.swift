// What the service manager hears, and when: on a datagram socket of the test's own.
import Foundation
import Samples
import Testing

@testable import memwarden

struct NotifyTests {
  @Test(arguments: [false, true])
  func `Ready, reloading and stopping arrive at a path and at an abstract name`(abstract: Bool) throws {
    let manager = try ServiceManager(abstract: abstract)
    let notify = Notify(socket: manager.name, watchdog: nil)
    notify.ready()
    notify.reloading()
    notify.stopping()
    #expect(manager.next() == "READY=1")
    let reloading = try #require(manager.next()).split(separator: "\n")
    #expect(reloading.first == "RELOADING=1")
    #expect(reloading.last?.hasPrefix("MONOTONIC_USEC=") == true)
    #expect(manager.next() == "STOPPING=1")
  }

  @Test func `The watchdog hears of a turn at most once in half its time, and by three quarters of it`() throws {
    let manager = try ServiceManager()
    var notify = Notify(socket: manager.name, watchdog: .seconds(60))
    var wakeUps = 0, last = 0
    for second in stride(from: 1000, to: 1600, by: 5) {
      let now = Instant(milliseconds: Int64(second) * 1000)
      if second > 1000, notify.deadline < now { wakeUps += 1 }
      notify.ping(now: now)
      guard let heard = manager.next() else { continue }
      #expect(heard == "WATCHDOG=1")
      if last > 0 { #expect(second - last == 30) }
      last = second
    }
    #expect(last >= 1570)
    #expect(wakeUps == 0, "ticks of 5 s suffice: nothing is added for its sake")
    #expect(notify.deadline == Instant(milliseconds: Int64(last + 45) * 1000))
  }

  @Test func `A ping that nobody takes is tried again without spinning`() throws {
    let manager = try ServiceManager()
    var notify = Notify(socket: Bytes("@memwarden-nobody".utf8), watchdog: .seconds(60))
    let now = Instant(milliseconds: 1_000_000)
    notify.ping(now: now)
    #expect(notify.deadline == now + Milliseconds(7500))
    #expect(manager.next() == nil)
  }

  @Test func `Without a socket nothing is said and no turn is asked for`() {
    var notify = Notify(socket: nil, watchdog: .seconds(60))
    notify.ready()
    notify.ping(now: Instant(milliseconds: 1))
    #expect(notify.deadline == Instant(milliseconds: .max))
  }
}

/// The other end of NOTIFY_SOCKET.
private final class ServiceManager {
  let name: Bytes
  private let socket: Int32
  private let path: String?

  init(abstract: Bool = false) throws {
    let text = "\(abstract ? "@" : "/tmp/")memwarden-notify-\(UUID().uuidString)"
    name = Bytes(text.utf8)
    path = abstract ? nil : text
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: name)
      if abstract { $0[0] = 0 }
    }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
    }
    try #require(bound == 0)
  }
  deinit {
    close(socket)
    if let path { unlink(path) }
  }

  /// The oldest message; nil when there is none.
  func next() -> String? {
    var buffer = Bytes(repeating: 0, count: 256)
    let n = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return n < 0 ? nil : String(decoding: buffer[..<n], as: UTF8.self)
  }
}

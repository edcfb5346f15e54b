// Does a worker that came up answer? One question over TCP at a time, asked anew until it is answered well: a connection,
// or an HTTP GET with an answer of 200 to 399. It never waits: the loop calls `step`.
import CLinux
public import Samples

public struct HealthGate: Equatable, Sendable {
  /// IPv4 or IPv6 address in network order, 4 or 16 bytes, and port.
  public var host: Bytes, port: UInt16
  /// nil: that a connection is accepted is enough.
  public var path: Bytes?
  public init(host: Bytes, port: UInt16, path: Bytes?) {
    self.host = host
    self.port = port
    self.path = path
  }
}

public final class HealthProbe {
  private let gate: HealthGate
  private var descriptor: Int32 = -1
  private var isAsked = false
  public private(set) var isAnswered = false
  private var answer = Bytes()
  private var askAt = Instant(milliseconds: 0), giveUpAt = Instant(milliseconds: 0)
  /// Between two questions, and for one of them.
  private static let pause = Milliseconds(250), patience = Milliseconds.seconds(5)

  public init(_ gate: HealthGate) { self.gate = gate }
  deinit { hangUp() }

  /// True once it has answered well.
  public func step(now: Instant) -> Bool {
    if descriptor < 0 {
      guard now >= askAt else { return false }
      descriptor = gate.host.withUnsafeBytes { cl_connect_begin($0.baseAddress, gate.host.count, gate.port) }
      guard descriptor >= 0 else { return failed(now) }
      giveUpAt = now + Self.patience
    }
    let state = cl_connect_state(descriptor)
    if state < 0 || now >= giveUpAt { return failed(now) }
    guard state > 0 else { return false }
    guard let path = gate.path else { return answered() }
    if !isAsked {
      isAsked = true
      let question = Bytes("GET ") + path + Bytes(" HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
      let sent = question.withUnsafeBytes { cl_send_now(descriptor, $0.baseAddress, question.count) }
      if sent != question.count { return failed(now) }
    }
    return read(now)
  }

  /// `HTTP/1.1 200`: twelve bytes are enough.
  private func read(_ now: Instant) -> Bool {
    var bytes = InlineArray<16, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    let n = Int(span.withUnsafeMutableBytes { cl_receive_now(descriptor, $0.baseAddress, 16 - answer.count) })
    if n == -Int(EAGAIN) { return false }
    for i in 0..<max(0, n) { answer.append(bytes[i]) }
    guard answer.count >= 12 else { return n <= 0 ? failed(now) : false }
    let isGood = answer[9] == UInt8(ascii: "2") || answer[9] == UInt8(ascii: "3")
    guard isGood, equal(Bytes(answer[..<7]), "HTTP/1.") else { return failed(now) }
    return answered()
  }

  private func answered() -> Bool {
    hangUp()
    isAnswered = true
    return true
  }

  private func failed(_ now: Instant) -> Bool {
    hangUp()
    askAt = now + Self.pause
    return false
  }
  private func hangUp() {
    if descriptor >= 0 { _ = close(descriptor) }
    descriptor = -1
    isAsked = false
    answer = []
  }
}

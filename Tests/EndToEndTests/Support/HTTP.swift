// HTTP for the end-to-end tests over raw sockets, loopback or unix, so that broken requests can be sent as well.
import Foundation

enum Endpoint {
  case port(UInt16)
  case socket(String)
}

/// One answer, taken apart.
struct Answer {
  let status: Int
  /// Names in lower case.
  let headers: [String: String]
  let body: Data

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as a JSON object; a failure that shows the body when it is none.
  func json() throws -> [String: Any] {
    guard let object = try? JSONSerialization.jsonObject(with: body) as? [String: Any] else {
      throw Failure("not a JSON object (status \(status)): \(text)")
    }
    return object
  }

  /// nil when `bytes` do not begin with a complete HTTP head.
  init?(_ bytes: Data) {
    guard let end = bytes.firstRange(of: Data("\r\n\r\n".utf8)) else { return nil }
    var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let first = lines.removeFirst().split(separator: " ")
    guard first.count > 1, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]) else { return nil }
    self.status = status
    headers = Dictionary(
      lines.compactMap { line in
        line.firstIndex(of: ":").map {
          (line[..<$0].lowercased(), line[line.index(after: $0)...].trimmingCharacters(in: .whitespaces))
        }
      }, uniquingKeysWith: { "\($0), \($1)" })
    body = bytes[end.upperBound...]
  }
}

/// One connection, byte by byte in the test's hand; closed when it goes out of scope.
final class Connection {
  private let descriptor: CInt

  init(_ endpoint: Endpoint) throws {
    switch endpoint {
    case .port(let port):
      descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      var address = loopback(port)
      try connect(&address)
    case .socket(let path):
      descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
        guard path.utf8.count < room.count else { return false }
        room.copyBytes(from: path.utf8)
        return true
      }
      guard fits else { throw Failure("too long for a unix socket: \(path)") }
      try connect(&address)
    }
  }

  deinit { close(descriptor) }

  private func connect<Address>(_ address: inout Address) throws {
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else { throw Failure("connect: \(errorText())") }
  }

  /// Sends all of it; a peer that closes meanwhile is not an error, its answer counts.
  func send(_ bytes: some Collection<UInt8>) {
    var rest = Array(bytes)
    while !rest.isEmpty {
      let sent = Glibc.send(descriptor, rest, rest.count, CInt(MSG_NOSIGNAL))
      guard sent > 0 else { return }
      rest.removeFirst(sent)
    }
  }

  /// Says that nothing more will be sent.
  func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

  /// Why the last `receive` ended, for the words of a failure.
  private(set) var ending = ""

  /// Reads until the peer closes, `enough` says so, or nothing came for `seconds`.
  func receive(within seconds: Double = 10, until enough: (Data) -> Bool = { _ in false }) -> Data {
    var received = Data()
    var chunk = [UInt8](repeating: 0, count: 65536)
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    ending = "enough"
    while !enough(received) {
      let count = poll(&ready, 1, CInt(seconds * 1000)) == 1 ? recv(descriptor, &chunk, chunk.count, 0) : -2
      ending = count == 0 ? "closed" : count == -2 ? "nothing came for \(seconds) s" : errorText()
      guard count > 0 else { break }
      received.append(contentsOf: chunk[..<count])
    }
    return received
  }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
  return address
}

/// Sends the bytes as they are and takes the whole answer; nil when none came or it is not HTTP.
func answer(to request: String, at endpoint: Endpoint) throws -> Answer? {
  let connection = try Connection(endpoint)
  connection.send(request.utf8)
  return connection.receiveAnswer()
}

extension Connection {
  func receiveAnswer() -> Answer? {
    Answer(
      receive { received in
        guard let answer = Answer(received), let length = answer.headers["content-length"] else { return false }
        return answer.body.count >= Int(length) ?? .max
      })
  }
}

/// A proper request. `headers` come after Host (left out when given) and Connection.
func request(
  _ method: String = "GET", _ path: String, at endpoint: Endpoint, headers: [String: String] = [:], body: String? = nil
) throws -> Answer {
  var head = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
  if headers["Host"] == nil { head += "Host: localhost\r\n" }
  for (name, value) in headers { head += "\(name): \(value)\r\n" }
  if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
  let connection = try Connection(endpoint)
  connection.send("\(head)\r\n\(body ?? "")".utf8)
  guard let answer = connection.receiveAnswer() else {
    throw Failure("no HTTP answer to \(method) \(path): \(connection.ending)")
  }
  return answer
}

/// Connects to a port and closes without a word, `count` times: seed 0's silent clients.
func connectSilently(to port: UInt16, times count: Int) throws {
  for _ in 0..<count { _ = try Connection(.port(port)) }
}

/// A loopback port that nobody listened on a moment ago.
func freePort() throws -> UInt16 {
  let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = loopback(0)
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
    }
  }
  guard result else { throw Failure("no free port: \(errorText())") }
  return UInt16(bigEndian: address.sin_port)
}

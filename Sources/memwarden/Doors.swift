// The sockets on which HTTP is served: opened at the start, exchanged at a reload, removed at the end. What is asked
// through them is the agent's affair.
import CLinux
import Report
import Samples

final class Doors {
  private let epoll: Int32, tag: UInt32
  private var tcp: (address: ListenAddress, server: HTTPServer)?
  private var unix: (path: Bytes, server: HTTPServer)?
  /// Closed while somebody was being answered, perhaps the one who asked for the reload. 5 s of silence end them all.
  private var leaving = [HTTPServer]()
  /// Of those that have left.
  private var pastRequests: UInt64 = 0, pastAborted: UInt64 = 0

  /// `tag` is what `epoll` says when a door wants its `turn`.
  init(epoll: Int32, tag: UInt32) {
    self.epoll = epoll
    self.tag = tag
  }

  private var servers: [HTTPServer] {
    var all = leaving
    if let tcp { all.append(tcp.server) }
    if let unix { all.append(unix.server) }
    return all
  }
  var requests: UInt64 { servers.reduce(pastRequests) { $0 + $1.requests } }
  var abortedConnections: UInt64 { servers.reduce(pastAborted) { $0 + $1.abortedConnections } }
  /// Milliseconds until `turn` is wanted again, -1 for never.
  var timeout: Int64 {
    servers.reduce(-1) { least, server in
      let timeout = server.timeout
      return timeout < 0 || (least >= 0 && least < timeout) ? least : timeout
    }
  }

  func turn() {
    for server in servers { server.turn() }
    for server in leaving where server.connections == 0 {
      pastRequests += server.requests
      pastAborted += server.abortedConnections
      _ = cl_epoll_remove(epoll, server.pollable)
    }
    leaving.removeAll { $0.connections == 0 }
  }

  /// Opens what these settings say; a door that stays the same stays open. Nil, or what is wrong: then the former doors
  /// are open again.
  func open(_ http: HTTPSettings, for agent: any Answering) -> Sentence? {
    let (oldAddress, oldPath) = (tcp?.address, unix?.path)
    guard let problem = exchange(http.listen, http.socket, agent) else { return nil }
    _ = exchange(oldAddress, oldPath, agent)
    return problem
  }

  func close() {
    _ = exchange(nil, nil, nil)
    leaving = []
  }

  /// The old listening socket goes first: the new one may be the same port on another address.
  private func exchange(_ address: ListenAddress?, _ path: Bytes?, _ agent: (any Answering)?) -> Sentence? {
    if tcp?.address != address {
      leave(tcp?.server)
      tcp = nil
      if let address, let agent {
        let fd = address.host.withUnsafeBufferPointer { cl_listen_tcp($0.baseAddress, $0.count, address.port) }
        guard let server = serve(fd, isUnix: false, agent) else {
          return "http listen: cannot listen on port \(UInt64(address.port)): errno \(-fd)"
        }
        tcp = (address, server)
      }
    }
    if unix?.path != path {
      leave(unix?.server)
      if let old = unix?.path { _ = old.withCString { unlink($0) } }
      unix = nil
      if let path, let agent {
        let fd = path.withCString { cl_listen_unix($0) }
        guard let server = serve(fd, isUnix: true, agent) else {
          return "http socket \(path): cannot listen: errno \(-fd); is another memwarden running?"
        }
        unix = (path, server)
      }
    }
    return nil
  }

  private func leave(_ server: HTTPServer?) {
    guard let server else { return }
    server.stopListening()
    leaving.append(server)
  }

  private func serve(_ listening: Int32, isUnix: Bool, _ agent: any Answering) -> HTTPServer? {
    guard listening >= 0, let server = HTTPServer(listening: listening, isUnix: isUnix, agent: agent) else {
      return nil
    }
    _ = cl_epoll_add(epoll, server.pollable, tag)
    return server
  }
}

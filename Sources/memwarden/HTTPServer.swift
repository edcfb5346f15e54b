// libmicrohttpd as an adapter: from a connection to a Request value, from a Response value to a connection. Decides
// nothing; Router does.
import CLinux
import CMicrohttpd
import Report
import Samples

/// Answers a request: the agent routes it and carries out what it asks.
protocol Answering: AnyObject {
  func answer(_ request: Request) -> Reply
}

enum Reply {
  case now(Response)
  /// The connection waits, at no cost, until the answer is there.
  case later(any LaterAnswer, asText: Bool)
}

/// An answer that takes longer than a turn of the loop. Let go of when the client hangs up.
protocol LaterAnswer: AnyObject {
  /// Nil: not yet. Asked at every turn of the server.
  func response(asText: Bool) -> Response?
}

/// One listening socket, served within the caller's loop. The C callbacks reach it through an opaque pointer; it must
/// outlive the daemon, so it stops the daemon in deinit.
final class HTTPServer {
  private let agent: any Answering
  let isUnix: Bool
  private var daemon: OpaquePointer?
  private let unanswered: UnsafeMutablePointer<UInt64>
  private(set) var requests: UInt64 = 0

  /// Takes over `listening`. Nil when libmicrohttpd refuses to start.
  init?(listening: Int32, isUnix: Bool, agent: any Answering) {
    self.agent = agent
    self.isUnix = isUnix
    unanswered = .allocate(capacity: 1)
    unanswered.pointee = 0
    daemon = mhd_start(listening, handler, completed, Unmanaged.passUnretained(self).toOpaque(), unanswered)
    if daemon == nil {
      _ = close(listening)
      return nil
    }
  }
  deinit {
    // A suspended connection would outlive its daemon.
    for connection in waiting { MHD_resume_connection(connection.connection) }
    if let daemon { MHD_stop_daemon(daemon) }
    unanswered.deallocate()
  }

  /// Connections that ended before their request was whole.
  var abortedConnections: UInt64 { unanswered.pointee }
  /// For the loop's epoll.
  var pollable: Int32 { daemon.map { mhd_epoll_fd($0) } ?? -1 }
  /// Milliseconds until `turn` is wanted again, -1 for never.
  var timeout: Int64 { daemon.map { mhd_timeout($0) } ?? -1 }
  func turn() {
    waiting.removeAll { connection, pending in
      guard let response = pending.later?.response(asText: pending.laterAsText) else { return false }
      pending.response = response
      MHD_resume_connection(connection)
      return true
    }
    guard let daemon else { return }
    let before = mhd_connections(daemon)
    _ = MHD_run(daemon)
    // A daemon that was full listens again at the beginning of the run after the one in which a place came free.
    if mhd_connections(daemon) < before { _ = MHD_run(daemon) }
  }

  /// Connections whose answer is not there yet.
  private var waiting = [(connection: OpaquePointer?, pending: PendingRequest)]()

  fileprivate func reply(_ connection: OpaquePointer?, _ pending: PendingRequest) -> MHD_Result {
    if let response = pending.response { return send(response, connection) }
    requests += 1
    mhd_note_answer(connection)
    switch agent.answer(pending.request) {
    case .now(let response): return send(response, connection)
    case .later(let answer, let asText):
      (pending.later, pending.laterAsText) = (answer, asText)
      waiting.append((connection, pending))
      MHD_suspend_connection(connection)
      return .YES
    }
  }

  private func send(_ reply: Response, _ connection: OpaquePointer?) -> MHD_Result {
    var body = reply.body
    let response = body.withUnsafeMutableBufferPointer {
      MHD_create_response_from_buffer($0.count, $0.baseAddress, .RESPMEM_MUST_COPY)
    }
    guard let response else { return .NO }
    add(response, "Content-Type", reply.type.name)
    add(response, "Cache-Control", "no-store")
    add(response, "X-Content-Type-Options", "nosniff")
    if let allow = reply.allow { add(response, "Allow", allow) }
    if reply.status == 401 { add(response, "WWW-Authenticate", "Bearer realm=\"memwarden\"") }
    if reply.status == 503 { add(response, "Retry-After", "10") }
    let result = MHD_queue_response(connection, reply.status, response)
    MHD_destroy_response(response)
    return result
  }

  fileprivate func begin(
    _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>, _ method: UnsafePointer<CChar>
  ) -> PendingRequest {
    var peer = Peer.tcp
    // No credentials: a user that can be nobody, rather than root.
    if isUnix { peer = .socket(uid: UInt32(exactly: cl_peer_uid(mhd_socket(connection))) ?? .max) }
    var request = Request(method: Bytes(cString: method), path: Bytes(cString: url), peer: peer)
    request.host = header(connection, "Host")
    request.origin = header(connection, "Origin")
    request.authorization = header(connection, "Authorization")
    request.accept = header(connection, "Accept")
    let pending = PendingRequest(request)
    _ = MHD_get_connection_values(
      connection, MHD_ValueKind.GET_ARGUMENT_KIND, argument, Unmanaged.passUnretained(pending).toOpaque())
    return pending
  }

  private func header(_ connection: OpaquePointer?, _ name: StaticString) -> Bytes? {
    withCString(name) { name in
      MHD_lookup_connection_value(connection, MHD_ValueKind.HEADER_KIND, name).map { Bytes(cString: $0) }
    }
  }
  private func add(_ response: OpaquePointer, _ name: StaticString, _ value: StaticString) {
    withCString(name) { name in withCString(value) { _ = MHD_add_response_header(response, name, $0) } }
  }
}

/// A request whose body is still coming in.
private final class PendingRequest {
  var request: Request
  var dropped = 0
  var later: (any LaterAnswer)?, laterAsText = false, response: Response?
  init(_ request: Request) { self.request = request }
}

private func withCString<R>(_ text: StaticString, _ body: (UnsafePointer<CChar>) -> R) -> R {
  body(UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self))
}

private let handler: MHD_AccessHandlerCallback = { context, connection, url, method, _, upload, size, state in
  guard let context, let url, let method, let state, let size else { return .NO }
  let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
  guard let known = state.pointee else {
    let pending = server.begin(connection, url, method)
    state.pointee = Unmanaged.passRetained(pending).toOpaque()
    return .YES
  }
  let pending = Unmanaged<PendingRequest>.fromOpaque(known).takeUnretainedValue()
  if size.pointee > 0, let upload {
    let bytes = UnsafeRawBufferPointer(start: upload, count: size.pointee)
    if pending.request.body.count + bytes.count > Request.bodyMaximum {
      pending.request.bodyIsTooLarge = true
      // The answer waits for the end of the body; a client that finds no end is hung up on.
      pending.dropped += bytes.count
      if pending.dropped > 16 * Request.bodyMaximum { return .NO }
    } else {
      pending.request.body.append(contentsOf: bytes)
    }
    size.pointee = 0
    return .YES
  }
  return server.reply(connection, pending)
}

private let completed: MHD_RequestCompletedCallback = { _, _, state, _ in
  guard let known = state?.pointee else { return }
  Unmanaged<PendingRequest>.fromOpaque(known).release()
  state?.pointee = nil
}

private let argument: MHD_KeyValueIterator = { context, _, key, value in
  guard let context, let key else { return .NO }
  let pending = Unmanaged<PendingRequest>.fromOpaque(context).takeUnretainedValue()
  let name = Bytes(cString: key)
  let text = value.map { Bytes(cString: $0) } ?? []
  if equal(name, "after") {
    pending.request.after = text
  } else if equal(name, "limit") {
    pending.request.limit = text
  } else if equal(name, "lines") {
    pending.request.lines = text
  } else if pending.request.unknownArgument == nil {
    pending.request.unknownArgument = name
  }
  return .YES
}

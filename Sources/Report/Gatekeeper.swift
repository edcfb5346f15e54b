// Who may ask what. Loopback is not safe by itself: a web page can make a browser ask there (DNS rebinding, cross-site
// posts), so Host and Origin are checked, and every change needs the token, or root on the unix socket.
public import Samples

public struct Gatekeeper: Sendable {
  /// The bearer token; nil: no change over TCP at all.
  public var token: Bytes?
  /// Host names, without port, beyond localhost and the loopback addresses.
  public var hosts: [Bytes]
  /// The user memwarden runs as may change things over the socket, as root may.
  public var ownUid: UInt32
  public init(token: Bytes?, hosts: [Bytes], ownUid: UInt32) {
    self.token = token
    self.hosts = hosts
    self.ownUid = ownUid
  }

  /// Nil: go ahead. Otherwise the status and the sentence of the refusal.
  func objection(to request: Request, changes: Bool) -> (UInt32, Sentence)? {
    if case .tcp = request.peer {
      guard let host = request.host else { return (400, "the Host header is missing") }
      guard isAllowed(host: host) else {
        return (403, "Host \(host) is not allowed; add it to allowed_hosts in the http section, or ask localhost")
      }
      if let origin = request.origin, !isAllowed(origin: origin) {
        return (403, "requests from the web origin \(origin) are not allowed")
      }
    }
    guard changes else { return nil }
    switch request.peer {
    case .socket(let uid):
      if uid == 0 || uid == ownUid { return nil }
      return (403, "changes over the unix socket need root; you are uid \(UInt64(uid))")
    case .tcp:
      guard let token else {
        return (403, "changes over TCP are off: set token_file in the http section, or use the unix socket as root")
      }
      guard let given = request.authorization, let presented = bearer(given) else {
        return (401, "a change needs the header `Authorization: Bearer TOKEN`, with the token from token_file")
      }
      return isEqualInConstantTime(presented, token) ? nil : (401, "the bearer token is not the one in token_file")
    }
  }

  /// `name`, `name:port`, `[::1]:port`.
  func isAllowed(host: Bytes) -> Bool {
    guard let name = withoutPort(host) else { return false }
    for own: StaticString in ["localhost", "127.0.0.1", "[::1]"] where isSameName(Bytes(own), name) { return true }
    for allowed in hosts where isSameName(allowed, name) { return true }
    return false
  }
  /// `http://name:port`; `null` and everything else is not allowed.
  func isAllowed(origin: Bytes) -> Bool {
    for scheme: StaticString in ["http://", "https://"] {
      var scanner = ByteScanner(origin.span)
      if scanner.accept(scheme) { return isAllowed(host: Bytes(origin[scanner.position...])) }
    }
    return false
  }

  /// Nil when what follows the name is not a colon and digits.
  private func withoutPort(_ host: Bytes) -> Bytes? {
    var end = host.firstIndex(of: UInt8(ascii: ":")) ?? host.count
    if host.first == UInt8(ascii: "["), let bracket = host.firstIndex(of: UInt8(ascii: "]")) { end = bracket + 1 }
    let port = host[end...]
    guard port.isEmpty || port.first == UInt8(ascii: ":") else { return nil }
    for byte in port.dropFirst() where byte < 48 || byte > 57 { return nil }
    return Bytes(host[..<end])
  }
  private func isSameName(_ a: Bytes, _ b: Bytes) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<a.count where lower(a[i]) != lower(b[i]) { return false }
    return true
  }
  private func lower(_ c: UInt8) -> UInt8 { c >= 65 && c <= 90 ? c + 32 : c }
  private func bearer(_ header: Bytes) -> Bytes? {
    var scanner = ByteScanner(header.span)
    guard scanner.accept("Bearer ") else { return nil }
    scanner.skipBlanks()
    return Bytes(header[scanner.position...])
  }
  /// The time depends on the length of what was presented, not on where it differs. Nothing equals an empty token.
  private func isEqualInConstantTime(_ a: Bytes, _ b: Bytes) -> Bool {
    if b.isEmpty { return false }
    var difference: UInt8 = a.count == b.count ? 0 : 1
    for i in 0..<a.count { difference |= a[i] ^ b[i % b.count] }
    return difference == 0
  }
}

// One HTTP request and its answer as values: the HTTP library is an adapter around them.
public import Policy
public import Samples

/// Who asks.
public enum Peer: Equatable, Sendable {
  case tcp
  /// The unix socket, and the user at its other end (SO_PEERCRED).
  case socket(uid: UInt32)
}

public struct Request: Sendable {
  public var method: Bytes, path: Bytes
  public var peer: Peer
  /// Header values; nil when the header is absent.
  public var host: Bytes?, origin: Bytes?, authorization: Bytes?, accept: Bytes?
  /// Query arguments `after`, `limit` and `lines`, and the first one that is not known.
  public var after: Bytes?, limit: Bytes?, lines: Bytes?, unknownArgument: Bytes?
  public var body = Bytes()
  /// The body was longer than `bodyMaximum` and was not kept.
  public var bodyIsTooLarge = false
  public static let bodyMaximum = 4096
  public init(method: Bytes, path: Bytes, peer: Peer) {
    self.method = method
    self.path = path
    self.peer = peer
  }
  /// A person reads it: `Accept: text/plain`.
  public var wantsText: Bool {
    guard let accept else { return false }
    return find("text/plain", in: accept)
  }
}

public enum ContentType: Sendable {
  case json, text, metrics
  public var name: StaticString {
    switch self {
    case .json: "application/json"
    case .text: "text/plain; charset=utf-8"
    case .metrics: "text/plain; version=0.0.4; charset=utf-8"
    }
  }
}

public struct Response: Sendable {
  public var status: UInt32
  public var type: ContentType
  public var body: Bytes
  /// For 405: the methods that are there.
  public var allow: StaticString?
  public init(status: UInt32, type: ContentType, body: Bytes, allow: StaticString? = nil) {
    self.status = status
    self.type = type
    self.body = body
    self.allow = allow
  }

  /// `{"error":{"status":404,"message":"…"}}`, or the sentence alone for people.
  public static func error(_ status: UInt32, _ sentence: Sentence, asText: Bool, allow: StaticString? = nil)
    -> Response
  {
    if asText { return Response(status: status, type: .text, body: sentence.bytes + [0x0A], allow: allow) }
    var json = JSONWriter()
    json.object {
      $0.object("error") {
        $0.field("status", UInt64(status))
        $0.field("message", sentence.bytes)
      }
    }
    return Response(status: status, type: .json, body: json.text + [0x0A], allow: allow)
  }
}

/// What a request asks the loop to do; indices into the board's workers and logs.
public enum Command: Equatable, Sendable {
  case recycle(Int), pause(Int), resume(Int), unpark(Int), trim(Int)
  case cut(Int)
  /// nil: where the configuration says.
  case redirect(Int, to: RedirectTarget?), undo(Int)
  case tail(Int, lines: Int)
  case reload
}

/// Is the word somewhere in the text?
func find(_ word: StaticString, in text: Bytes) -> Bool {
  let n = word.utf8CodeUnitCount
  guard text.count >= n else { return false }
  for start in 0...(text.count - n) {
    var k = 0
    while k < n, text[start + k] == word.utf8Start[k] { k += 1 }
    if k == n { return true }
  }
  return false
}

// A log whose lines go elsewhere, for the answers; what POST …/redirect may say; the answer of …/tail.
public import Policy
public import Samples

/// Where a redirect's processes are.
public enum RedirectPhase: Sendable {
  /// On the way there, there, on the way back: by undo, or because one of them could not be redirected.
  case redirecting, redirected, returning
  public var name: StaticString {
    switch self {
    case .redirecting: "redirecting"
    case .redirected: "redirected"
    case .returning: "returning"
    }
  }
}

public final class RedirectRecord {
  public let target: RedirectTarget
  public var phase = RedirectPhase.redirecting
  public var since: Instant
  /// Processes that were redirected and live.
  public var writers = 0
  /// What came through the pipe; `overwritten` of it is not in the ring any more.
  public var received = ByteCount.zero, overwritten = ByteCount.zero
  public var lines: UInt64 = 0
  /// Lines that syslog did not take.
  public var notForwarded: UInt64 = 0
  public init(target: RedirectTarget, since: Instant) {
    self.target = target
    self.since = since
  }

  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("to", target.words.bytes)
      json.field("since_boot_ms", since.milliseconds)
      json.field("writers", writers)
      json.field("received_bytes", received)
      json.field("received_lines", lines)
      json.field("overwritten_bytes", overwritten)
      json.field("lines_not_forwarded", notForwarded)
    }
  }
}

extension RedirectTarget {
  public var words: Sentence {
    switch self {
    case .null: "null"
    case .ring: "ring"
    case .syslog: "syslog"
    case .file(let path): "\(path)"
    }
  }

  /// `null`, `ring`, `syslog`, or an absolute path.
  public init?(_ text: Bytes) {
    if equal(text, "null") {
      self = .null
    } else if equal(text, "ring") {
      self = .ring
    } else if equal(text, "syslog") {
      self = .syslog
    } else if text.first == UInt8(ascii: "/"), text.count < 4096, !text.contains(0) {
      self = .file(text)
    } else {
      return nil
    }
  }
}

/// The body of POST …/redirect: none, `{}`, or `{"to": "ring"}`. The outer nil: it is none of these; the inner one: the
/// configuration's choice.
func parseRedirectBody(_ body: Bytes) -> RedirectTarget?? {
  var words = [Bytes](), marks = Bytes()
  var i = 0
  while i < body.count {
    let byte = body[i]
    i += 1
    if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { continue }
    if byte != UInt8(ascii: "\"") {
      marks.append(byte)
      continue
    }
    var word = Bytes()
    while i < body.count, body[i] != UInt8(ascii: "\"") {
      // No target needs an escape but a slash that somebody wrote as \/.
      if body[i] == UInt8(ascii: "\\") {
        i += 1
        guard i < body.count, body[i] == UInt8(ascii: "/") else { return .none }
      }
      word.append(body[i])
      i += 1
    }
    guard i < body.count else { return .none }
    i += 1
    words.append(word)
    marks.append(UInt8(ascii: "w"))
  }
  if marks.isEmpty || equal(marks, "{}") { return .some(nil) }
  guard equal(marks, "{w:w}"), equal(words[0], "to"), let target = RedirectTarget(words[1]) else { return .none }
  return .some(target)
}

/// The answer of GET …/tail: whole lines, oldest first. `source`: `ring` or `file`.
public func tailAnswer(_ path: Bytes, source: StaticString, _ text: Bytes, asText: Bool) -> Response {
  var plain = Bytes(), json = JSONWriter()
  json.object { json in
    json.field("path", path)
    json.field("source", source)
    json.array("lines") { json in
      for line in text.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
        if asText {
          plain.writeSafely(Bytes(line))
          plain.append(0x0A)
        } else {
          json.string(Bytes(line))
        }
      }
    }
  }
  return Response(status: 200, type: asText ? .text : .json, body: asText ? plain : json.text + [0x0A])
}

func processesInWords(_ n: Int) -> Sentence { n == 1 ? "1 process" : "\(n) processes" }

/// Why nothing was redirected or undone, as a sentence. pid 0: no process is at fault.
public struct RedirectRefusal: Sendable {
  public var reason: StaticString
  public var pid: Int32, errno: Int32
  /// Some of its processes are still on their way back, and will be tried again.
  public var isComingBack = false
  public init(_ reason: StaticString, pid: Int32 = 0, errno: Int32 = 0) {
    self.reason = reason
    self.pid = pid
    self.errno = errno
  }
  public var words: Sentence {
    let rest: Sentence = isComingBack ? "; what was moved is on its way back, and its events tell how it goes" : ""
    return "not done: \(cause)\(rest)"
  }
  /// Without what it means for the whole.
  public var cause: Sentence {
    let whose: Sentence = pid == 0 ? "" : "pid \(pid): "
    let number: Sentence = errno == 0 ? "" : " (errno \(errno))"
    return "\(whose)\(reason)\(number)"
  }
}

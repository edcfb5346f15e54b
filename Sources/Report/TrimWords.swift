// A trim: what came back, in words and numbers.
public import Samples

/// A trim that was carried through in one process.
public struct TrimOutcome: Equatable, Sendable {
  public var pid: Int32
  /// Resident, before and after.
  public var before: ByteCount, after: ByteCount
  /// In use in the allocator; 0 where it does not say.
  public var inUse: ByteCount
  /// How long the process was kept by it.
  public var microseconds: UInt64
  public init(pid: Int32, before: ByteCount, after: ByteCount, inUse: ByteCount, microseconds: UInt64) {
    self.pid = pid
    self.before = before
    self.after = after
    self.inUse = inUse
    self.microseconds = microseconds
  }
  public var freed: ByteCount { before - after }

  var words: Sentence {
    "pid \(pid) trimmed: \(freed) came back (rss \(before) to \(after)), \(microseconds) µs in the process"
  }
  func write(to json: inout JSONWriter) {
    json.field("pid", pid)
    json.field("before_bytes", before)
    json.field("after_bytes", after)
    json.field("freed_bytes", freed)
    json.field("in_use_bytes", inUse)
    json.field("took_us", microseconds)
  }
}

/// What became of each process of a worker.
public struct TrimAnswer: Sendable {
  public var done = [TrimOutcome]()
  public var refused = [(pid: Int32, why: StaticString)]()
  public init() {}

  /// 200 when at least one process was trimmed, 409 when each refused.
  public func response(_ name: Bytes, asText: Bool) -> Response {
    let status: UInt32 = done.isEmpty ? 409 : 200
    var freed = ByteCount.zero
    for one in done { freed += one.freed }
    var text = Bytes()
    if !done.isEmpty { text.say("worker \(name) gave \(freed) back\n") }
    for one in done { text.say("\(one.words)\n") }
    for one in refused { text.say("pid \(one.pid) not trimmed: \(one.why)\n") }
    if asText { return Response(status: status, type: .text, body: text) }
    if !text.isEmpty { text.removeLast() }
    var json = JSONWriter()
    json.object { json in
      if done.isEmpty {
        json.object("error") {
          $0.field("status", UInt64(status))
          $0.field("message", text)
        }
        return
      }
      json.field("done", true)
      json.field("message", text)
      json.field("freed_bytes", freed)
      json.array("processes") { json in
        for one in done { json.object { one.write(to: &$0) } }
        for one in refused {
          json.object {
            $0.field("pid", one.pid)
            $0.field("refused", one.why)
          }
        }
      }
    }
    return Response(status: status, type: .json, body: json.text + [0x0A])
  }
}

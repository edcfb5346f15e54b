// GET /v1/processes/PID/heap: what a walk over a process's heap found, and what it cannot know. No addresses: whoever may
// read this may not therefore know where a process keeps what.
public import Samples

public struct HeapRecord: Sendable {
  public var identity: Identity
  public var comm: Bytes
  /// When it was asked for; when it was over, once it is.
  public var at: Instant
  public var took = Milliseconds.zero
  public var usage = HeapUsage()
  public init(identity: Identity, comm: Bytes, at: Instant) {
    self.identity = identity
    self.comm = comm
    self.at = at
  }

  public func response(asText: Bool) -> Response {
    if asText {
      var text = Bytes()
      write(to: &text)
      return Response(status: 200, type: .text, body: text)
    }
    var json = JSONWriter()
    write(to: &json)
    return Response(status: 200, type: .json, body: json.text + [0x0A])
  }

  /// Why there is no answer.
  public static func refusal(_ pid: Int32, _ why: Absence) -> (UInt32, Sentence) {
    switch why {
    case .gone: (404, "there is no process \(pid), or it has just ended")
    case .zombie: (409, "process \(pid) has ended and holds no memory; its parent has not reaped it")
    case .kernelThread: (409, "process \(pid) is a thread of the kernel: it has no heap")
    case .denied: (403, "the memory of process \(pid) may not be read: memwarden needs root with CAP_SYS_PTRACE")
    case .unsupported:
      (501, "this kernel lets nobody read: it needs CONFIG_CROSS_MEMORY_ATTACH and CONFIG_PROC_PAGE_MONITOR")
    case .failed(let errno): (500, "the memory of process \(pid) cannot be read: errno \(errno)")
    case .notRead, .malformed: (500, "what the kernel says of process \(pid) cannot be understood")
    }
  }

  func write(to json: inout JSONWriter) {
    let sums = usage.sums
    json.object { json in
      json.field("pid", identity.pid)
      json.field("comm", comm)
      json.field("allocator", usage.allocator.name)
      json.field("bits", Int(usage.bits))
      json.field("complete", usage.isComplete)
      json.array("gaps") { json in for gap in usage.gaps.words { json.string(Bytes(gap.name)) } }
      if let advice = usage.allocator.advice { json.field("note", advice) }
      guard !usage.gaps.contains(.unwalkable) else { return }
      json.field("system_bytes", usage.system)
      json.field("in_use_bytes", usage.inUse)
      json.field("free_bytes", usage.free)
      json.field("unread_bytes", usage.unread)
      json.field("top_bytes", usage.top)
      json.field("fastbin_bytes", usage.fast)
      json.field("tcache_bytes", sums.cached)
      json.field("mapped_bytes", usage.mapped)
      json.field("mapped_chunks", usage.mappedChunks)
      json.field("trimmable_bytes", sums.trimmable)
      json.array("largest_free_bytes") { json in
        for i in 0..<8 where sums.largestFree[i] > 0 { json.number(sums.largestFree[i]) }
      }
      json.array("arenas") { json in
        for arena in usage.arenas {
          json.object { json in
            json.field("main", arena.isMain)
            json.field("heaps", arena.heaps)
            json.field("system_bytes", arena.system)
            json.field("in_use_bytes", arena.inUse)
            json.field("free_bytes", arena.free)
            json.field("top_bytes", arena.top)
            json.field("fastbin_bytes", arena.fast)
            json.field("unread_bytes", arena.unread)
          }
        }
      }
      json.array("size_classes") { json in
        for i in 0..<SizeClasses.count where sums.inUse.chunks[i] + sums.free.chunks[i] > 0 {
          json.object { json in
            json.field("below_bytes", SizeClasses.bound(i))
            json.field("in_use_chunks", sums.inUse.chunks[i])
            json.field("in_use_bytes", sums.inUse.bytes[i])
            json.field("free_chunks", sums.free.chunks[i])
            json.field("free_bytes", sums.free.bytes[i])
          }
        }
      }
      json.object("walk") { json in
        json.field("took_ms", took.rawValue)
        json.field("work_us", usage.microseconds)
        json.field("slices", usage.slices)
        json.field("read_bytes", usage.bytesRead)
        json.field("retries", usage.retries)
      }
    }
  }

  func write(to text: inout Bytes) {
    text.say("pid \(identity.pid) (\(comm)): \(usage.allocator.name)")
    text.say(usage.bits > 0 ? ", \(Int(usage.bits)) bits\n" : "\n")
    if let advice = usage.allocator.advice { text.say("  note           \(advice)\n") }
    guard !usage.gaps.contains(.unwalkable) else { return }
    let sums = usage.sums
    text.say("  from kernel    \(usage.system) in \(usage.arenas.count, "arena") ")
    text.say("and \(Int(clamping: usage.mappedChunks), "mapped chunk") of \(ByteCount(usage.mapped))\n")
    text.say("  in use         \(usage.inUse), of which \(ByteCount(sums.cached)) in threads' caches\n")
    text.say("  free           \(usage.free), of which \(usage.top) at the top, \(usage.fast) in fastbins\n")
    text.say("  trimmable      \(ByteCount(sums.trimmable)): whole pages that malloc_trim(0) would give back\n")
    if usage.unread > .zero { text.say("  not seen       \(usage.unread)\n") }
    for gap in usage.gaps.words { text.say("  incomplete     \(gap.sentence)\n") }
    text.write("  largest free  ")
    for i in 0..<8 where sums.largestFree[i] > 0 { text.say(" \(ByteCount(sums.largestFree[i]))") }
    text.write("\n  ARENA  HEAPS  SYSTEM     IN USE     FREE       TOP\n")
    for (i, arena) in usage.arenas.enumerated() {
      text.write("  ")
      text.cell(arena.isMain ? "main" : "\(i)", 6)
      text.cell("\(arena.heaps)", 6)
      text.amount(ByteCount(arena.system), 10)
      text.amount(ByteCount(arena.inUse), 10)
      text.amount(ByteCount(arena.free), 10)
      text.say("\(ByteCount(arena.top))\n")
    }
    text.write("  CHUNKS BELOW   IN USE     BYTES      FREE       BYTES\n")
    for i in 0..<SizeClasses.count where sums.inUse.chunks[i] + sums.free.chunks[i] > 0 {
      text.write("  ")
      text.amount(SizeClasses.bound(i).map { ByteCount($0) }, 14)
      text.cell("\(sums.inUse.chunks[i])", 10)
      text.amount(ByteCount(sums.inUse.bytes[i]), 10)
      text.cell("\(sums.free.chunks[i])", 10)
      text.say("\(ByteCount(sums.free.bytes[i]))\n")
    }
  }
}

extension HeapGaps {
  /// The name of each, and what it means.
  var words: [(name: StaticString, sentence: StaticString)] {
    let all: [(HeapGaps, StaticString, StaticString)] = [
      (.swapped, "swapped", "part of the heap is in swap, where it was left"),
      (.changed, "changed", "part of the heap changed too fast to be followed, or is corrupt"),
      (.bound, "bound", "the heap is larger than one walk may be"),
      (.elsewhere, "elsewhere", "the main arena has memory outside of the brk heap, which was not found"),
      (.unwalkable, "unwalkable", "this allocator's heap cannot be walked from outside"),
    ]
    var out = [(name: StaticString, sentence: StaticString)]()
    for (gap, name, sentence) in all where contains(gap) { out.append((name, sentence)) }
    return out
  }
}

extension Allocator {
  public var name: StaticString {
    switch self {
    case .glibc: "glibc"
    case .musl: "musl"
    case .jemalloc: "jemalloc"
    case .tcmalloc: "tcmalloc"
    case .mimalloc: "mimalloc"
    case .go: "go"
    case .unknown: "unknown"
    }
  }
  /// What cannot be known, and who knows.
  var advice: StaticString? {
    switch self {
    case .glibc: nil
    case .musl:
      "musl's heap is groups of equal slots that are not chained: in use and free are not told apart; free groups go back"
    case .jemalloc:
      "what jemalloc keeps only it knows: MALLOC_CONF=stats_print:true; idle, it gives back with background_thread:true"
    case .tcmalloc: "what tcmalloc keeps only it knows: MallocExtension; TCMALLOC_RELEASE_RATE gives back faster"
    case .mimalloc:
      "what mimalloc keeps only it knows: MIMALLOC_SHOW_STATS=1; MIMALLOC_PURGE_DELAY=0 gives back at once"
    case .go: "Go's heap is its runtime's: runtime.MemStats or GODEBUG=gctrace=1; GOMEMLIMIT bounds it"
    case .unknown: "no C library is among its mappings and none of glibc was found in the program itself"
    }
  }
}

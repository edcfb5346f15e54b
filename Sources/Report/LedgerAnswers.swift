// GET /v1/ledger: where all of MemTotal is, the largest first. Writes what Policy's Ledger ranked; judges nothing.
public import Policy
public import Samples

/// A ledger, and what it took to make it.
public final class LedgerRecord {
  let ledger: Ledger
  let readAt: Instant
  let took: Milliseconds, cpuMicroseconds: Int64
  /// Processes seen, those that could not be read, those whose figures are estimates.
  let processes: Int, unreadable: Int, estimated: Int
  public init(
    _ ledger: Ledger, readAt: Instant, took: Milliseconds, cpuMicroseconds: Int64, processes: Int, unreadable: Int,
    estimated: Int
  ) {
    self.ledger = ledger
    self.readAt = readAt
    self.took = took
    self.cpuMicroseconds = cpuMicroseconds
    self.processes = processes
    self.unreadable = unreadable
    self.estimated = estimated
  }

  /// Asked again within a second, or within twenty times what it cost, the same one is told.
  func isFresh(_ now: Instant) -> Bool {
    (now - readAt).rawValue < max(1000, cpuMicroseconds / 50)
  }

  public func response(_ board: Board, asText: Bool) -> Response {
    if asText {
      var body = Bytes()
      write(to: &body, board)
      return Response(status: 200, type: .text, body: body)
    }
    var json = JSONWriter()
    write(to: &json, board)
    return Response(status: 200, type: .json, body: json.text + [0x0A])
  }

  /// Hundredths of a per cent of MemTotal.
  private func share(_ bytes: UInt64) -> UInt64 {
    percent(ByteCount(saturating: bytes, times: 100), of: ledger.total)
  }

  func write(to json: inout JSONWriter, _ board: Board) {
    json.object { json in
      json.field("mem_total_bytes", ledger.total)
      json.field("available_bytes", board.memory.usable)
      json.field("swap_used_bytes", board.memory.swapUsed)
      json.field("unexplained_bytes", ledger.unexplained)
      json.field("unexplained_permyriad", share(ledger.unexplained.magnitude))
      json.field("files_in_swap_bytes", ledger.filesInSwap)
      json.field("processes", processes)
      json.field("unreadable_processes", unreadable)
      json.field("estimated_processes", estimated)
      json.field("age_ms", (board.now - readAt).rawValue)
      json.field("took_ms", took.rawValue)
      json.field("cpu_us", cpuMicroseconds)
      json.array("rows") { json in
        for row in ledger.rows {
          json.object { json in
            json.field("kind", row.kind.name)
            json.field("bytes", row.bytes)
            json.field("permyriad", share(row.bytes.magnitude))
            if row.parts.isEmpty { return }
            json.array("parts") { json in for part in row.parts { part.write(to: &json) } }
          }
        }
      }
      json.array("absent") { json in
        for i in 0..<LedgerKind.count {
          if let kind = LedgerKind(rawValue: i), ledger.row(kind) == nil { json.string(Bytes(kind.name)) }
        }
      }
    }
  }

  func write(to text: inout Bytes, _ board: Board) {
    text.write("HOLDS      SHARE\n")
    for row in ledger.rows where row.bytes != 0 {
      let bytes = ByteCount(row.bytes.magnitude)
      text.amount(bytes, 10)
      let share = share(bytes.rawValue)
      text.cell("\(share / 100).\(share % 100 / 10) %", 7)
      for i in 0..<UInt64(20) { text.append(i * 500 < share ? 0x23 : 0x20) }
      text.say(row.bytes < 0 ? " counted twice: \(row.kind.words)\n" : " \(row.kind.words)\n")
      for part in row.parts { part.write(to: &text) }
    }
    text.say("\(ledger.total) in all, \(board.memory.usable) of it available; processes seen: \(processes)")
    if unreadable > 0 { text.say(", \(unreadable) not readable") }
    if estimated > 0 { text.say(", \(estimated) estimated") }
    text.say("\n")
    if let swapped = board.memory.swapUsed, swapped > .zero { text.say("beside it \(swapped) in swap\n") }
  }
}

extension LedgerPart {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("what", kind.name)
      if kind != .rest { json.field("name", name) }
      json.field("bytes", bytes)
      if pid > 0 { json.field("pid", pid) }
      if !comm.isEmpty { json.field("comm", comm) }
      if !worker.isEmpty { json.field("worker", worker) }
      if processes > 0 { json.field("processes", processes) }
      guard kind == .worker || kind == .command else { return }
      json.field("pss_bytes", pss)
      json.field("swap_bytes", swap)
      json.field("estimate", isEstimate)
    }
  }

  /// `    12 MiB     worker web, 3 processes, pid 71`
  func write(to text: inout Bytes) {
    text.write(kind == .file ? "     " : "  ")
    text.amount(bytes, 10)
    if kind != .mount && kind != .file && kind != .rest { text.say("\(kind.name) ") }
    text.say("\(name)")
    if kind == .rest { text.write("all others") }
    if processes > 1 { text.say(", \(processes) processes") }
    if pid > 0 { text.say(", pid \(pid)") }
    if !comm.isEmpty { text.say(" (\(comm))") }
    if swap > .zero && kind != .mapping { text.say(", \(swap) more in swap") }
    text.write("\n")
  }
}

extension LedgerPart.Kind {
  var name: StaticString {
    switch self {
    case .worker: "worker"
    case .command: "command"
    case .rest: "rest"
    case .mount: "mount"
    case .file: "file"
    case .memfd: "memfd"
    case .segment: "segment"
    case .mapping: "mapping"
    }
  }
}

extension LedgerKind {
  var name: StaticString { namesOfKinds[Int(rawValue)].name }
  var words: StaticString { namesOfKinds[Int(rawValue)].words }
}

/// In the order of LedgerKind.
private let namesOfKinds: [(name: StaticString, words: StaticString)] = [
  ("processes", "processes"), ("other_processes", "processes that are not seen from here"),
  ("lazy_free", "given back by processes, taken when needed"), ("tmpfs", "files on tmpfs"),
  ("ramfs", "files on ramfs"), ("deleted_files", "deleted files that are held open"), ("memfds", "memfds"),
  ("shared_memory", "shared memory segments"), ("other_shared", "shared memory that is no file seen here"),
  ("page_cache", "page cache, dropped when needed"), ("pinned_cache", "page cache that cannot be dropped"),
  ("slab_reclaimable", "kernel objects, dropped when needed"), ("slab_unreclaimable", "kernel objects"),
  ("kernel_stacks", "kernel stacks"), ("page_tables", "page tables"), ("per_cpu", "per-CPU memory"),
  ("vmalloc", "kernel mappings (vmalloc)"), ("sockets", "TCP buffers"), ("zram", "zram"), ("zswap", "zswap"),
  ("huge_pages", "huge pages"), ("free", "free"), ("unexplained", "unexplained"),
]

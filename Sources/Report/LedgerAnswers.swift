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
    _ ledger: Ledger, _ tally: ProcessTally, readAt: Instant, took: Milliseconds, cpuMicroseconds: Int64
  ) {
    self.ledger = ledger
    self.readAt = readAt
    self.took = took
    self.cpuMicroseconds = cpuMicroseconds
    (processes, unreadable, estimated) = (tally.processes, tally.unreadable, tally.estimated)
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
      json.field("read_boot_ms", readAt.milliseconds)
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
        for i in 0..<UInt8(LedgerKind.count) {
          if let kind = LedgerKind(rawValue: i), ledger.row(kind) == nil { json.string(Bytes(kind.name)) }
        }
      }
    }
  }

  func write(to text: inout Bytes, _ board: Board) {
    text.write("HOLDS      SHARE\n")
    for row in ledger.rows where row.bytes != 0 {
      let bytes = row.bytes.magnitude, share = share(bytes)
      text.amount(ByteCount(bytes), 10)
      text.cell("\(share / 100).\(share % 100 / 10) %", 7)
      for i in 0..<UInt64(20) { text.append(i * 500 < share ? 0x23 : 0x20) }
      text.append(0x20)
      if row.bytes < 0 { text.write("counted twice: ") }
      let name = row.kind.name
      for i in 0..<name.utf8CodeUnitCount {
        let byte = name.utf8Start[i]
        text.append(byte == UInt8(ascii: "_") ? 0x20 : byte)
      }
      text.append(0x0A)
      for part in row.parts { part.write(to: &text) }
    }
    text.say("\(ledger.total) in all, \(board.memory.usable) of it available")
    if let swapped = board.memory.swapUsed { text.say("; \(swapped) in swap") }
    text.say("; processes: \(processes), of which \(unreadable) unreadable, \(estimated) estimated\n")
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

  /// `  12 MiB     worker web, 3 processes, pid 71`
  func write(to text: inout Bytes) {
    text.write(kind == .file ? "     " : "  ")
    text.amount(bytes, 10)
    if kind != .mount && kind != .file {
      text.write(kind.name)
      text.append(0x20)
    }
    text.writeSafely(name)
    func note(_ before: StaticString, _ n: Int, _ after: StaticString) {
      if n == 0 { return }
      text.write(before)
      text.write(n)
      text.write(after)
    }
    note(", ", processes > 1 ? processes : 0, " processes")
    note(", pid ", Int(pid), "")
    if !comm.isEmpty {
      text.write(" (")
      text.writeSafely(comm)
      text.write(")")
    }
    if kind != .mapping { note(", in swap ", Int(clamping: swap.rawValue / 1024), " KiB") }
    text.append(0x0A)
  }
}

extension LedgerPart.Kind {
  var name: StaticString { namesOfParts[Int(rawValue)] }
}
extension LedgerKind {
  var name: StaticString { namesOfKinds[Int(rawValue)] }
}

/// In the order of LedgerPart.Kind, and of LedgerKind.
private let namesOfParts: [StaticString] = [
  "worker", "command", "rest", "mount", "file", "memfd", "segment", "mapping",
]
private let namesOfKinds: [StaticString] = [
  "processes", "other_processes", "lazy_free", "ramfs", "tmpfs", "deleted_files", "memfds", "shared_memory",
  "other_shared", "page_cache", "pinned_cache", "slab_reclaimable", "slab_unreclaimable", "kernel_stacks",
  "page_tables", "per_cpu", "vmalloc", "sockets", "zram", "zswap", "huge_pages", "free", "cpu_lists", "unexplained",
]

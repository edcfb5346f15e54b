// GET /v1/status: the board, the RAM filesystems, what this kernel lacks, and memwarden itself as one more row.
import Policy
import Samples

extension JSONWriter {
  /// `"uss_bytes":123`, or null with `"uss_absent":"denied"`; `"uss_estimate":true` beside a derived figure.
  mutating func reading(_ bytes: StaticString, _ absent: StaticString, _ estimate: StaticString, _ value: Reading) {
    field(bytes, value.bytes)
    switch value {
    case .exact: break
    case .estimate: field(estimate, true)
    case .absent(let why): field(absent, why.name)
    }
  }
  mutating func footprint(_ f: Footprint) {
    reading("rss_bytes", "rss_absent", "rss_estimate", f.rss)
    reading("pss_bytes", "pss_absent", "pss_estimate", f.pss)
    reading("uss_bytes", "uss_absent", "uss_estimate", f.uss)
    reading("anon_bytes", "anon_absent", "anon_estimate", f.anon)
    reading("swap_bytes", "swap_absent", "swap_estimate", f.swap)
  }
}

extension Mount.Kind {
  public var name: StaticString {
    switch self {
    case .ramfs: "ramfs"
    case .tmpfs: "tmpfs"
    case .other: "other"
    }
  }
}

extension Board {
  var parkedWorkers: Int {
    var n = 0
    for worker in workers { if case .parked = worker.conduct.phase { n += 1 } }
    return n
  }

  func writeStatus(to json: inout JSONWriter) {
    json.object { json in
      json.field("name", "memwarden")
      json.field("version", version)
      json.field("pid", own.pid)
      var time = Bytes()
      time.writeTimestamp(wall)
      json.field("time", time)
      json.field("clock_synchronised", isSynchronised)
      json.field("boot_id", bootID)
      json.field("boot_ms", now.milliseconds)
      json.field("uptime_ms", (now - startedAt).rawValue)
      json.field("configuration", configurationFile)
      json.field("interval_ms", interval.rawValue)
      json.field("observe", observe)
      json.object("memory") { json in
        json.field("total_bytes", memory.total)
        json.field("available_bytes", memory.usable)
        json.field("free_bytes", memory.free)
        json.field("ram_filesystems_bytes", ramFileSystemBytes)
        json.field("slab_unreclaimable_bytes", memory.slabUnreclaimable)
        json.field("swap_total_bytes", memory.swapTotal)
        json.field("swap_free_bytes", memory.swapFree)
      }
      writePressure(to: &json)
      json.object("workers") {
        $0.field("count", workers.count)
        $0.field("parked", parkedWorkers)
      }
      json.object("logs") { json in
        json.field("count", logs.count)
        json.field("over_budget", logs.filter { $0.allocated > $0.rules.budget }.count)
      }
      json.array("ram_filesystems") { json in for fs in fileSystems { fs.write(to: &json) } }
      json.object("events") {
        $0.field("newest", journal.newest)
        $0.field("dropped", journal.dropped)
      }
      json.array("missing_features") { json in for sentence in missing { json.string(Bytes(sentence)) } }
      json.object("self") { own.write(to: &$0) }
    }
  }

  private func writePressure(to json: inout JSONWriter) {
    guard let pressure else {
      json.null("pressure")
      json.field("pressure_absent", (pressureAbsence ?? .notRead).name)
      json.object("vmstat") { json in
        json.field("direct_scans", vmStat?.directScans)
        json.field("allocation_stalls", vmStat?.allocationStalls)
        json.field("major_faults", vmStat?.majorFaults)
        json.field("oom_kills", vmStat?.oomKills)
      }
      return
    }
    json.object("pressure") { json in
      json.field("some_avg10_permyriad", UInt64(pressure.someAvg10.rawValue))
      json.field("full_avg10_permyriad", UInt64(pressure.fullAvg10.rawValue))
      json.field("some_total_us", pressure.someTotalMicroseconds)
      json.field("full_total_us", pressure.fullTotalMicroseconds)
    }
  }

  func writeStatus(to text: inout Bytes) {
    text.say("memwarden \(version), pid \(own.pid), up \(now - startedAt)\(observe ? ", observing only" : "")\n")
    let used = memory.total - memory.usable
    text.say("memory       \(used) of \(memory.total) used, \(memory.usable) available")
    text.say(", \(ramFileSystemBytes) in RAM filesystems\n")
    if let pressure {
      let some = UInt64(pressure.someAvg10.rawValue)
      text.say("pressure     some \(some / 100) % of the last 10 s\n")
    }
    text.say("workers      \(workers.count), \(parkedWorkers) parked\n")
    text.say("logs         \(logs.count)\n")
    for fs in fileSystems {
      text.say("\(fs.kind.name)        \(fs.point): ")
      guard let usage = fs.usage else {
        text.say("\(fs.absenceName)\n")
        continue
      }
      text.say("\(usage.used) in \(usage.files) files")
      if let size = usage.size { text.say(" of \(size)") }
      text.write(usage.complete ? "\n" : " so far\n")
    }
    text.say("events       \(journal.newest)\n")
    if let pss = own.footprint.pss.bytes {
      text.say("itself       \(pss) (pss), \(Milliseconds(own.cpuMicroseconds / 1000)) of CPU, ")
      text.say("\(own.wakeUps) wake-ups, \(ByteCount(own.bytesWritten)) written\n")
    }
    for sentence in missing { text.say("missing      \(sentence)\n") }
  }
}

extension OwnUse {
  func write(to json: inout JSONWriter) {
    json.footprint(footprint)
    json.field("private_dirty_bytes", privateDirty)
    if let descriptors { json.field("descriptors", descriptors) } else { json.null("descriptors") }
    json.field("cpu_us", cpuMicroseconds)
    json.field("wake_ups", wakeUps)
    json.field("ticks", ticks)
    json.field("longest_turn_us", longestTurnMicroseconds)
    json.field("longest_turn_in", longestTurnPart.name)
    json.field("written_bytes", bytesWritten)
    json.field("events_dropped_from_file", droppedFromFile)
    json.field("events_dropped_from_output", droppedFromOutput)
    json.field("http_requests", requests)
    json.field("http_aborted_connections", abortedConnections)
    if let oomScoreAdjust { json.field("oom_score_adj", oomScoreAdjust) } else { json.null("oom_score_adj") }
  }
}

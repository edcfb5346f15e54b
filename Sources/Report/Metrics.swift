// GET /metrics: Prometheus text exposition format, version 0.0.4. Names end in their base unit; a figure that cannot be
// read has no sample, never a zero.
import Policy
import Samples

extension Array where Element == UInt8 {
  mutating func family(_ name: StaticString, _ type: StaticString, _ help: StaticString) {
    say("# HELP memwarden_\(name) \(help)\n# TYPE memwarden_\(name) \(type)\n")
  }
  mutating func sample(_ name: StaticString, _ value: UInt64) { say("memwarden_\(name) \(value)\n") }
  mutating func sample(_ name: StaticString, _ label: StaticString, _ of: Bytes, _ value: UInt64) {
    say("memwarden_\(name){\(label)=\"")
    writeLabel(of)
    say("\"} \(value)\n")
  }
  /// Label values escape backslash, quote and newline, and are UTF-8.
  private mutating func writeLabel(_ value: Bytes) {
    var safe = Bytes()
    safe.writeSafely(value)
    for byte in safe {
      if byte == 0x5C || byte == 0x22 { append(0x5C) }
      append(byte)
    }
  }
  fileprivate mutating func counter(_ name: StaticString, _ help: StaticString, _ value: UInt64?) {
    guard let value else { return }
    family(name, "counter", help)
    sample(name, value)
  }
  /// Microseconds as seconds, exactly.
  fileprivate mutating func seconds(_ name: StaticString, _ microseconds: Int64) {
    say("memwarden_\(name) ")
    write(microseconds / 1_000_000)
    write(".")
    write(padded: microseconds % 1_000_000, 6)
    write("\n")
  }
}

extension Board {
  func writeMetrics(to text: inout Bytes) {
    text.family("build_info", "gauge", "Constant 1, labelled by version.")
    text.sample("build_info", "version", Bytes(version), 1)
    text.family("memory_total_bytes", "gauge", "MemTotal of the board.")
    text.sample("memory_total_bytes", memory.total.rawValue)
    text.family("memory_available_bytes", "gauge", "MemAvailable, or what stands in for it before Linux 3.14.")
    text.sample("memory_available_bytes", memory.usable.rawValue)
    if let pressure {
      text.family("pressure_some_seconds_total", "counter", "Time in which some task waited for memory (PSI).")
      text.seconds("pressure_some_seconds_total", Int64(clamping: pressure.someTotalMicroseconds))
      text.family("pressure_full_seconds_total", "counter", "Time in which all tasks waited for memory (PSI).")
      text.seconds("pressure_full_seconds_total", Int64(clamping: pressure.fullTotalMicroseconds))
    }
    if pressure == nil, let vmStat {
      text.counter("vmstat_direct_scans_total", "Pages scanned by tasks that wait for memory.", vmStat.directScans)
      text.counter("vmstat_allocation_stalls_total", "Allocations that had to wait.", vmStat.allocationStalls)
      text.counter("vmstat_major_faults_total", "Pages that had to be read again.", vmStat.majorFaults)
      text.counter("vmstat_oom_kills_total", "Kills by the kernel for want of memory.", vmStat.oomKills)
    }
    writeFileSystemMetrics(to: &text)
    writeWorkerMetrics(to: &text)
    writeLogMetrics(to: &text)
    writeBudgetMetrics(to: &text)
    text.family("events_total", "counter", "Events since start.")
    text.sample("events_total", journal.newest)
    writeOwnMetrics(to: &text)
  }

  private func writeWorkerMetrics(to text: inout Bytes) {
    func gauge(_ name: StaticString, _ help: StaticString, _ value: (WorkerRecord) -> UInt64?) {
      text.family(name, "gauge", help)
      for worker in workers {
        if let n = value(worker) { text.sample(name, "worker", worker.name, n) }
      }
    }
    func counter(_ name: StaticString, _ help: StaticString, _ value: (WorkerRecord) -> UInt64) {
      text.family(name, "counter", help)
      for worker in workers { text.sample(name, "worker", worker.name, value(worker)) }
    }
    gauge("worker_processes", "Processes of the worker.") { UInt64($0.processes.count) }
    gauge("worker_value_bytes", "The figure that is judged: the worst process, or all together.") {
      $0.figure?.value.rawValue
    }
    gauge("worker_soft_limit_bytes", "Soft limit.") { $0.limits.soft?.rawValue }
    gauge("worker_hard_limit_bytes", "Hard limit.") { $0.limits.hard?.rawValue }
    gauge("worker_parked", "1 while the worker is parked.") {
      if case .parked = $0.conduct.phase { 1 } else { 0 }
    }
    counter("worker_recycles_total", "Recycles that succeeded.") { $0.recycles }
    counter("worker_recycle_failures_total", "Recycles that failed.") { $0.recycleFailures }
    counter("worker_crashes_total", "Own children that ended by themselves.") { $0.crashes }
    counter("worker_kills_total", "Recycles that needed SIGKILL.") { $0.kills }
    counter("worker_freed_bytes_total", "What recycles gave back.") { $0.freed.rawValue }
  }

  private func writeLogMetrics(to text: inout Bytes) {
    func family(_ name: StaticString, _ type: StaticString, _ help: StaticString, _ value: (LogRecord) -> UInt64) {
      text.family(name, type, help)
      for log in logs where log.state != .absent { text.sample(name, "path", log.rules.path, value(log)) }
    }
    family("log_allocated_bytes", "gauge", "Memory held by the log file.") { $0.allocated.rawValue }
    family("log_budget_bytes", "gauge", "Budget of the log file.") { $0.rules.budget.rawValue }
    family("log_growth_bytes_per_second", "gauge", "Observed growth.") { $0.bytesPerSecond }
    family("log_cuts_total", "counter", "Cuts.") { $0.cuts }
    family("log_freed_bytes_total", "counter", "Memory given back by cuts.") { $0.freed.rawValue }
    family("log_lost_bytes_total", "counter", "Bytes written during a cut that are known to be lost.") {
      $0.lost.rawValue
    }
    guard logs.contains(where: { $0.archive != nil }) else { return }
    family("log_archived_bytes_total", "counter", "Bytes of the log that went to an archive.") {
      $0.archive?.archived.rawValue ?? 0
    }
    family("log_unarchived_bytes_total", "counter", "Bytes that were cut without an archive.") {
      $0.archive?.unarchived.rawValue ?? 0
    }
    family("log_archive_written_bytes_total", "counter", "Bytes written to the archive's filesystem.") {
      $0.archive?.written.rawValue ?? 0
    }
  }

  private func writeOwnMetrics(to text: inout Bytes) {
    text.family("self_memory_bytes", "gauge", "memwarden's own memory, by kind.")
    if let n = own.footprint.rss.bytes { text.sample("self_memory_bytes", "kind", Bytes("rss"), n.rawValue) }
    if let n = own.footprint.pss.bytes { text.sample("self_memory_bytes", "kind", Bytes("pss"), n.rawValue) }
    if let n = own.privateDirty { text.sample("self_memory_bytes", "kind", Bytes("private_dirty"), n.rawValue) }
    if let descriptors = own.descriptors {
      text.family("self_descriptors", "gauge", "Open file descriptors.")
      text.sample("self_descriptors", UInt64(descriptors))
    }
    text.family("self_cpu_seconds_total", "counter", "CPU time, user and system.")
    text.seconds("self_cpu_seconds_total", own.cpuMicroseconds)
    text.family("self_wake_ups_total", "counter", "Times the loop woke up.")
    text.sample("self_wake_ups_total", own.wakeUps)
    text.family("self_longest_turn_seconds", "gauge", "The longest turn of the loop so far.")
    text.seconds("self_longest_turn_seconds", own.longestTurnMicroseconds)
    text.family("self_written_bytes_total", "counter", "Bytes written to files.")
    text.sample("self_written_bytes_total", own.bytesWritten)
    text.family("http_requests_total", "counter", "Requests answered.")
    text.sample("http_requests_total", own.requests)
    text.family("http_aborted_connections_total", "counter", "Connections that ended before a whole request.")
    text.sample("http_aborted_connections_total", own.abortedConnections)
  }
}

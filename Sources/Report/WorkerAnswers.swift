// GET /v1/workers, /v1/workers/NAME and its history, for programs.
import Policy
import Samples

extension WorkerRecord {
  /// The worst thing that is true of the worker, in one word.
  public var state: StaticString {
    if conduct.paused { return "paused" }
    switch conduct.phase {
    case .parked: return "parked"
    case .acting: return "recycling"
    case .backingOff: return "backing_off"
    case .coolingDown, .armed: break
    }
    if processes.isEmpty { return "absent" }
    switch crossing {
    case .hard: return "over_hard"
    case .softHeld, .holding: return "over_soft"
    case .below: return "ok"
    case .unknown: return "unknown"
    }
  }
  /// Bytes left to the first limit; nil without a limit or a figure.
  var headroom: ByteCount? {
    guard let value = figure?.value, let limit = limits.first else { return nil }
    return limit - value
  }

  func write(to json: inout JSONWriter, now: Instant, detail: Bool) {
    json.object { json in
      json.field("name", name)
      json.field("state", state)
      json.field("means", means)
      json.field("observe", rules.observe)
      json.field("processes", processes.count)
      json.field("metric", rules.metric.name)
      json.field("of", rules.scope.name)
      json.field("value_bytes", figure?.value)
      if figure == nil { json.field("value_absent", (absence ?? .notRead).name) }
      if figure?.isEstimate == true { json.field("value_estimate", true) }
      json.field("soft_bytes", limits.soft)
      json.field("hard_bytes", limits.hard)
      json.field("headroom_bytes", headroom)
      json.field("phase", conduct.phase.name)
      if case .parked(let why) = conduct.phase { json.field("parked_for", why.name) }
      if !steps.isEmpty { json.field("steps", steps) }
      json.field("paused", conduct.paused)
      json.field("restarts_in_window", conduct.used(rules.budget, now: now))
      json.field("restart_budget", rules.budget.count)
      json.field("recycles", recycles)
      json.field("recycle_failures", recycleFailures)
      json.field("crashes", crashes)
      json.field("kills", kills)
      json.field("freed_bytes", freed)
      if detail {
        if let cgroup { json.object("cgroup") { cgroup.write(to: &$0) } } else { json.null("cgroup") }
        json.array("process_list") { json in
          for process in processes { process.write(to: &json, now: now) }
        }
      }
    }
  }

  func writeHistory(to json: inout JSONWriter) {
    json.object { json in
      json.field("worker", name)
      json.field("metric", rules.metric.name)
      json.field("of", rules.scope.name)
      json.object("hour") { json in
        json.field("step_s", History.hour.seconds)
        json.field("columns", "boot_s,bytes")
        json.array("points") { json in
          history.forEachRaw { at, value in
            json.array {
              $0.number(UInt64(at.milliseconds / 1000))
              $0.number(value.rawValue)
            }
          }
        }
      }
      json.object("day") { json in
        json.aged(History.day.seconds) { history.forEachOfDay($0) }
      }
      json.object("week") { json in
        json.aged(History.week.seconds) { history.forEachOfWeek($0) }
      }
    }
  }
}

extension JSONWriter {
  fileprivate mutating func aged(_ step: Int, _ forEach: ((Instant, Stretch) -> Void) -> Void) {
    field("step_s", step)
    field("columns", "boot_s,min_bytes,max_bytes,mean_bytes")
    array("points") { json in
      forEach { at, stretch in
        json.array {
          $0.number(UInt64(at.milliseconds / 1000))
          $0.number(stretch.minimum.rawValue)
          $0.number(stretch.maximum.rawValue)
          $0.number(stretch.mean.rawValue)
        }
      }
    }
  }
}

extension ProcessRecord {
  func write(to json: inout JSONWriter, now: Instant) {
    json.object { json in
      json.field("pid", identity.pid)
      json.field("start_ticks", identity.startTicks)
      json.field("comm", comm)
      json.field("watched_ms", (now - seenAt).rawValue)
      json.field("resident_bytes", resident)
      json.footprint(footprint)
    }
  }
}

extension Board {
  func writeWorkers(to json: inout JSONWriter) {
    json.object { json in
      json.array("workers") { json in
        for worker in workers { worker.write(to: &json, now: now, detail: false) }
      }
    }
  }
}

extension CgroupMemory {
  func write(to json: inout JSONWriter) {
    json.field("version", UInt64(version.rawValue))
    json.field("current_bytes", current)
    json.field("peak_bytes", peak)
    json.field("max_bytes", max)
    json.field("high_bytes", high)
    json.field("anon_bytes", anon)
    json.field("shmem_bytes", shmem)
    json.field("inactive_file_bytes", inactiveFile)
    json.field("oom_kills", oomKills)
  }
}

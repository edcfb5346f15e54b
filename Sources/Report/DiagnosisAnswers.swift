// What a worker's memory is, in words: the cause, the numbers it rests on, and the cheapest remedy.
import Policy
import Samples

extension Cause {
  /// The word of the API.
  var name: StaticString {
    switch self {
    case .leak: "leak"
    case .retention: "allocator_retention"
    case .plateau: "plateau"
    case .sawtooth: "sawtooth"
    case .spike: "spike"
    case .shared: "shared"
    case .logGrowth: "log_growth"
    case .elsewhere: "exhausted_by_another"
    case .steady: "steady"
    case .unknown: "unknown"
    }
  }

  /// The cheapest thing that helps; empty where nothing needs help.
  var remedy: StaticString {
    switch self {
    case .leak: "recycle it in a window of its own, and look for what it does not free"
    case .retention:
      "trim it; if that does not last: MALLOC_ARENA_MAX=2, a lower peak, or jemalloc with its background thread"
    case .plateau: "nothing, or a lower peak; a limit belongs above what it holds"
    case .sawtooth, .spike: "nothing; a limit belongs above its crests, or must hold for longer than one lasts"
    case .shared: "judge it by pss or uss; if its parent is large, recycle that"
    case .logGrowth: "give the log a budget; restarting its writer frees nothing"
    case .elsewhere: "see where memory went: memwarden ledger"
    case .steady, .unknown: ""
    }
  }
}

extension WorkerRecord {
  func observations(_ board: Board) -> Observations? {
    guard let figure else { return nil }
    var seen = Observations(value: figure.value)
    let rules = GrowthRules()
    seen.shape = history.shape()
    seen.trend = growth.trend(rules)
    seen.isGrowing = growth.significant(rules, memoryTotal: board.memory.total) != nil
    seen.baseline = growth.baseline
    seen.level = plateau.duration(board.now)
    if let process = processes.first(where: { $0.identity.pid == figurePid }) ?? processes.first {
      seen.rss = process.footprint.rss.bytes
      seen.uss = process.footprint.uss.bytes
      // What it was ten minutes ago says nothing of now.
      if let heap = board.heaps.first(where: { $0.identity == process.identity }), heap.usage.isComplete,
        board.now - heap.at <= .seconds(600)
      {
        seen.heap = HeapFigures(system: heap.usage.system, inUse: heap.usage.inUse)
      }
    }
    for log in board.logs where log.writers.contains(where: { $0.worker == name }) {
      seen.logsPerDay = seen.logsPerDay + log.bytesPerDay
    }
    seen.available = board.memory.available
    seen.memoryTotal = board.memory.total
    return seen
  }

  func writeDiagnosis(to json: inout JSONWriter, _ board: Board) {
    guard let seen = observations(board) else { return json.null("verdict") }
    let diagnosis = Diagnosis(of: seen)
    json.object("verdict") { json in
      diagnosis.first.write(to: &json, seen)
      if let other = diagnosis.other { json.object("also") { other.write(to: &$0, seen) } } else { json.null("also") }
    }
  }

  func writeDiagnosis(to text: inout Bytes, _ board: Board) {
    guard let seen = observations(board) else { return }
    let diagnosis = Diagnosis(of: seen)
    text.say("  verdict      \(diagnosis.first.words(seen))\n")
    if let other = diagnosis.other { text.say("  or           \(other.words(seen))\n") }
    let remedy = diagnosis.first.cause.remedy
    if remedy.utf8CodeUnitCount > 0 { text.say("  remedy       \(remedy)\n") }
  }
}

extension Diagnosis.Finding {
  func write(to json: inout JSONWriter, _ seen: Observations) {
    json.field("cause", cause.name)
    json.field("confidence_percent", confidence)
    json.field("because", because(seen).bytes)
    json.field("remedy", cause.remedy)
  }

  func words(_ seen: Observations) -> Sentence { "\(cause.name) (\(confidence) %): \(because(seen))" }

  /// The numbers.
  private func because(_ seen: Observations) -> Sentence {
    let floor = seen.shape?.minimum ?? seen.value, crest = seen.shape?.maximum ?? seen.value
    switch cause {
    case .leak:
      guard let trend = seen.trend else { return "" }
      let amount = ByteCount(trend.bytesPerHour.magnitude)
      return
        "the floors of five minutes rise by \(amount) an hour, \(trend.rises) in a row, r2 0.\(fourDigits(trend.r2))"
    case .retention:
      guard let heap = seen.heap else { return "freed memory that the allocator keeps looks the same from outside" }
      return "its allocator has \(heap.system) from the kernel, and \(heap.inUse) of that is in use"
    case .plateau:
      return "it holds \(seen.value), level for \(seen.level), and held \(seen.baseline ?? floor) after its warm-up"
    case .sawtooth:
      return "it fell \(seen.shape?.drops ?? 0) times within the hour, between \(floor) and \(crest)"
    case .spike: return "it was at \(crest) within the hour and came back to \(seen.value)"
    case .shared: return "of \(seen.rss ?? seen.value) resident only \(seen.uss ?? seen.value) is its own"
    case .logGrowth: return "it is level, and the logs that it writes grow by \(seen.logsPerDay) a day"
    case .elsewhere: return "\(seen.available ?? .zero) are left on the board, and it has not grown"
    case .steady: return "between \(floor) and \(crest) within \(seen.shape?.watched ?? .zero)"
    case .unknown: return "between \(floor) and \(crest): it takes longer to tell"
    }
  }

  private func fourDigits(_ share: Permyriad) -> Bytes {
    // 1 is said as 0.9999: a line through memory never lies quite well.
    let digits = min(share.rawValue, 9999)
    return [1000, 100, 10, 1].map { UInt8(48 + digits / $0 % 10) }
  }
}

// Answers for people: aligned columns, one line per worker, log or event.
import Policy
import Samples

extension Array where Element == UInt8 {
  /// A cell padded with blanks to `width` bytes; a longer one keeps its end, where paths differ, cut between characters.
  mutating func cell(_ sentence: Sentence, _ width: Int) {
    let bytes = sentence.bytes
    if bytes.count > width {
      write("~")
      var start = bytes.count - width + 1
      while start < bytes.count, bytes[start] & 0xC0 == 0x80 { start += 1 }
      append(contentsOf: bytes[start...])
    } else {
      append(contentsOf: bytes)
      for _ in bytes.count..<width { append(0x20) }
    }
    append(0x20)
  }
  mutating func amount(_ n: ByteCount?, _ width: Int) {
    cell(n.map { "\($0)" } ?? "-", width)
  }
}

extension Board {
  func writeWorkers(to text: inout Bytes) {
    text.write("NAME             STATE        PROCS METRIC VALUE      SOFT       HARD       RECYCLES FREED\n")
    for worker in workers {
      text.cell("\(worker.name)", 16)
      text.cell("\(worker.state)", 12)
      text.cell("\(worker.processes.count)", 5)
      text.cell("\(worker.rules.metric.name)", 6)
      text.amount(worker.figure?.value, 10)
      text.amount(worker.limits.soft, 10)
      text.amount(worker.limits.hard, 10)
      text.cell("\(worker.recycles)", 8)
      text.say("\(worker.freed)\n")
    }
  }

  func writeLogs(to text: inout Bytes) {
    text.write("ID       STATE   TYPE  HOLDS      BUDGET     PER SECOND METHOD    CUTS  WRITER       PATH\n")
    for log in logs {
      text.cell("\(log.id)", 8)
      text.cell("\(log.stateName)", 7)
      text.cell("\(log.kind.name)", 5)
      text.amount(log.state == .absent ? nil : log.allocated, 10)
      text.amount(log.rules.budget, 10)
      text.amount(ByteCount(log.bytesPerSecond), 10)
      text.cell(log.method.map { "\($0.name)" } ?? "-", 9)
      text.cell("\(log.cuts)", 5)
      text.cell(log.writers.first.map { "\($0.comm)" } ?? "-", 12)
      text.say("\(log.rules.path)\n")
      if log.state == .refused { text.say("         not cut: \(log.refusal)\n") }
    }
    writeBudgets(to: &text)
  }

  func writeEvents(to text: inout Bytes, after: UInt64, limit: Int) {
    journal.forEach(after: after, limit: limit) { $0.writeLine(to: &text) }
  }
}

extension WorkerRecord {
  func write(to text: inout Bytes, _ board: Board) {
    let now = board.now
    writeExplanation(to: &text, board)
    text.write("  PID      COMM             RSS        PSS        USS        WATCHED\n")
    for process in processes {
      text.write("  ")
      text.cell("\(process.identity.pid)", 8)
      text.cell("\(process.comm)", 16)
      text.amount(process.resident, 10)
      text.amount(process.footprint.pss.bytes, 10)
      text.amount(process.footprint.uss.bytes, 10)
      text.say("\(now - process.seenAt)\n")
    }
  }

  /// The last hour, a bar for the highest value of each minute, scaled to the hard limit or the largest value.
  func writeHistory(to text: inout Bytes, now: Instant) {
    var top = limits.hard ?? limits.soft ?? .zero
    history.forEachRaw { _, value in top = max(top, value) }
    text.say("\(name), \(rules.metric.name) by minutes before now; a full bar is \(top)\n")
    var age: Int64 = -1
    var highest = ByteCount.zero
    func bar() {
      guard age >= 0 else { return }
      text.cell("-\(UInt64(age)) min", 8)
      for _ in 0..<Int(min(top > .zero ? percent(highest, of: top) * 60 / 100 : 0, 60)) { text.append(0x23) }
      text.say(" \(highest)\n")
    }
    history.forEachRaw { at, value in
      let minutes = max(0, (now - at).rawValue) / 60_000
      if minutes != age {
        bar()
        (age, highest) = (minutes, .zero)
      }
      highest = max(highest, value)
    }
    bar()
  }
}

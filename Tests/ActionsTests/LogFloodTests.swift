// The whole way, watch and cut, against a writer that never stops: real filesystems, real time. How high the log rose is
// printed, not asserted: these threads share their processors. The simulated tables and the end-to-end tests assert it.
import Actions
import Foundation
import Policy
import Samples
import Testing

@Suite(.serialized, .enabled(if: mayMount, "needs root to mount RAM filesystems"))
struct LogFloodTests {
  struct Outcome {
    var cuts = 0, looks = 0
    var lost = ByteCount.zero
    var unknownWindow: UInt64 = 0, slowest: UInt64 = 0
    var peak = ByteCount.zero
  }

  private func milliseconds() -> Instant {
    Instant(milliseconds: Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000))
  }

  /// Guards the log until its writer has ended; a line in it costs 70 bytes.
  private func guardLog(_ path: String, budget: ByteCount, append: Bool, count: Int) throws -> Outcome {
    var out = Outcome()
    let writer = LineWriter(path, append: append, count: count)
    let file = try LogFile(bytes(path))
    let method = cutMethod(on: file.kind, writersAppend: append)
    let buffer = CutBuffer()
    var watch = LogWatch(LogRules(path: bytes(path), budget: budget))
    let deadline = milliseconds() + .seconds(60)
    var seen = ByteCount(.max)
    while !writer.isDone, milliseconds() < deadline {
      let status = try file.status()
      let now = milliseconds()
      out.peak = max(out.peak, status.allocated)
      switch watch.nextLook {
      case .at(let instant): if now < instant { continue }
      // In place of inotify.
      case .whenWritten: if status.size == seen { continue }
      }
      seen = status.size
      out.looks += 1
      guard case .cut(let keep) = watch.look(status, now: now) else { continue }
      let report = try file.cut(by: method, keep: keep, writersAppend: append, buffer: buffer)
      out.cuts += 1
      out.slowest = max(out.slowest, report.microseconds)
      switch report.lost {
      case .none: break
      case .exactly(let n), .atLeast(let n): out.lost += n
      case .unknown(let window): out.unknownWindow += window
      }
      watch.cutDone(report.fileAfter, now: milliseconds())
    }
    #expect(writer.isDone)
    return out
  }

  @Test(arguments: [("tmpfs", true), ("tmpfs", false), ("ramfs", true), ("ramfs", false)])
  func aFloodStaysWithinItsBudgetAndKeepsItsNewestWholeLines(kind: String, append: Bool) throws {
    let disk = try #require(RAMDisk(kind))
    let path = disk.path("log")
    let count = 600_000
    let out = try guardLog(path, budget: .mib(1), append: append, count: count)
    let found = LinesFound(contents(path))
    print(
      "\(kind) append \(append): \(out.cuts) cuts, \(out.looks) looks, slowest \(out.slowest) µs, peak",
      "\(out.peak.rawValue), lost \(out.lost.rawValue), open window \(out.unknownWindow) µs, kept",
      "\(found.numbers.count) lines, missing \(found.missing), torn \(found.torn)")
    #expect(out.cuts > 10)
    #expect(found.torn == 0)
    if kind == "tmpfs" {
      #expect(found.numbers.last == count - 1)
      #expect(found.missing == 0)
    } else {
      // What is written within the window of the last cut may be among what is lost.
      #expect(found.numbers.last ?? 0 > count - 1 - 10_000)
    }
  }
}

// Programs whose heap is walked: leaky, which can say what malloc itself thinks, and the walk to its end.
import Foundation
import Samples
import Testing

@testable import Kernel

/// A misbehaviour of leaky that reports mallinfo2 when asked.
final class HeapSubject {
  struct Malloc {
    var arena = 0, inUse = 0, free = 0, fast = 0, mapped = 0, mappedChunks = 0, operations = 0, ms = 0
    /// What the walk calls system.
    var system: Int { arena + mapped }
  }
  let child: Child
  private let folder = TemporaryFolder()
  private var file: String { folder.path + "/report" }

  init(_ arguments: String...) {
    let program = URL(fileURLWithPath: Bundle.module.resourcePath!).deletingLastPathComponent().path + "/leaky"
    child = Child(words: [program] + arguments + ["--report", folder.path + "/report"])
  }
  var pid: pid_t { child.pid }

  /// Asks malloc. Nil when no answer comes.
  func malloc() -> Malloc? {
    // It reports once when it is ready for the signal.
    guard eventually({ FileManager.default.fileExists(atPath: file) }) else { return nil }
    try? FileManager.default.removeItem(atPath: file)
    Foundation.kill(pid, SIGUSR1)
    guard eventually({ FileManager.default.fileExists(atPath: file) }) else { return nil }
    var found = [Substring: Int]()
    for line in (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n") ?? [] {
      let words = line.split(separator: " ")
      found[words[0]] = Int(words[1])
    }
    func value(_ key: String) -> Int { found[Substring(key)] ?? -1 }
    return Malloc(
      arena: value("arena"), inUse: value("in_use"), free: value("free"), fast: value("fast"), mapped: value("mapped"),
      mappedChunks: value("mapped_chunks"), operations: value("operations"), ms: value("ms"))
  }
  /// Waits until that many operations are done, and asks.
  func malloc(operations: Int) -> Malloc? {
    var last: Malloc?
    _ = eventually {
      last = malloc()
      return (last?.operations ?? 0) >= operations
    }
    return last
  }
}

/// To the end, in slices of 5 ms.
func walkHeap(_ pid: pid_t) throws -> HeapUsage {
  let walk = try live.reader.heapWalk(pid)
  while !walk.step(for: Milliseconds(5)) {}
  if let failure = walk.failure { throw failure }
  return walk.usage
}

/// Whether two amounts differ by less than that share of `whole`.
func isWithin(_ percent: Double, of whole: Int, _ a: ByteCount, _ b: Int) -> Bool {
  abs(Double(a.rawValue) - Double(b)) <= Double(whole) * percent / 100
}

// A heap as programs and people get it.
import Foundation
import Samples
import Testing

@testable import Report

private func record(_ change: (inout HeapUsage) -> Void) -> HeapRecord {
  var record = HeapRecord(identity: Identity(pid: 42, startTicks: 7), comm: hostileNames[0], at: at(1))
  record.usage.bits = 64
  change(&record.usage)
  return record
}

@Suite struct HeapAnswers {
  @Test func aHeapAddsUp() {
    let answer = record { usage in
      usage.allocator = .glibc
      usage.arenas = [ArenaUsage(isMain: true), ArenaUsage(isMain: false)]
      (usage.arenas[0].system, usage.arenas[0].inUse, usage.arenas[0].free) = (1000, 400, 600)
      (usage.arenas[1].system, usage.arenas[1].inUse, usage.arenas[1].unread) = (500, 300, 200)
      (usage.mapped, usage.mappedChunks) = (4096, 1)
      usage.sums.inUse.add(400)
      usage.sums.addFree(600)
      usage.sums.trimmable = 4096
      usage.gaps = .changed
    }
    let json = parse(answer.response(asText: false).body)
    func number(_ key: String) -> Int? { json[key] as? Int }
    #expect(number("in_use_bytes") == 4796 && number("free_bytes") == 600 && number("unread_bytes") == 200)
    #expect(number("system_bytes") == 5596 && number("trimmable_bytes") == 4096)
    #expect(json["complete"] as? Bool == false && json["gaps"] as? [String] == ["changed"])
    #expect(json["largest_free_bytes"] as? [Int] == [600])
    #expect((json["size_classes"] as? [[String: Any]])?.map { $0["below_bytes"] as? Int } == [512, 1024])
    #expect((json["arenas"] as? [Any])?.count == 2)
    let text = string(answer.response(asText: true).body)
    #expect(text.contains("incomplete     part of the heap changed") && !text.contains("\u{1B}"))
  }

  @Test(arguments: [Allocator.musl, .jemalloc, .tcmalloc, .mimalloc, .go, .unknown])
  func aForeignAllocatorIsNamedWithWhoKnowsMore(_ allocator: Allocator) {
    let answer = record {
      $0.allocator = allocator
      $0.gaps = .unwalkable
    }
    let json = parse(answer.response(asText: false).body)
    #expect(json["allocator"] as? String == allocator.name.description && json["note"] is String)
    #expect(json["in_use_bytes"] == nil && json["gaps"] as? [String] == ["unwalkable"])
    #expect(string(answer.response(asText: true).body).contains("  note"))
  }

  @Test(arguments: [Absence.gone, .zombie, .kernelThread, .denied, .unsupported, .failed(errno: 5), .malformed])
  func everyRefusalHasItsStatusAndReason(_ why: Absence) {
    let (status, sentence) = HeapRecord.refusal(42, why)
    #expect(status >= 400 && sentence.bytes.count > 20)
  }
}

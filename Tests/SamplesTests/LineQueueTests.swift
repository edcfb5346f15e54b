import Foundation
import Samples
import Testing

private let smallest = 20 * 1024

private func append(_ text: String, to queue: LineQueue, stamp: String = "") {
  Array(text.utf8).withUnsafeBytes { queue.append($0, stamp: Array(stamp.utf8)) }
}
/// Everything there is, in chunks of 16 KiB as the product takes it.
private func takeAll(_ queue: LineQueue) -> String {
  var all = Bytes(), chunk = Bytes(repeating: 0, count: 16 * 1024)
  while true {
    let n = chunk.withUnsafeMutableBytes { queue.take(into: $0) }
    if n == 0 { return String(decoding: all, as: UTF8.self) }
    #expect(chunk[n - 1] == 10, "whole lines only")
    all += chunk[..<n]
  }
}

@Test func aQueueGivesWholeLinesInTheirOrderHoweverTheyCame() {
  let queue = LineQueue(capacity: smallest)
  var sent = "", received = ""
  for i in 0..<20_000 {
    let piece = ["line \(i)", "\n", " and\n more \(i)\n", "\n\n", "x"][i % 5]
    sent += piece
    append(piece, to: queue)
    if i % 700 == 0 { received += takeAll(queue) }
  }
  queue.finish()
  received += takeAll(queue)
  #expect(received == sent + "\n" && queue.isEmpty)
}

@Test func aFullQueueDropsItsOldestLinesAndTellsTheGapWhereItIs() {
  let queue = LineQueue(capacity: smallest)
  append("first\n", to: queue)
  #expect(takeAll(queue) == "first\n")
  let lines = (0..<3000).map { "numbered line \($0)\n" }
  append(lines.joined(), to: queue)
  let held = queue.lines
  #expect(queue.droppedLines + held == 3000 && held > 900)
  let dropped = lines.prefix(Int(queue.droppedLines)).joined()
  #expect(Int(queue.droppedBytes) == dropped.utf8.count)
  let expected = "memwarden log: dropped \(queue.droppedLines) lines (\(dropped.utf8.count) bytes)\n"
  #expect(takeAll(queue) == expected + lines.suffix(Int(held)).joined())
  append("next\n", to: queue)
  #expect(takeAll(queue) == "next\n", "a gap is told once")
}

@Test func anUnfinishedLineIsKeptBackAndSurvivesAFlood() {
  let queue = LineQueue(capacity: smallest)
  append(String(repeating: "a", count: 8000), to: queue)
  #expect(queue.isEmpty && takeAll(queue) == "")
  append("b\n" + String(repeating: "c\n", count: 30_000) + "half", to: queue)
  #expect(queue.droppedLines + queue.lines == 30_001)
  queue.finish()
  #expect(takeAll(queue).hasSuffix("c\nhalf\n"))
}

@Test(arguments: [8191, 8192, 8193, 16_384, 16_385, 20_000])
func aLineThatIsTooLongIsSplitAndNothingOfItIsLost(_ length: Int) {
  for piece in [1, 7, 4096, 8192, 8193, 40_000] {
    let queue = LineQueue(capacity: 64 * 1024)
    let text = Array((String(repeating: "0123456789", count: length / 10 + 1).prefix(length) + "\nshort\n").utf8)
    for start in stride(from: 0, to: text.count, by: piece) {
      text[start..<min(start + piece, text.count)].withUnsafeBytes { queue.append($0, stamp: []) }
    }
    let lines = takeAll(queue).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count == (length + 8191) / 8192 + 1, "pieces of \(piece)")
    #expect(
      lines.allSatisfy { $0.count <= 8192 }
        && lines.joined()
          == String(decoding: text, as: UTF8.self)
          .replacingOccurrences(of: "\n", with: "")
    )
  }
}

@Test func everyLineGetsTheStampOfItsBeginningAndNULsPass() {
  let queue = LineQueue(capacity: smallest)
  append("a\u{0}b\nbeg", to: queue, stamp: "1 ")
  append("un\n\n", to: queue, stamp: "2 ")
  #expect(takeAll(queue) == "1 a\u{0}b\n1 begun\n2 \n")
}

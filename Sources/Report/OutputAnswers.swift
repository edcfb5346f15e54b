// GET /v1/workers/NAME/output: what a worker that memwarden runs said last, for programs and for people.
public import Samples

/// The stdout and stderr of one worker, as far as they went through memwarden.
public final class OutputRecord {
  public let ring: LineRing
  /// The file it is kept in as well; nil: none.
  public let file: Bytes?
  /// Over the last ticks.
  public var bytesPerSecond: UInt64 = 0
  /// Bytes that did not get into the file.
  public var missedByFile: UInt64 = 0
  public init(capacity: Int, file: Bytes?) {
    ring = LineRing(capacity: capacity)
    self.file = file
  }
}

extension WorkerRecord {
  func writeOutput(_ output: OutputRecord, lines: Int, to json: inout JSONWriter) {
    json.object { json in
      json.field("worker", name)
      json.field("received_bytes", output.ring.received)
      json.field("received_lines", output.ring.linesReceived)
      json.field("bytes_per_second", output.bytesPerSecond)
      json.field("held_bytes", output.ring.held)
      json.field("capacity_bytes", output.ring.capacity)
      if let file = output.file { json.field("file", file) } else { json.null("file") }
      json.field("missed_by_file_bytes", output.missedByFile)
      var text = Bytes()
      output.ring.write(last: lines, to: &text)
      json.array("lines") { json in
        for line in linesOf(text) { json.string(Bytes(line)) }
      }
    }
  }

  func writeOutput(_ output: OutputRecord, lines: Int, to text: inout Bytes) {
    var said = Bytes()
    output.ring.write(last: lines, to: &said)
    for line in linesOf(said) {
      // A tab moves a cursor no further than its line.
      for (i, part) in line.split(separator: 0x09, omittingEmptySubsequences: false).enumerated() {
        if i > 0 { text.append(0x09) }
        text.writeSafely(Bytes(part))
      }
      text.append(0x0A)
    }
  }
}

/// Lines of text that ends in a newline, or has none in its last line.
func linesOf(_ text: Bytes) -> [ArraySlice<UInt8>] {
  text.last == 0x0A
    ? text.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
    : text.isEmpty ? [] : text.split(separator: 0x0A, omittingEmptySubsequences: false)
}

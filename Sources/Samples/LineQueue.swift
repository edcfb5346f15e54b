// Lines on their way from a writer that must not wait to a reader that may: a bounded queue of whole lines. When it is
// full the oldest line makes room, is counted, and the gap is told in a line of its own right where it is. Takes its
// memory once.

public final class LineQueue {
  private let memory: UnsafeMutableRawBufferPointer
  /// Bytes ever taken out, put in, and put in up to the last newline: places in `memory`, modulo its size.
  private var head: UInt64 = 0, tail: UInt64 = 0, whole: UInt64 = 0
  /// Bytes of the line that has no newline yet, its stamp not counted.
  private var unfinished = 0
  /// Lost since the last gap was told; bytes with stamp and newline, as they would have been written.
  public private(set) var droppedLines: UInt64 = 0, droppedBytes: UInt64 = 0

  /// A longer line is split: a newline is put in behind so many bytes.
  public static let lineMaximum = 8192
  /// What a stamp may take.
  public static let stampMaximum = 64

  /// `capacity` in bytes, at least 20 KiB: the longest line fits in twice.
  public init(capacity: Int) {
    memory = .allocate(byteCount: max(20 * 1024, capacity), alignment: 16)
  }
  deinit { memory.deallocate() }

  public var isEmpty: Bool { head == whole && droppedLines == 0 }
  public var capacity: Int { memory.count }
  /// How many bytes may come in before something is dropped, each line with a stamp so long.
  public func room(stamp: Int) -> Int {
    let free = memory.count - Int(tail - head)
    // A newline for every split, and the stamp of an empty line.
    return max(0, free - free / LineQueue.lineMaximum - 2) / (1 + stamp)
  }
  /// Whole lines that are held now: walks over all of them.
  public var lines: UInt64 {
    var count: UInt64 = 0, at = head
    while at < whole {
      if memory[place(at)] == newline { count += 1 }
      at += 1
    }
    return count
  }

  /// Takes over what was read, and puts `stamp` before each line.
  public func append(_ bytes: UnsafeRawBufferPointer, stamp: Bytes) {
    var at = 0
    while at < bytes.count {
      if unfinished == LineQueue.lineMaximum, bytes[at] != newline { endLine() }
      let room = LineQueue.lineMaximum - unfinished
      let end = min(bytes.count, at + room)
      var next = at
      while next < end, bytes[next] != newline { next += 1 }
      let isEnded = next < bytes.count && bytes[next] == newline
      if isEnded { next += 1 }
      if unfinished == 0 { stamp.withUnsafeBytes { push($0) } }
      push(UnsafeRawBufferPointer(rebasing: bytes[at..<next]))
      unfinished += next - at
      at = next
      if isEnded { lineEnded() }
    }
  }

  /// Ends a line that has no newline yet: the writer is gone.
  public func finish() { if unfinished > 0 { endLine() } }

  /// Moves whole lines to `out`, oldest first, a gap told before them. The number of bytes; 0 when there is none.
  /// `out` holds at least the longest line, its stamp and the sentence about a gap.
  public func take(into out: UnsafeMutableRawBufferPointer) -> Int {
    var used = 0
    if droppedLines > 0 {
      var text = Bytes("memwarden log: dropped ")
      text.write(droppedLines)
      text.write(" lines (")
      text.write(droppedBytes)
      text.write(" bytes)\n")
      out.copyBytes(from: text)
      used = text.count
      (droppedLines, droppedBytes) = (0, 0)
    }
    var count = Int(min(UInt64(out.count - used), whole - head))
    if UInt64(count) < whole - head {
      while count > 0, memory[place(head + UInt64(count) - 1)] != newline { count -= 1 }
    }
    let first = min(count, memory.count - place(head))
    let to = UnsafeMutableRawBufferPointer(rebasing: out[used...])
    to.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[place(head)...].prefix(first)))
    UnsafeMutableRawBufferPointer(rebasing: to[first...]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: memory[..<(count - first)]))
    head += UInt64(count)
    return used + count
  }

  private func endLine() {
    var byte = newline
    withUnsafeBytes(of: &byte) { push($0) }
    lineEnded()
  }
  private func lineEnded() {
    whole = tail
    unfinished = 0
  }

  private func push(_ bytes: UnsafeRawBufferPointer) {
    while memory.count - Int(tail - head) < bytes.count { dropOldest() }
    let first = min(bytes.count, memory.count - place(tail))
    UnsafeMutableRawBufferPointer(rebasing: memory[place(tail)...]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
    memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
    tail += UInt64(bytes.count)
  }

  private func dropOldest() {
    var end = head
    while end < whole, memory[place(end)] != newline { end += 1 }
    end = min(end + 1, whole)
    droppedLines += 1
    droppedBytes += end - head
    head = end
  }

  private func place(_ position: UInt64) -> Int { Int(position % UInt64(memory.count)) }
}

private let newline = UInt8(ascii: "\n")

// The newest lines of a stream, in a fixed number of bytes: what a pipe or a redirected log said last. Takes its memory
// once; the oldest bytes make room for new ones and are counted.

public final class LineRing {
  private let memory: UnsafeMutableRawBufferPointer
  /// Bytes that were ever appended; their place in `memory` is that number modulo its size.
  public private(set) var received: UInt64 = 0
  /// Newlines among them.
  public private(set) var linesReceived: UInt64 = 0

  /// `capacity` in bytes, at least 1.
  public init(capacity: Int) {
    memory = .allocate(byteCount: max(1, capacity), alignment: 16)
  }
  deinit { memory.deallocate() }

  public var capacity: Int { memory.count }
  /// Bytes that are held now.
  public var held: Int { Int(min(received, UInt64(capacity))) }
  /// Bytes that had to make room.
  public var dropped: UInt64 { received - UInt64(held) }

  public func append(_ bytes: UnsafeRawBufferPointer) {
    // Of more than fits only the end stays; the rest is counted all the same.
    var rest = bytes[...]
    while !rest.isEmpty {
      receive { free in
        let n = min(free.count, rest.count)
        free.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(n)))
        rest = rest.dropFirst(n)
        return n
      }
    }
  }
  public func append(_ bytes: Bytes) { bytes.withUnsafeBytes { append($0) } }

  /// Lets `read` put bytes where the next ones belong, e.g. read(2) of a pipe: no copy in between. It answers how many
  /// it put there; 0 or less changes nothing. The same is answered here.
  @discardableResult
  public func receive(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let at = Int(received % UInt64(capacity))
    let free = UnsafeMutableRawBufferPointer(rebasing: memory[at...])
    let n = min(read(free), free.count)
    guard n > 0 else { return n }
    for byte in free.prefix(n) where byte == UInt8(ascii: "\n") { linesReceived += 1 }
    received += UInt64(n)
    return n
  }

  /// Appends the last `lines` whole lines that are held to `out`, oldest first. A line whose beginning had to make room
  /// and one that has no newline yet are not whole.
  public func write(last lines: Int, to out: inout Bytes) {
    let start = received - UInt64(held)
    var end = received
    while end > start, self[end - 1] != UInt8(ascii: "\n") { end -= 1 }
    var from = end
    var left = max(0, lines)
    // `whole` is where the oldest line that is wanted begins.
    var whole = end
    while left > 0, from > start {
      from -= 1
      while from > start, self[from - 1] != UInt8(ascii: "\n") { from -= 1 }
      // At the start of a ring that has lost something nobody knows whether a line begins.
      if from == start, dropped > 0 { break }
      whole = from
      left -= 1
    }
    out.reserveCapacity(out.count + Int(end - whole))
    while whole < end {
      let at = Int(whole % UInt64(capacity)), n = min(capacity - at, Int(end - whole))
      out.append(contentsOf: memory[at..<(at + n)])
      whole += UInt64(n)
    }
  }

  /// Appends everything from byte `position` of the stream on, or from the first whole line that is held where that had
  /// to make room; an unfinished last line too. Answers where it ended.
  public func write(since position: UInt64, to out: inout Bytes) -> UInt64 {
    var from = position
    if from < received - UInt64(held) {
      from = received - UInt64(held)
      while from < received, self[from] != UInt8(ascii: "\n") { from += 1 }
      from = min(from + 1, received)
    }
    while from < received {
      let at = Int(from % UInt64(capacity)), n = min(capacity - at, Int(received - from))
      out.append(contentsOf: memory[at..<(at + n)])
      from += UInt64(n)
    }
    return received
  }

  private subscript(position: UInt64) -> UInt8 { memory[Int(position % UInt64(capacity))] }
}

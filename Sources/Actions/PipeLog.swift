// The folder of the pipe logger: `current`, and archives `@NUMBER` with a number that only grows, for the clock does
// not. Never cuts a line in two, keeps within its budget at every moment, and goes on where a power cut left it.
// It does not drop lines: what cannot be written now stays, and its reader decides.
import CLinux
public import Samples

public struct PipeLogLimits: Equatable, Sendable {
  /// `current` is rotated before it grows beyond.
  public var size = ByteCount.mib(1)
  /// Archives kept.
  public var keep = 10
  /// All files together; at least twice `size`.
  public var budget = ByteCount.mib(8)
  public init() {}
}

public final class PipeLog {
  public enum Progress: Equatable, Sendable {
    case done
    /// Nothing more can be written now: -errno of the call that said so.
    case stuck(Int32)
  }

  private let limits: PipeLogLimits
  private let calls: FolderCalls
  private var descriptor: Int32 = -1
  /// Of `current`, as of the last look.
  private var size: UInt64 = 0
  /// Oldest first.
  private var archives = [(number: UInt64, size: UInt64)]()
  private var newest: UInt64 = 0
  /// What was received and is not written yet: memory[start..<end].
  private let memory: UnsafeMutableRawBufferPointer
  private var start = 0, end = 0
  /// The last write ended within a line: its rest belongs in the same file.
  private var isWithinLine = false
  private var wantsRotation = false

  public init(_ limits: PipeLogLimits, calls: FolderCalls) {
    self.limits = limits
    self.calls = calls
    memory = .allocate(byteCount: 64 * 1024, alignment: 4096)
  }
  deinit {
    if descriptor >= 0 { calls.closeFile(descriptor) }
    memory.deallocate()
  }

  /// Looks at what is there, ends a line that a power cut left half written, removes what is over the limits. 0 or
  /// -errno.
  public func open() -> Int32 {
    newest = calls.recall()
    let result = calls.list { name, size in
      guard let number = archiveNumber(name) else { return }
      self.archives.append((number, size))
      self.newest = max(self.newest, number)
    }
    if result < 0 { return result }
    heapSort(
      archives.count, isBefore: { archives[$0].number < archives[$1].number }, swap: { archives.swapAt($0, $1) })
    let opened = openCurrent()
    // A full filesystem is no reason not to begin.
    return opened == -ENOSPC || opened == -EDQUOT ? 0 : opened
  }

  /// Lets `read` put bytes in, e.g. read(2); it answers how many, and the same is answered here.
  public func receive(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    if start > 0 {
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
      (start, end) = (0, end - start)
    }
    // A byte stays for the newline of `endHalfLine`, one for that of `finish`.
    let n = read(UnsafeMutableRawBufferPointer(rebasing: memory[end..<(memory.count - 2)]))
    if n > 0 { end += n }
    return n
  }
  public var hasRoom: Bool { end - start < memory.count - 2 }

  /// Ends a last line without a newline: nothing more will come.
  public func finish() {
    guard end > start ? memory[end - 1] != newline : isWithinLine else { return }
    memory[end] = newline
    end += 1
  }
  /// Whole lines that are not written.
  public var unwritten: Int { memory[start..<end].reduce(0) { $0 + ($1 == newline ? 1 : 0) } }

  /// Rotates with the next line, if there is anything in `current`; opens it anew if it is another file by now.
  public func rotateSoon() { wantsRotation = true }

  /// Writes all whole lines that were received.
  public func write() -> Progress {
    if descriptor >= 0 {
      // Others may have removed it, or cut it.
      let now = calls.size(descriptor)
      if now < 0 { closeCurrent() } else { size = UInt64(now) }
    }
    while true {
      if descriptor < 0 {
        let result = openCurrent()
        if result < 0 { return .stuck(result) }
      }
      if wantsRotation, !isWithinLine {
        let result = rotate()
        if result < 0 { return .stuck(result) }
        continue
      }
      let count = writable
      if count == 0 { return .done }
      if size > 0, !isWithinLine, size + UInt64(count) > limits.size.rawValue {
        wantsRotation = true
        continue
      }
      let n = calls.write(descriptor, UnsafeRawBufferPointer(rebasing: memory[start..<(start + count)]))
      if n < 0 {
        if isFull(Int32(n)), removeOldest() { continue }
        return .stuck(Int32(n))
      }
      guard n > 0 else { return .stuck(-EIO) }
      start += Int(n)
      size += UInt64(n)
      isWithinLine = memory[start - 1] != newline
    }
  }

  /// How much of what was received goes into `current` at once: whole lines up to its limit, or the first one alone.
  private var writable: Int {
    let room = limits.size.rawValue > size ? Int(clamping: limits.size.rawValue - size) : 0
    var last = min(end, start + room)
    while last > start, memory[last - 1] != newline { last -= 1 }
    if last > start { return last - start }
    var first = start
    while first < end, memory[first] != newline { first += 1 }
    if first < end { return first + 1 - start }
    // A line that fills all of the memory: its writer splits lines, but whoever wrote to the pipe need not be that.
    return hasRoom ? 0 : end - start
  }

  // MARK: Files

  private func openCurrent() -> Int32 {
    makeRoom()
    var fd = calls.openFile(current)
    while isFull(fd), removeOldest() { fd = calls.openFile(current) }
    guard fd >= 0 else { return fd }
    let found = calls.size(fd)
    guard found >= 0 else {
      calls.closeFile(fd)
      return Int32(clamping: found)
    }
    descriptor = fd
    size = UInt64(found)
    isWithinLine = false
    if size > 0, calls.byte(fd, size - 1) != Int32(newline) { endHalfLine() }
    return 0
  }

  /// What comes next begins on its own line.
  private func endHalfLine() {
    if start == 0, end < memory.count - 1 {
      UnsafeMutableRawBufferPointer(rebasing: memory[1...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: memory[0..<end]))
      end += 1
    } else if start > 0 {
      start -= 1
    } else {
      return
    }
    memory[start] = newline
    isWithinLine = true
  }

  private func closeCurrent() {
    calls.closeFile(descriptor)
    descriptor = -1
    isWithinLine = false
  }

  /// Renames `current` and opens a new one. After each of these steps `open` finds a folder it can go on with.
  private func rotate() -> Int32 {
    let isEmpty = size == 0
    if !isEmpty {
      _ = calls.sync(descriptor)
      let number = newest + 1
      var result = calls.rename(current, archiveName(number))
      while isFull(result), removeOldest() { result = calls.rename(current, archiveName(number)) }
      if result < 0, result != -ENOENT { return result }
      if result == 0 {
        archives.append((number, size))
        newest = number
        _ = calls.remember(number)
      }
    }
    wantsRotation = false
    closeCurrent()
    return openCurrent()
  }

  /// Removes what is over the limits, `current` at its largest.
  private func makeRoom() {
    while archives.count > limits.keep || held > limits.budget.rawValue { if !removeOldest() { return } }
  }
  private var held: UInt64 { archives.reduce(rounded(limits.size.rawValue)) { $0 + rounded($1.size) } }

  /// False when there was none that could be removed.
  private func removeOldest() -> Bool {
    // One that stays, stays in the list and is tried again: a gap is better than no budget.
    for i in archives.indices {
      let result = calls.remove(archiveName(archives[i].number))
      guard result == 0 || result == -ENOENT else { continue }
      archives.remove(at: i)
      return true
    }
    return false
  }
}

private let newline = UInt8(ascii: "\n")
private let current = Bytes("current")

private func isFull(_ result: Int32) -> Bool { result == -ENOSPC || result == -EDQUOT }

/// A file takes whole pages, or blocks of that size.
private func rounded(_ size: UInt64) -> UInt64 { (size + 4095) / 4096 * 4096 }

/// `@0000000042`: sorted by name they are in their order.
private func archiveName(_ number: UInt64) -> Bytes {
  var digits = Bytes()
  digits.write(number)
  return Bytes("@") + Bytes(repeating: UInt8(ascii: "0"), count: max(0, 10 - digits.count)) + digits
}

private func archiveNumber(_ name: Bytes) -> UInt64? {
  var scanner = ByteScanner(name.span)
  guard name.count >= 11, scanner.accept("@"), let number = scanner.number(), scanner.isAtEnd,
    archiveName(number) == name
  else { return nil }
  return number
}

// What libmemwarden-trim.so, preloaded into a process, tells of itself (Sources/trim/trim.h). Reads only; who asks it is in
// Actions.
import CLinux
public import Samples

/// struct memwarden_trim.
public struct TrimPage: Equatable, Sendable {
  public enum State: UInt32, Sendable { case idle, done, busy, none, unknownProcessor }
  /// The signal it is asked by; 0 when it found none that is free.
  public var signal: Int32
  /// Requests it has seen, and the last of them that is answered.
  public var asked: UInt32, answered: UInt32
  public var state: State
  /// Free bytes before and after; in use after; by mallinfo2(3), 0 where that is missing.
  public var freeBefore: ByteCount, freeAfter: ByteCount, inUse: ByteCount
  public var microseconds: UInt64

  static let size = 80, alignment = 64
  static let magic: StaticString = "memwarden-trim1"

  /// Nil when it is none.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.size else { return nil }
    for i in 0..<Self.magic.utf8CodeUnitCount where bytes[i] != Self.magic.utf8Start[i] { return nil }
    func short(_ at: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
    func long(_ at: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
    guard let state = State(rawValue: short(28)), short(16) <= 64 else { return nil }
    signal = Int32(short(16))
    asked = short(20)
    answered = short(24)
    self.state = state
    freeBefore = ByteCount(long(32))
    freeAfter = ByteCount(long(40))
    inUse = ByteCount(long(48))
    microseconds = long(72)
  }
}

/// The library in one process.
public final class TrimLibrary {
  private let memory: ProcessMemory
  private let address: UInt64
  /// Whose heap it is.
  public let allocator: Allocator

  fileprivate init(_ memory: ProcessMemory, _ address: UInt64, _ allocator: Allocator) {
    self.memory = memory
    self.address = address
    self.allocator = allocator
  }
  /// What it says now.
  public func read() throws(Absence) -> TrimPage {
    try withUnsafeTemporaryAllocation(byteCount: TrimPage.size, alignment: 8) { buffer throws(Absence) in
      let result = memory.read(address, into: buffer)
      if case .failed(let why) = result { throw why }
      guard result == .bytes(TrimPage.size), let page = TrimPage(UnsafeRawBufferPointer(buffer)) else {
        throw .malformed
      }
      return page
    }
  }
}

extension KernelReader {
  /// The library in that process; nil when it is not preloaded there.
  public func trimLibrary(_ pid: Int32) throws(Absence) -> TrimLibrary? {
    let memory = try ProcessMemory(self, pid)
    var map = HeapMap()
    try withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 8) { text throws(Absence) in
      var held = 0
      while true {
        let n = memory.readMaps(into: UnsafeMutableRawBufferPointer(rebasing: text[held...]))
        if n < 0 { throw Absence(errno: Int32(-n)) }
        if n == 0 { return }
        held += n
        let taken = map.take(UnsafeRawBufferPointer(rebasing: text[..<held]).bindMemory(to: UInt8.self).span)
        let used = taken == 0 && held == text.count ? held : taken
        for i in used..<held { text[i &- used] = text[i] }
        held -= used
      }
    }
    guard let region = map.trimLibrary else { return nil }
    return try withUnsafeTemporaryAllocation(byteCount: TrimPage.size, alignment: 8) { buffer throws(Absence) in
      var address = region.start
      while address < min(region.end, region.start + 65_536) {
        if memory.read(address, into: buffer) == .bytes(TrimPage.size), TrimPage(UnsafeRawBufferPointer(buffer)) != nil
        {
          return TrimLibrary(memory, address, map.allocator)
        }
        address += UInt64(TrimPage.alignment)
      }
      return nil
    }
  }

  /// Whether the process has a handler for that signal: SigCgt of /proc/PID/status. Without one, a real-time signal ends it.
  public func catches(_ pid: Int32, _ signal: Int32) throws(Absence) -> Bool {
    guard let mask = try status(pid).caught else { throw .malformed }
    return signal > 0 && signal <= 64 && mask >> UInt64(signal - 1) & 1 == 1
  }
}

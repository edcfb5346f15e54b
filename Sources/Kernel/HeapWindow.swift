// A piece of a process's memory in a buffer, and the words in it. Decides nothing.
import Samples

/// At most 64 KiB, read at once. Also counts what was read.
final class HeapWindow {
  static let maximum = 64 * 1024, minimum = 4096
  let memory: any HeapMemory
  private let word: UInt64
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: HeapWindow.maximum, alignment: 8)
  private let small = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
  private var start: UInt64 = 0
  private(set) var count: UInt64 = 0
  private(set) var bytesRead: UInt64 = 0
  /// The process cannot be read any more.
  private(set) var failure: Absence?

  init(_ memory: any HeapMemory, word: UInt64) {
    self.memory = memory
    self.word = word
  }
  deinit {
    buffer.deallocate()
    small.deallocate()
  }

  /// Makes the window begin at `address` and reach up to `end` at most. What could not be read is not in it.
  @discardableResult
  func load(_ address: UInt64, end: UInt64, size: Int = HeapWindow.maximum) -> HeapRead {
    start = address
    count = 0
    guard end > address else { return .nothing }
    let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(end - address, UInt64(size)))])
    let result = memory.read(address, into: piece)
    note(result)
    if case .bytes(let n) = result { count = UInt64(n) }
    return result
  }
  func holds(_ address: UInt64, _ bytes: UInt64) -> Bool {
    address >= start && address - start <= count && count - (address - start) >= bytes
  }
  /// A word that the window holds.
  func wordHeld(_ address: UInt64) -> UInt64? {
    holds(address, word) ? value(buffer, Int(address - start)) : nil
  }
  func shortHeld(_ address: UInt64) -> UInt16? {
    guard holds(address, 2) else { return nil }
    return buffer.loadUnaligned(fromByteOffset: Int(address - start), as: UInt16.self)
  }
  func integerHeld(_ address: UInt64) -> UInt32? {
    guard holds(address, 4) else { return nil }
    return buffer.loadUnaligned(fromByteOffset: Int(address - start), as: UInt32.self)
  }

  /// A word, whether or not the window holds it; the window stays.
  func wordNow(_ address: UInt64) -> UInt64? { pairNow(address, words: 1)?.0 }
  func pairNow(_ address: UInt64) -> (UInt64, UInt64)? { pairNow(address, words: 2) }

  private func pairNow(_ address: UInt64, words: UInt64) -> (UInt64, UInt64)? {
    let piece = UnsafeMutableRawBufferPointer(rebasing: small[..<Int(words * word)])
    let result = memory.read(address, into: piece)
    note(result)
    guard case .bytes(let n) = result, n == piece.count else { return nil }
    return (value(small, 0), words == 2 ? value(small, Int(word)) : 0)
  }
  private func value(_ from: UnsafeMutableRawBufferPointer, _ offset: Int) -> UInt64 {
    word == 8
      ? from.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      : UInt64(from.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
  private func note(_ result: HeapRead) {
    switch result {
    case .bytes(let n): bytesRead &+= UInt64(n)
    case .failed(let why): failure = why
    case .swapped, .nothing: break
    }
  }
}

// What was written to a log lately, for those who count its lines. Reads only.
import CLinux

extension LogFile {
  /// The bytes of one look at most.
  public static let sampleMaximum: UInt64 = 16 * 1024

  /// Shows `body` what stands at an offset, `sampleMaximum` bytes at most. False when nothing could be read.
  public func sample(at offset: UInt64, buffer: CutBuffer, _ body: (Span<UInt8>) -> Void) -> Bool {
    let bytes = buffer.bytes
    let n = Int(cut_read(descriptor, bytes.baseAddress, min(bytes.count, Int(Self.sampleMaximum)), offset))
    guard n > 0 else { return false }
    body(UnsafeRawBufferPointer(rebasing: bytes[..<n]).bindMemory(to: UInt8.self).span)
    return true
  }
}

// The end of a log, and its emptying after its writers were sent elsewhere.
import CLinux
public import Samples

extension LogFile {
  /// Appends the end of the file to the ring, as much as fits. NULs, which a hole is read as, are left out.
  public func readTail(into ring: LineRing) throws(LogRefusal) {
    let size = try status().size.rawValue
    // One byte more than fits, so that the ring knows whether the first line is whole.
    var offset = size - min(size, UInt64(ring.capacity) + 1)
    let data = cut_seek_data(descriptor, offset)
    if data > 0 { offset = UInt64(data) }
    var result: Int64 = 1
    while result > 0, offset < size {
      ring.receive { free in
        result = cut_read(descriptor, free.baseAddress, min(free.count, Int(clamping: size - offset)), offset)
        guard result > 0 else { return 0 }
        offset += UInt64(result)
        var kept = 0
        for byte in free.prefix(Int(result)) where byte != 0 {
          free[kept] = byte
          kept += 1
        }
        return kept
      }
    }
    if result < 0 { throw .from(Int32(-result), at: .read) }
  }

  /// Cuts everything off. The path is verified first.
  public func empty(calls: FileCalls = .live) throws(LogRefusal) {
    try verify()
    let result = calls.truncate(descriptor, 0)
    if result < 0 { throw .from(Int32(-result), at: .truncate) }
  }
}

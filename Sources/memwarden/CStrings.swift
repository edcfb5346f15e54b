// Between bytes and C strings.
import Samples

extension Array where Element == UInt8 {
  /// The bytes up to the NUL.
  init(cString: UnsafePointer<CChar>) {
    self.init()
    var p = cString
    while p.pointee != 0 {
      append(UInt8(bitPattern: p.pointee))
      p += 1
    }
  }
  /// As a NUL-terminated string, for the time of the call.
  func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    var text = self
    text.append(0)
    return text.withUnsafeBufferPointer { p in
      body(UnsafeRawPointer(p.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self))
    }
  }
}

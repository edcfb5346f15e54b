// Reading a folder's entries with getdents64: readdir would allocate 32 kB each time.
import CLinux
import Samples

/// Calls `body` with the NUL-terminated name of every entry but `.` and `..`. The name is valid during the call.
func forEachEntry(of folder: borrowing Descriptor, _ body: (UnsafePointer<UInt8>) -> Void) throws(Absence) {
  let number = folder.number
  // Above 1024 bytes Swift takes it from the heap.
  try withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { (buffer) throws(Absence) in
    while true {
      let n = Int(reading_entries(number, buffer.baseAddress, buffer.count))
      if n < 0 { throw Absence(errno: Int32(-n)) }
      if n == 0 { return }
      var offset = 0
      while offset < n {
        let entry = reading_entry_at(buffer.baseAddress, offset)
        offset = entry.next
        if let name = entry.name, !isDots(name) { body(name) }
      }
    }
  }
}

/// `.` or `..`.
func isDots(_ name: UnsafePointer<UInt8>) -> Bool {
  let dot = UInt8(ascii: ".")
  return name[0] == dot && (name[1] == 0 || (name[1] == dot && name[2] == 0))
}

/// The number a name consists of; nil for every other name.
func decimal(_ name: UnsafePointer<UInt8>) -> Int32? {
  var value: Int32 = 0
  var i = 0
  while name[i] != 0 {
    guard name[i] >= 48, name[i] <= 57, i < 9 else { return nil }
    value = value &* 10 &+ Int32(name[i] &- 48)
    i &+= 1
  }
  return i > 0 ? value : nil
}

extension KernelReader {
  /// Calls `body` for each entry of the folder at `path` whose name is a number. The path is free once that is open.
  func forEachNumber(_ body: (Int32) -> Void) throws(Absence) {
    try forEachEntry(of: try openPath()) { name in
      if let number = decimal(name) { body(number) }
    }
  }
}

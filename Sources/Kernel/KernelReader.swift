// Owns how a kernel file is read: one reused path, one reused buffer, errno turned into a reason. What a file means is
// in the parsers, which file answers which question in the extensions. Reads; never judges, never changes the system.
import CLinux
public import Samples

/// Reads the kernel's files below `roots`. Not reentrant: one thread, one call at a time. Nothing is allocated once the
/// buffer has grown to the largest file seen, except by calls that return an array.
public final class KernelReader {
  public let roots: Roots
  let pageSize = UInt64(reading_page_size())
  /// The path being read, NUL-terminated.
  var path = Bytes()
  /// What was read last. A pointer, not an array: a span of a class's array may not leave the access to it.
  private(set) var buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 8192)
  /// No file that is read whole is larger on any board seen; smaps is streamed.
  static let bufferMaximum = 256 * 1024
  /// The hierarchy with the memory controller, found once; nil where there is none.
  public private(set) lazy var cgroup: CgroupTree? = findCgroupTree()

  var memInfoFile: Descriptor?, loadAverageFile: Descriptor?

  public init(roots: Roots) {
    self.roots = roots
    path.reserveCapacity(256)
    buffer.initialize(repeating: 0)
  }
  deinit { buffer.deallocate() }

  // MARK: The path

  func setPath(_ folder: Bytes, _ name: StaticString) {
    path.removeAll(keepingCapacity: true)
    path.write(folder)
    path.write(name)
    path.append(0)
  }
  func setPath(_ absolute: Bytes) { setPath(absolute, "") }

  /// `/proc/PID` and `name`, which starts with a slash; `/proc/PID/task/TID` when a thread is named.
  func setPath(_ pid: Int32, _ name: StaticString, thread: Int32? = nil) {
    path.removeAll(keepingCapacity: true)
    path.write(roots.proc)
    path.append(UInt8(ascii: "/"))
    path.write(pid)
    if let thread {
      path.write("/task/")
      path.write(thread)
    }
    path.write(name)
    path.append(0)
  }

  // MARK: The bytes

  /// Fills the buffer with the file at `path` and returns its length. `records`: the file is made of many (mountinfo,
  /// vmstat), of which one read gives about a page; every other file comes whole in one read.
  func load(records: Bool = false) throws(Absence) -> Int {
    while true {
      let n = loadOnce(buffer.count, records: records)
      if n < 0 { throw Absence(errno: Int32(-n)) }
      if n < buffer.count { return n }
      try grow()
    }
  }

  /// At most `limit` bytes from the start of the file at `path`, which must fit the buffer's first size.
  func loadStart(_ limit: Int) throws(Absence) -> Int {
    let n = loadOnce(limit, records: false)
    if n < 0 { throw Absence(errno: Int32(-n)) }
    return n
  }

  private func grow() throws(Absence) {
    guard buffer.count < Self.bufferMaximum else { throw .failed(errno: EFBIG) }
    let size = buffer.count * 2
    buffer.deallocate()
    buffer = .allocate(capacity: size)
    buffer.initialize(repeating: 0)
  }

  /// The first `count` bytes of the buffer as `parse` understands them.
  func parsed<Value>(_ count: Int, _ parse: (Span<UInt8>) -> Value?) throws(Absence) -> Value {
    let text = buffer.span.extracting(0..<count)
    guard let value = parse(text) else { throw .malformed }
    return value
  }

  /// The file or folder at `path`.
  func openPath() throws(Absence) -> Descriptor {
    try Descriptor(path.withUnsafeBufferPointer { $0.baseAddress.map { reading_open($0) } ?? -EINVAL })
  }

  private func loadOnce(_ size: Int, records: Bool) -> Int {
    path.withUnsafeBufferPointer { path in
      path.baseAddress.map { Int(reading_file($0, buffer.baseAddress, size, records ? 1 : 0)) } ?? -Int(EINVAL)
    }
  }
}

extension Absence {
  /// What an errno means for the one who asked. Whether ENOENT means that the process or that the file is missing is
  /// for the caller to know.
  public init(errno code: Int32) {
    switch code {
    case ENOENT, ESRCH: self = .gone
    case EACCES, EPERM: self = .denied
    case EOPNOTSUPP, ENOSYS: self = .unsupported
    default: self = .failed(errno: code)
    }
  }
}

/// An open descriptor, closed with its owner.
struct Descriptor: ~Copyable {
  let number: Int32
  /// Takes what a C call returned: a descriptor, or -errno.
  init(_ result: Int32) throws(Absence) {
    guard result >= 0 else { throw Absence(errno: -result) }
    number = result
  }
  deinit { _ = close(number) }
}

// A folder in memory behind the pipe logger's seam, with a size of its own and a fault at any call.
import Samples

@testable import Actions

final class FakeFolder {
  struct PowerCut: Error {}
  var files = [String: Bytes]()
  var number: UInt64 = 0
  /// All files together; a write beyond takes what fits, then says ENOSPC.
  var capacity = Int.max
  /// Counts every call that changes something; at `faultAt` it fails with `fault`, from `cutAt` on nothing is done.
  var calls = 0
  var faultAt = -1, cutAt = Int.max
  var fault: Int32 = -28
  private var handles = [Int32: String](), nextHandle: Int32 = 3
  /// Descriptors that are open: none may be left behind.
  var openHandles: Int { handles.count }

  var used: Int { files.values.reduce(0) { $0 + $1.count } }
  var archives: [String] { files.keys.filter { $0.hasPrefix("@") }.sorted() }
  /// All lines, in their order.
  var text: String {
    (archives + ["current"]).map { String(decoding: files[$0] ?? [], as: UTF8.self) }.joined()
  }

  /// nil: go on; otherwise the answer.
  private func interfere() -> Int32? {
    calls += 1
    if calls > cutAt { return -5 }
    return calls == faultAt ? fault : nil
  }

  var seam: FolderCalls {
    FolderCalls(
      openFile: { [self] name in
        if let answer = interfere() { return answer }
        let name = String(decoding: name, as: UTF8.self)
        if files[name] == nil { files[name] = [] }
        nextHandle += 1
        handles[nextHandle] = name
        return nextHandle
      },
      closeFile: { [self] in handles[$0] = nil },
      size: { [self] in handles[$0].flatMap { files[$0] }.map { Int64($0.count) } ?? -2 },
      byte: { [self] fd, at in handles[fd].flatMap { files[$0] }.map { Int32($0[Int(at)]) } ?? -61 },
      write: { [self] fd, bytes in
        if calls == cutAt, bytes.count > 1, let name = handles[fd] {
          // The power goes while half of it is on its way.
          files[name]?.append(contentsOf: bytes.prefix(bytes.count / 2))
        }
        if let answer = interfere() { return Int64(answer) }
        guard let name = handles[fd] else { return -9 }
        let n = min(bytes.count, capacity - used)
        if n <= 0 { return -28 }
        files[name]?.append(contentsOf: bytes.prefix(n))
        return Int64(n)
      },
      sync: { [self] _ in interfere() ?? 0 },
      rename: { [self] from, to in
        if let answer = interfere() { return answer }
        let (from, to) = (String(decoding: from, as: UTF8.self), String(decoding: to, as: UTF8.self))
        guard let content = files.removeValue(forKey: from) else { return -2 }
        files[to] = content
        for (fd, name) in handles where name == from { handles[fd] = to }
        return 0
      },
      remove: { [self] name in
        if let answer = interfere() { return answer }
        return files.removeValue(forKey: String(decoding: name, as: UTF8.self)) == nil ? -2 : 0
      },
      list: { [self] tell in
        for (name, content) in files { tell(Array(name.utf8), UInt64(content.count)) }
        return 0
      },
      recall: { [self] in number },
      remember: { [self] in
        if let answer = interfere() { return answer }
        number = $0
        return 0
      })
  }
}

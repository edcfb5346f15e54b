// Parser of /proc/PID/mountinfo (proc(5)): bytes in, values out.
import Samples

/// One line, e.g. `31 23 0:28 / /var/log rw,relatime shared:1 - tmpfs tmpfs rw,size=1024k`, as places in the text.
struct MountLine {
  var device: Device
  var root: Range<Int>, point: Range<Int>
  var options: Range<Int>, type: Range<Int>, superOptions: Range<Int>
}

/// Calls `body` for each line, in mount order: a later one covers an earlier one at the same point. False when a line
/// is not of that form or the text does not end with one.
func forEachMount(_ text: Span<UInt8>, _ body: (MountLine) -> Void) -> Bool {
  var s = ByteScanner(text)
  guard !s.isAtEnd, text[text.count &- 1] == 0x0A else { return false }
  while !s.isAtEnd {
    guard s.number() != nil, s.number() != nil, let major = s.number(), s.accept(":"), let minor = s.number() else {
      return false
    }
    let root = s.field(), point = s.field(), options = s.field()
    // Any number of optional fields, then a lone hyphen.
    var separator = s.field()
    while separator.count > 0, !(separator.count == 1 && text[separator.lowerBound] == UInt8(ascii: "-")) {
      separator = s.field()
    }
    let type = s.field()
    _ = s.field()
    let superOptions = s.field()
    guard separator.count > 0, superOptions.count > 0 else { return false }
    body(
      MountLine(
        device: Device(major: UInt32(clamping: major), minor: UInt32(clamping: minor)), root: root, point: point,
        options: options, type: type, superOptions: superOptions))
    s.skipLine()
  }
  return true
}

/// What the types of filesystems begin with that a server, another process or another filesystem stands behind.
private let indirectTypes: [StaticString] = [
  "fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs", "virtiofs", "coda", "overlay", "aufs", "ecryptfs",
]

/// Every mount of the file. Nil when a line is malformed: a mount that is not understood must not look absent.
func parseMounts(_ text: Span<UInt8>) -> [Mount]? {
  var mounts: [Mount] = []
  let whole = forEachMount(text) { line in
    let kind: Mount.Kind =
      if equal(text.extracting(line.type), "tmpfs") {
        .tmpfs
      } else if equal(text.extracting(line.type), "ramfs") {
        .ramfs
      } else { .other }
    var mount = Mount(
      device: line.device, root: unescaped(text.extracting(line.root)), point: unescaped(text.extracting(line.point)),
      kind: kind,
      readOnly: option(text.extracting(line.options), "ro") != nil
        || option(text.extracting(line.superOptions), "ro") != nil)
    var type = ByteScanner(text.extracting(line.type))
    for name in indirectTypes where type.accept(name) { mount.isIndirect = true }
    mounts.append(mount)
  }
  return whole ? mounts : nil
}

/// The value of a mount option in `rw,hidepid=2`, empty for a bare word; nil when it is not there.
func option(_ options: Span<UInt8>, _ name: StaticString) -> Bytes? {
  var s = ByteScanner(options)
  while !s.isAtEnd {
    if s.accept(name) {
      var value = Bytes()
      if s.isAtEnd || s.next == UInt8(ascii: ",") { return value }
      if s.accept("=") {
        var i = s.position
        while i < options.count, options[i] != UInt8(ascii: ",") {
          value.append(options[i])
          i &+= 1
        }
        return value
      }
    }
    var i = s.position
    while i < options.count, options[i] != UInt8(ascii: ",") { i &+= 1 }
    s.move(to: i &+ 1)
  }
  return nil
}

/// `\040` and the like turned back into the byte they stand for.
func unescaped(_ text: Span<UInt8>) -> Bytes {
  var out = Bytes()
  out.reserveCapacity(text.count)
  var i = 0
  while i < text.count {
    if text[i] == UInt8(ascii: "\\"), i &+ 3 < text.count {
      var value = 0
      var digits = 0
      while digits < 3, text[i &+ 1 &+ digits] >= 48, text[i &+ 1 &+ digits] < 56 {
        value = value * 8 + Int(text[i &+ 1 &+ digits] &- 48)
        digits &+= 1
      }
      if digits == 3 {
        out.append(UInt8(truncatingIfNeeded: value))
        i &+= 4
        continue
      }
    }
    out.append(text[i])
    i &+= 1
  }
  return out
}

extension ByteScanner {
  /// The next run of non-blank bytes on this line; empty at its end.
  @_lifetime(self: copy self)
  mutating func field() -> Range<Int> {
    skipBlanks()
    let start = position
    if next != 0x0A { skipField() }
    return start..<position
  }
}

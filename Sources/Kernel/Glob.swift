// Which paths a shell pattern means: glob(7) over bytes. Pure; reads nothing.
public import Samples

/// `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a character that means itself. No wildcard matches a slash, nor the dot
/// that a hidden file begins with. A `[` that is not closed means itself. `?` is one byte, not one character.
public struct Glob: Equatable, Sendable {
  /// As it was written: absolute.
  public let text: Bytes
  /// The names between the slashes.
  let parts: [Bytes]

  public init(_ text: Bytes) {
    self.text = text
    var parts = [Bytes]()
    for part in text.split(separator: UInt8(ascii: "/")) { parts.append(Bytes(part)) }
    self.parts = parts
  }

  /// Without one it is the path of a folder.
  public var hasWildcard: Bool { parts.contains { isPattern($0) } }

  /// The folders before the first wildcard: where a search begins.
  var fixedParts: Int { parts.firstIndex { isPattern($0) } ?? parts.count }

  /// A whole path.
  public func matches(_ path: Bytes) -> Bool {
    var i = 0
    for name in path.split(separator: UInt8(ascii: "/")) {
      guard i < parts.count, name.withUnsafeBufferPointer({ globMatches(parts[i], $0) }) else { return false }
      i += 1
    }
    return i == parts.count
  }
}

func isPattern(_ part: Bytes) -> Bool {
  part.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") || $0 == 0x5C }
}

/// One name. Time grows with the product of the lengths at most: only the last star is ever tried again.
func globMatches(_ pattern: Bytes, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
  let star = UInt8(ascii: "*")
  if name.count > 0, name[0] == UInt8(ascii: "."), pattern.count > 0, pattern[0] != name[0], pattern[0] != 0x5C {
    return false
  }
  var p = 0, n = 0
  var starAt = -1, resumeAt = 0
  while n < name.count {
    if p < pattern.count, pattern[p] == star {
      starAt = p
      resumeAt = n
      p += 1
      continue
    }
    if p < pattern.count, let next = matchOne(pattern, p, name[n]) {
      p = next
      n += 1
      continue
    }
    guard starAt >= 0 else { return false }
    resumeAt += 1
    n = resumeAt
    p = starAt + 1
  }
  while p < pattern.count, pattern[p] == star { p += 1 }
  return p == pattern.count
}

/// Where the pattern goes on behind the one character at `p` if that is `byte`; nil if it is another.
private func matchOne(_ pattern: Bytes, _ p: Int, _ byte: UInt8) -> Int? {
  switch pattern[p] {
  case UInt8(ascii: "?"): return p + 1
  case 0x5C where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
  case UInt8(ascii: "["):
    guard let end = closing(pattern, p) else { break }
    return isInSet(pattern, p + 1, end, byte) ? end + 1 : nil
  default: break
  }
  return pattern[p] == byte ? p + 1 : nil
}

/// The `]` of the set that opens at `p`. One that comes first is a member.
private func closing(_ pattern: Bytes, _ p: Int) -> Int? {
  var i = p + 1
  if i < pattern.count, isNegation(pattern[i]) { i += 1 }
  if i < pattern.count, pattern[i] == UInt8(ascii: "]") { i += 1 }
  while i < pattern.count, pattern[i] != UInt8(ascii: "]") { i += pattern[i] == 0x5C ? 2 : 1 }
  return i < pattern.count ? i : nil
}

private func isNegation(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "!") || byte == UInt8(ascii: "^") }

private func isInSet(_ pattern: Bytes, _ start: Int, _ end: Int, _ byte: UInt8) -> Bool {
  let negated = isNegation(pattern[start])
  var i = negated ? start + 1 : start
  var found = false
  while i < end {
    if pattern[i] == 0x5C, i + 1 < end { i += 1 }
    let low = pattern[i]
    if i + 2 < end, pattern[i + 1] == UInt8(ascii: "-") {
      let high = pattern[i + 2]
      if low <= byte && byte <= high { found = true }
      i += 3
    } else {
      if low == byte { found = true }
      i += 1
    }
  }
  return found != negated
}

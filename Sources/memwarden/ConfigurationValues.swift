// One value's text to the value: sizes, durations, counts, signals, addresses. nil when it is not one or out of range;
// the caller says what was expected. Whole numbers only: a fraction occurs in shares and is held in hundredths.
import CLinux
import Policy
import Samples

private let kib: UInt64 = 1024

func parseYes(_ text: Bytes) -> Bool? {
  if equal(text, "yes") { return true }
  return equal(text, "no") ? false : nil
}

/// Decimal digits with an optional minus.
func parseNumber(_ range: ClosedRange<Int>) -> (Bytes) -> Int? {
  { text in
    var scanner = ByteScanner(text.span)
    guard text.first != 0x20, text.first != 0x09, let n = scanner.signed(), scanner.isAtEnd else { return nil }
    return range.contains(Int(clamping: n)) ? Int(clamping: n) : nil
  }
}

/// Digits, then what follows them.
private func split(_ text: Bytes) -> (number: UInt64, unit: Bytes)? {
  guard let digit = text.first, digit >= 48, digit <= 57 else { return nil }
  var scanner = ByteScanner(text.span)
  guard let number = scanner.number() else { return nil }
  return (number, Bytes(text[scanner.position...]))
}

/// `4096`, `64K`, `24M`, `1G`; also KiB, kB and so on: every one a power of 1024.
func parseSize(_ range: ClosedRange<ByteCount>) -> (Bytes) -> ByteCount? {
  { text in
    guard let (number, unit) = split(text) else { return nil }
    var letters = unit[...]
    var times: UInt64 = 1
    switch letters.first.map({ $0 | 0x20 }) {
    case UInt8(ascii: "k"): times = kib
    case UInt8(ascii: "m"): times = kib * kib
    case UInt8(ascii: "g"): times = kib * kib * kib
    default: break
    }
    if times > 1 {
      letters = letters.dropFirst()
      if letters.count == 2, letters.first == UInt8(ascii: "i") { letters = letters.dropFirst() }
    }
    guard letters.isEmpty || (letters.count == 1 && letters.first == UInt8(ascii: "B")) else { return nil }
    let size = ByteCount(saturating: number, times: times)
    return range.contains(size) ? size : nil
  }
}

/// `5%`, `2.5%`, `0.25%`.
func parseShare(_ range: ClosedRange<Permyriad>) -> (Bytes) -> Permyriad? {
  { text in
    guard let (whole, rest) = split(text), whole <= 100, rest.last == UInt8(ascii: "%") else { return nil }
    var hundredths = UInt32(whole) * 100
    let fraction = rest.dropLast()
    if !fraction.isEmpty {
      guard fraction.first == UInt8(ascii: "."), fraction.count == 2 || fraction.count == 3 else { return nil }
      var weight: UInt32 = 10
      for digit in fraction.dropFirst() {
        guard digit >= 48, digit <= 57 else { return nil }
        hundredths += UInt32(digit - 48) * weight
        weight /= 10
      }
    }
    return range.contains(Permyriad(hundredths)) ? Permyriad(hundredths) : nil
  }
}

/// A size from 4K to 1024G, or a share from 0.01% to 100%.
func parseLimit(_ text: Bytes) -> Limit? {
  if let size = parseSize(.kib(4)...ByteCount(1 << 40))(text) { return .bytes(size) }
  if let share = parseShare(Permyriad(1)...Permyriad(10_000))(text) { return .share(share) }
  return nil
}

/// `200ms`, `30s`, `5m`, `2h`, `1d`: a number and one unit.
func parseDuration(_ range: ClosedRange<Milliseconds>) -> (Bytes) -> Milliseconds? {
  { text in
    guard let (number, unit) = split(text) else { return nil }
    guard let scale = scale(of: unit) else { return nil }
    let length = Milliseconds(Int64(clamping: ByteCount(saturating: number, times: scale).rawValue))
    return range.contains(length) ? length : nil
  }
}

/// Milliseconds in a unit of time.
private func scale(of unit: Bytes) -> UInt64? {
  if equal(unit, "ms") { return 1 }
  if equal(unit, "s") { return 1000 }
  if equal(unit, "m") { return 60_000 }
  if equal(unit, "h") { return 3_600_000 }
  return equal(unit, "d") ? 86_400_000 : nil
}

/// `5/1h`: 1 to 32 in 1s to 7d.
func parseBudget(_ text: Bytes) -> RestartBudget? {
  guard let slash = text.firstIndex(of: UInt8(ascii: "/")),
    let count = parseNumber(1...32)(Bytes(text[..<slash])),
    let per = parseDuration(.seconds(1)...(.seconds(7 * 86_400)))(Bytes(text[(slash + 1)...]))
  else { return nil }
  return RestartBudget(count: count, per: per)
}

/// `Mon-Fri 02:00-05:00`, `Sat,Sun 22:00-04:00`, `02:00-05:00`; the days by three letters, from Sunday.
func parseWindow(_ text: Bytes) -> MaintenanceWindow? {
  let words = text.split(separator: 0x20, omittingEmptySubsequences: true)
  guard let times = words.last, words.count <= 2 else { return nil }
  var days: UInt8 = 0x7F
  if words.count == 2 {
    days = 0
    for range in words[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let ends = range.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
      guard ends.count <= 2, let first = ends.first.flatMap({ weekday(Bytes($0)) }),
        let last = ends.last.flatMap({ weekday(Bytes($0)) })
      else { return nil }
      for i in 0...((last - first + 7) % 7) { days |= 1 << UInt8((first + i) % 7) }
    }
  }
  let ends = times.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
  guard ends.count == 2, let start = minute(Bytes(ends[0])), let end = minute(Bytes(ends[1])), start < 1440 else {
    return nil
  }
  return MaintenanceWindow(days: days, start: start, end: end)
}

private func weekday(_ text: Bytes) -> Int? {
  let names: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  return names.firstIndex { equal(text, $0) }
}

/// `05:00`, up to `24:00`.
private func minute(_ text: Bytes) -> Int? {
  guard text.count == 5, text[2] == UInt8(ascii: ":"), text.allSatisfy({ $0 == 58 || ($0 >= 48 && $0 <= 57) }),
    let hour = parseNumber(0...24)(Bytes(text[..<2])), let minute = parseNumber(0...59)(Bytes(text[3...]))
  else { return nil }
  return hour == 24 && minute > 0 ? nil : hour * 60 + minute
}

/// `TERM`, `SIGTERM` or `15`. The names are those a program may expect as a request to stop.
func parseSignal(_ text: Bytes) -> Int32? {
  if let number = parseNumber(1...64)(text) { return Int32(number) }
  let name = text.count > 3 && equal(Bytes(text[..<3]), "SIG") ? Bytes(text[3...]) : text
  if equal(name, "TERM") { return SIGTERM }
  if equal(name, "INT") { return SIGINT }
  if equal(name, "QUIT") { return SIGQUIT }
  if equal(name, "HUP") { return SIGHUP }
  if equal(name, "USR1") { return SIGUSR1 }
  if equal(name, "USR2") { return SIGUSR2 }
  if equal(name, "ABRT") { return SIGABRT }
  return equal(name, "KILL") ? SIGKILL : nil
}

/// `127.0.0.1:8741` or `[::1]:8741`; port 0 lets the kernel choose.
func parseAddress(_ text: Bytes) -> ListenAddress? {
  guard let colon = text.lastIndex(of: UInt8(ascii: ":")),
    let (port, rest) = split(Bytes(text[(colon + 1)...])), rest.isEmpty, port <= 65_535
  else { return nil }
  var host = text[..<colon]
  let bracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]") && host.count > 2
  if bracketed { host = host.dropFirst().dropLast() }
  let name = Bytes(host) + [0]
  var address = Bytes(repeating: 0, count: bracketed ? 16 : 4)
  let parsed = name.withUnsafeBytes { name in
    address.withUnsafeMutableBytes { address in
      guard let name = name.baseAddress?.assumingMemoryBound(to: CChar.self), let to = address.baseAddress else {
        return Int32(0)
      }
      return inet_pton(bracketed ? AF_INET6 : AF_INET, name, to)
    }
  }
  return parsed == 1 ? ListenAddress(host: address, port: UInt16(port)) : nil
}

/// A path from the root, at most `longest` bytes.
func parsePath(_ longest: Int) -> (Bytes) -> Bytes? {
  { $0.first == UInt8(ascii: "/") && $0.count <= longest ? $0 : nil }
}

/// 1 to `longest` bytes of A-Z a-z 0-9 and `others`.
func parseWord(_ longest: Int, others: StaticString) -> (Bytes) -> Bytes? {
  { text in
    guard !text.isEmpty, text.count <= longest else { return nil }
    let extra = Bytes(others)
    for byte in text {
      let letter = byte | 0x20
      let plain = (letter >= 97 && letter <= 122) || (byte >= 48 && byte <= 57)
      guard plain || extra.contains(byte) else { return nil }
    }
    return text
  }
}

/// A numeric user id; 2^32-1 is no user.
func parseUid(_ text: Bytes) -> UInt32? {
  guard let (number, rest) = split(text), rest.isEmpty, number < UInt64(UInt32.max) else { return nil }
  return UInt32(number)
}

/// The uid of `name` in the text of /etc/passwd (passwd(5)): no NSS.
func findUser(_ name: Bytes, passwd: Bytes) -> UInt32? {
  for line in passwd.split(separator: 0x0A) {
    let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
    guard fields.count > 2, Bytes(fields[0]) == name else { continue }
    return parseUid(Bytes(fields[2]))
  }
  return nil
}

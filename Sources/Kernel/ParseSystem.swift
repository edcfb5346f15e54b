// Parsers of the files that speak for the whole board: bytes in, values out. Nil means malformed.
import Samples

/// /proc/meminfo. Nil without MemTotal and MemFree, or when a figure lost its unit.
func parseMemInfo(_ text: Span<UInt8>) -> MemInfo? {
  var s = ByteScanner(text)
  var info = MemInfo()
  var total: ByteCount?, free: ByteCount?
  while !s.isAtEnd {
    var whole = true
    if s.accept("MemTotal:") {
      whole = s.kilobytes(into: &total)
    } else if s.accept("MemFree:") {
      whole = s.kilobytes(into: &free)
    } else if s.accept("MemAvailable:") {
      whole = s.kilobytes(into: &info.available)
    } else if s.accept("Buffers:") {
      whole = s.kilobytes(into: &info.buffers)
    } else if s.accept("Cached:") {
      whole = s.kilobytes(into: &info.cached)
    } else if s.accept("Shmem:") {
      whole = s.kilobytes(into: &info.shmem)
    } else if s.accept("Unevictable:") {
      whole = s.kilobytes(into: &info.unevictable)
    } else if s.accept("Mlocked:") {
      whole = s.kilobytes(into: &info.mlocked)
    } else if s.accept("AnonPages:") {
      whole = s.kilobytes(into: &info.anonPages)
    } else if s.accept("Slab:") {
      whole = s.kilobytes(into: &info.slab)
    } else if s.accept("SReclaimable:") {
      whole = s.kilobytes(into: &info.slabReclaimable)
    } else if s.accept("SUnreclaim:") {
      whole = s.kilobytes(into: &info.slabUnreclaimable)
    } else if s.accept("KernelStack:") {
      whole = s.kilobytes(into: &info.kernelStack)
    } else if s.accept("PageTables:") {
      whole = s.kilobytes(into: &info.pageTables)
    } else if s.accept("Percpu:") {
      whole = s.kilobytes(into: &info.percpu)
    } else if s.accept("SwapTotal:") {
      whole = s.kilobytes(into: &info.swapTotal)
    } else if s.accept("SwapFree:") {
      whole = s.kilobytes(into: &info.swapFree)
    }
    guard whole else { return nil }
    s.skipLine()
  }
  guard let total, let free else { return nil }
  info.total = total
  info.free = free
  return info
}

/// /proc/pressure/memory, e.g. `some avg10=0.00 avg60=0.12 avg300=0.05 total=2384` and the same for `full`.
func parsePressure(_ text: Span<UInt8>) -> Pressure? {
  var s = ByteScanner(text)
  var pressure = Pressure()
  var some = false, full = false
  while !s.isAtEnd {
    let isSome = s.accept("some ")
    if isSome || s.accept("full ") {
      guard s.accept("avg10="), let ten = s.permyriad(), s.accept(" avg60="), let sixty = s.permyriad() else {
        return nil
      }
      s.skipField()
      guard s.accept(" total="), let total = s.number(), !s.isAtEnd else { return nil }
      if isSome {
        some = true
        pressure.someAvg10 = ten
        pressure.someAvg60 = sixty
        pressure.someTotalMicroseconds = total
      } else {
        full = true
        pressure.fullAvg10 = ten
        pressure.fullAvg60 = sixty
        pressure.fullTotalMicroseconds = total
      }
    }
    s.skipLine()
  }
  return some && full ? pressure : nil
}

/// /proc/vmstat. Nil when a counter has no number or lost its end.
func parseVMStat(_ text: Span<UInt8>) -> VMStat? {
  var s = ByteScanner(text)
  var stat = VMStat()
  var lines = 0
  while !s.isAtEnd {
    // pgscan_direct_throttle counts throttled tasks, not scanned pages.
    if s.accept("pgscan_direct_throttle ") {
    } else if s.accept("pgscan_direct") {
      s.skipName()
      guard let n = s.number(), !s.isAtEnd else { return nil }
      stat.directScans = (stat.directScans ?? 0).saturatingAdd(n)
    } else if s.accept("allocstall") {
      s.skipName()
      guard let n = s.number(), !s.isAtEnd else { return nil }
      stat.allocationStalls = (stat.allocationStalls ?? 0).saturatingAdd(n)
    } else if s.accept("pgmajfault ") {
      guard let n = s.number(), !s.isAtEnd else { return nil }
      stat.majorFaults = n
    } else if s.accept("oom_kill ") {
      guard let n = s.number(), !s.isAtEnd else { return nil }
      stat.oomKills = n
    }
    s.skipLine()
    lines &+= 1
  }
  return lines > 0 ? stat : nil
}

/// The fifth field of /proc/loadavg, e.g. `0.11 0.04 0.01 1/123 4567`.
func parseLastPid(_ text: Span<UInt8>) -> Int32? {
  var s = ByteScanner(text)
  for _ in 1...4 { s.skipField() }
  guard let pid = s.number(), !s.isAtEnd else { return nil }
  return Int32(exactly: pid)
}

/// /proc/sys/kernel/random/boot_id: 36 bytes and a newline.
func parseBootID(_ text: Span<UInt8>) -> Bytes? {
  guard text.count >= 36 else { return nil }
  var id = Bytes()
  id.reserveCapacity(36)
  for i in 0..<36 where text[i] > 0x20 { id.append(text[i]) }
  return id.count == 36 ? id : nil
}

extension ByteScanner {
  /// `12.34` (per cent, two decimals) as 1234. Nil without the decimals.
  @_lifetime(self: copy self)
  mutating func permyriad() -> Permyriad? {
    guard let whole = number(), whole <= 100, accept("."), let hundredths = number(), hundredths < 100 else {
      return nil
    }
    return Permyriad(UInt32(whole * 100 + hundredths))
  }
  /// Skips the rest of a name, without the blanks before it.
  @_lifetime(self: copy self)
  mutating func skipName() {
    if let byte = next, byte > 0x20 { skipField() }
  }
}

extension UInt64 {
  /// This plus `other`, at most 2^64-1.
  func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

// Instants as people read them. The wall clock is a label: on a board it starts in 1970.
import Samples

extension Array where Element == UInt8 {
  /// RFC 3339 in UTC with milliseconds, e.g. `2026-01-31T09:05:00.250Z`, from milliseconds since 1970.
  public mutating func writeTimestamp(_ wallMilliseconds: Int64) {
    let milliseconds = Swift.max(0, wallMilliseconds)
    let seconds = milliseconds / 1000
    let (days, inDay) = (seconds / 86_400, seconds % 86_400)
    // Days to a date of the Gregorian calendar, years beginning in March (H. Hinnant, "chrono-compatible low-level date
    // algorithms").
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    write(padded: year, 4)
    write("-")
    write(padded: month, 2)
    write("-")
    write(padded: day, 2)
    write("T")
    write(padded: inDay / 3600, 2)
    write(":")
    write(padded: inDay / 60 % 60, 2)
    write(":")
    write(padded: inDay % 60, 2)
    write(".")
    write(padded: milliseconds % 1000, 3)
    write("Z")
  }

  public mutating func write(padded n: Int64, _ width: Int) {
    var divisor: Int64 = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > n, divisor > 1 {
      write("0")
      divisor /= 10
    }
    write(n)
  }

  /// `24.5 MiB`, `960 KiB`, `512 B`: a tenth is exact enough for people.
  mutating func writeSize(_ n: ByteCount) {
    let bytes = n.rawValue
    let units: (StaticString, StaticString, StaticString) = (" KiB", " MiB", " GiB")
    if bytes < 1024 {
      write(bytes)
      write(" B")
    } else if bytes < 1 << 20 {
      writeTenths(bytes, unit: 1 << 10)
      write(units.0)
    } else if bytes < 1 << 30 {
      writeTenths(bytes, unit: 1 << 20)
      write(units.1)
    } else {
      writeTenths(bytes, unit: 1 << 30)
      write(units.2)
    }
  }
  private mutating func writeTenths(_ n: UInt64, unit: UInt64) {
    var (whole, tenths) = (n / unit, (n % unit * 10 + unit / 2) / unit)
    if tenths == 10 { (whole, tenths) = (whole + 1, 0) }
    write(whole)
    if tenths > 0 {
      write(".")
      write(tenths)
    }
  }

  /// `350 ms`, `1.5 s`, `30 s`, `5 min`, `2 h 5 min`, `3 d 4 h`.
  mutating func writeDuration(_ d: Milliseconds) {
    let ms = Swift.max(0, d.rawValue)
    switch ms {
    case ..<1000:
      write(ms)
      write(" ms")
    case ..<60_000:
      write(ms / 1000)
      if ms < 10_000, ms % 1000 >= 100 {
        write(".")
        write(ms % 1000 / 100)
      }
      write(" s")
    case ..<3_600_000: writePair(ms / 60_000, " min", ms % 60_000 / 1000, " s")
    case ..<86_400_000: writePair(ms / 3_600_000, " h", ms % 3_600_000 / 60_000, " min")
    default: writePair(ms / 86_400_000, " d", ms % 86_400_000 / 3_600_000, " h")
    }
  }
  private mutating func writePair(_ a: Int64, _ unitA: StaticString, _ b: Int64, _ unitB: StaticString) {
    write(a)
    write(unitA)
    if b > 0 {
      write(" ")
      write(b)
      write(unitB)
    }
  }
}

/// Whole per cent, rounded down; saturates.
func percent(_ part: ByteCount, of whole: ByteCount) -> UInt64 {
  guard whole.rawValue > 0 else { return 0 }
  let (high, low) = part.rawValue.multipliedFullWidth(by: 100)
  return high >= whole.rawValue ? .max : whole.rawValue.dividingFullWidth((high, low)).quotient
}

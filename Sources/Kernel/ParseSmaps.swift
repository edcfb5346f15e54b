// Sums /proc/PID/smaps_rollup or /proc/PID/smaps, which have the same lines: once, or once per mapping.
import Samples

/// Takes the text in pieces, so that a smaps file of megabytes needs only one small buffer.
struct SmapsSum {
  private var sum = SmapsRollup()
  private var hasSwapPss = false
  /// Mappings begun (a Rss: line) and ended: Swap: stands after every other line that is summed but SwapPss:.
  private var begun = 0, ended = 0

  /// Takes the whole lines of `text`. Returns how many bytes those were; the caller offers the rest again with what
  /// follows it. Nil when a line that is summed is not what it promises.
  mutating func take(_ text: Span<UInt8>) -> Int? {
    var end = text.count
    while end > 0, text[end &- 1] != 0x0A { end &-= 1 }
    var s = ByteScanner(text.extracting(0..<end))
    while let first = s.next {
      // A mapping's own line starts with an address in small hexadecimal letters, and its path cannot hold a raw
      // newline: no file name can pose as a figure.
      if first >= UInt8(ascii: "A"), first <= UInt8(ascii: "Z"), let field = Field(&s) {
        guard let bytes = s.kilobytes() else { return nil }
        add(bytes, to: field)
      }
      s.skipLine()
    }
    return end
  }

  /// The sums, or nil when there was no mapping or the last one was cut short.
  var result: SmapsRollup? {
    guard begun > 0, begun == ended else { return nil }
    var whole = sum
    // Before Linux 4.3 there is no share: all of it is charged to the process.
    if !hasSwapPss { whole.swapPss = whole.swap }
    return whole
  }

  private mutating func add(_ bytes: ByteCount, to field: Field) {
    switch field {
    case .rss:
      begun &+= 1
      sum.rss += bytes
    case .pss: sum.pss += bytes
    case .pssAnon: sum.pssAnon = bytes
    case .pssFile: sum.pssFile = bytes
    case .pssShmem: sum.pssShmem = bytes
    case .privateClean: sum.privateClean += bytes
    case .privateDirty: sum.privateDirty += bytes
    case .privateHugetlb: sum.privateHugetlb += bytes
    case .anonymous: sum.anonymous += bytes
    case .lazyFree: sum.lazyFree += bytes
    case .swap:
      ended &+= 1
      sum.swap += bytes
    case .swapPss:
      hasSwapPss = true
      sum.swapPss += bytes
    }
  }
}

private enum Field {
  case rss, pss, pssAnon, pssFile, pssShmem, privateClean, privateDirty, privateHugetlb, anonymous, lazyFree, swap,
    swapPss

  /// The field whose name stands under the cursor, consumed with its colon; nil for every other line.
  init?(_ s: inout ByteScanner) {
    if s.accept("Rss:") {
      self = .rss
    } else if s.accept("Pss:") {
      self = .pss
    } else if s.accept("Pss_") {
      if s.accept("Anon:") {
        self = .pssAnon
      } else if s.accept("File:") {
        self = .pssFile
      } else if s.accept("Shmem:") {
        self = .pssShmem
      } else {
        return nil
      }
    } else if s.accept("Private_") {
      if s.accept("Clean:") {
        self = .privateClean
      } else if s.accept("Dirty:") {
        self = .privateDirty
      } else if s.accept("Hugetlb:") {
        self = .privateHugetlb
      } else {
        return nil
      }
    } else if s.accept("Anonymous:") {
      self = .anonymous
    } else if s.accept("LazyFree:") {
      self = .lazyFree
    } else if s.accept("Swap:") {
      self = .swap
    } else if s.accept("SwapPss:") {
      self = .swapPss
    } else {
      return nil
    }
  }
}

// What only the ledger asks: the rest of /proc/meminfo, sockets, zram, and what a process is booked with. Reads only.
import CLinux
public import Samples

/// The names of MemInfoRest.Line, in their order.
private let restOfMemInfo: [StaticString] = [
  "Active(file):", "Inactive(file):", "VmallocUsed:", "VmallocChunk:", "SecPageTables:", "Zswap:", "Hugetlb:",
  "HugePages_Total:", "Hugepagesize:",
]

/// /proc/meminfo once more. Nil when a line has no number or the text does not end with one.
func parseMemInfoRest(_ text: Span<UInt8>) -> MemInfoRest? {
  guard text.count > 0, text[text.count &- 1] == 0x0A else { return nil }
  var s = ByteScanner(text), rest = MemInfoRest()
  while !s.isAtEnd {
    for i in 0..<MemInfoRest.count where s.accept(restOfMemInfo[i]) {
      guard let n = s.number() else { return nil }
      rest.set(i, s.accept(" kB") ? .kib(n) : ByteCount(n))
      break
    }
    s.skipLine()
  }
  return rest
}

/// /proc/net/sockstat, e.g. `TCP: inuse 27 orphan 0 tw 6 alloc 30 mem 4`: the pages that TCP holds for what was sent and
/// not acknowledged, received and not read. UDP's and unix sockets' buffers are slab.
func parseTCPPages(_ text: Span<UInt8>) -> UInt64? {
  var s = ByteScanner(text)
  while !s.isAtEnd {
    if s.accept("TCP: inuse ") {
      for _ in 1...7 { s.skipField() }
      return s.accept(" mem ") ? s.number() : nil
    }
    s.skipLine()
  }
  return nil
}

/// The free pages on the lists of each processor, of /proc/zoneinfo, e.g. `              count:    8655`.
func parseCPULists(_ text: Span<UInt8>) -> UInt64? {
  var s = ByteScanner(text), pages: UInt64?
  while !s.isAtEnd {
    s.skipBlanks()
    if s.accept("count:") {
      guard let n = s.number() else { return nil }
      pages = (pages ?? 0).saturatingAdd(n)
    }
    s.skipLine()
  }
  return pages
}

extension KernelReader {
  public func memInfoRest() throws(Absence) -> MemInfoRest { try system("/meminfo", parseMemInfoRest) }

  /// Of all network namespaces. `unsupported` without CONFIG_NET.
  public func tcpMemory() throws(Absence) -> ByteCount {
    ByteCount(saturating: try system("/net/sockstat", parseTCPPages), times: pageSize)
  }

  public func freeOnCPULists() throws(Absence) -> ByteCount {
    ByteCount(saturating: try system("/zoneinfo", records: true, parseCPULists), times: pageSize)
  }

  /// RAM that zram devices take, the third number of /sys/block/zramN/mm_stat (Linux 4.1), e.g.
  /// `4096 74 12288 0 12288 0 0 0 0`; nil without such a device.
  public func zramMemory() -> ByteCount? {
    var sum: ByteCount?
    for number: Int32 in 0..<16 {
      setPath(roots.block, "/zram")
      path.removeLast()
      path.write(number)
      path.write("/mm_stat")
      path.append(0)
      let taken: UInt64? = try? parsed(try load()) { text in
        var s = ByteScanner(text)
        s.skipField()
        s.skipField()
        return s.number()
      }
      if let taken { sum = (sum ?? .zero) + ByteCount(taken) }
    }
    return sum
  }

  /// From smaps_rollup, else smaps (both with PSS); where those are denied or unsupported from status and statm, by RSS.
  /// `kernelThread`, `zombie` or `gone` when there is nothing to book.
  public func share(_ pid: Int32) throws(Absence) -> ProcessShare {
    var share = ProcessShare()
    do throws(Absence) {
      let sums = try rollup(pid)
      // Before Linux 5.3 Anonymous stands in, which counts pages shared with a parent in full: never more than PSS.
      let anonymous = sums.pssAnon ?? min(sums.anonymous, sums.pss)
      share.lazyFree = min(sums.lazyFree, anonymous)
      share.anonymous = anonymous - share.lazyFree
      share.file = sums.pssFile ?? sums.pss - anonymous
      share.shared = sums.pssShmem ?? .zero
      share.swap = sums.swapPss
      share.isEstimate = sums.pssAnon == nil
    } catch {
      guard error == .denied || error == .unsupported else { throw error }
      let statm = try statm(pid), status = try status(pid)
      share.anonymous = status.rssAnon ?? statm.anonymous
      share.file = status.rssFile ?? statm.shared
      share.shared = status.rssShmem ?? .zero
      share.swap = status.swap ?? .zero
      share.isEstimate = true
    }
    return share
  }

  /// Bytes of an open file that are in the page cache; see caching.h. Only for a file on a local filesystem: closing
  /// what was borrowed may wait for a remote one.
  public func cachedBytes(_ pid: Int32, descriptor: Int32, size: ByteCount) throws(Absence) -> ByteCount {
    let bytes = caching_bytes(pid, descriptor, size.rawValue)
    if bytes < 0 { throw Absence(errno: Int32(truncatingIfNeeded: -bytes)) }
    return ByteCount(UInt64(bytes))
  }
}

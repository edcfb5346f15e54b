// Where all of MemTotal is: what the kernel counts and what was found, so put beside each other that nothing is counted
// twice. Pure: figures in, ranked rows out.
public import Samples

public enum LedgerKind: UInt8, Sendable {
  /// Anonymous memory of the processes seen, and of those not seen (other namespaces, hidepid); MADV_FREE pages.
  case processes, otherProcesses, lazyFree
  /// Files with a name on RAM filesystems, without a name, memfds, System V segments; shared memory that is none of them:
  /// shared mappings, covered mounts, those of other namespaces, graphics buffers. From tmpfs on all of it is Shmem, but
  /// for what was deleted on ramfs.
  case ramfs, tmpfs, deletedFiles, memfds, sharedMemory, otherShared
  /// File pages that can be dropped; those that cannot: locked, in covered mounts, of a ramfs that is not seen.
  case pageCache, pinnedCache
  case slabReclaimable, slabUnreclaimable, kernelStacks, pageTables, perCPU, vmalloc, sockets
  /// The last before unexplained: free pages that processors keep at hand, which MemFree does not count.
  case zram, zswap, hugePages, free, cpuLists, unexplained
  public static let count = 24
}

/// Somebody or something that holds a part of a row.
public struct LedgerPart: Sendable {
  public enum Kind: UInt8, Sendable {
    /// Of processes: a worker, all of one name, those not listed.
    case worker, command, rest
    /// A RAM filesystem, and a file of the one before it.
    case mount, file
    case memfd, segment
    /// Mapped by processes of one name, or by a worker.
    case mapping
  }
  public var kind: Kind
  public var name: Bytes
  public var bytes: ByteCount
  /// Who holds it, or most of it; 0 and empty when that is not known or nobody.
  public var pid: Int32 = 0, comm = Bytes(), worker = Bytes()
  public var processes = 0
  /// Of processes: their whole PSS, what they have in swap beside it, and whether these are estimates.
  public var pss = ByteCount.zero, swap = ByteCount.zero, isEstimate = false
  public init(_ kind: Kind, _ name: Bytes, _ bytes: ByteCount) {
    self.kind = kind
    self.name = name
    self.bytes = bytes
  }
}

public struct LedgerRow: Sendable {
  public var kind: LedgerKind
  /// Below zero only for what is unexplained: then figures of different moments counted something twice.
  public var bytes: Int64
  public var parts = [LedgerPart]()
}

/// An amount for each kind, or none: not known.
public struct LedgerFigures: Sendable {
  private var amounts = InlineArray<24, UInt64>(repeating: .max)
  /// Of those in `deletedFiles`, what is on ramfs.
  public var deletedOnRamfs = ByteCount.zero
  public init() {}

  public subscript(kind: LedgerKind) -> ByteCount? {
    @inline(never) get {
      let amount = amounts[Int(kind.rawValue)]
      return amount == .max ? nil : ByteCount(amount)
    }
    // No board has 2^58 bytes: a figure that says so is not worth a trap.
    @inline(never) set { amounts[Int(kind.rawValue)] = newValue.map { min($0.rawValue, 1 << 58) } ?? .max }
  }
  public mutating func add(_ bytes: ByteCount, to kind: LedgerKind) { self[kind] = (self[kind] ?? .zero) + bytes }
}

public struct Ledger: Sendable {
  public let total: ByteCount
  /// Their sum is `total`. The largest first.
  public private(set) var rows = [LedgerRow]()
  /// Of the RAM files, as much as cannot be in RAM: they hold more than the kernel counts there. Taken off the largest
  /// of their rows.
  public private(set) var filesInSwap = ByteCount.zero

  /// `found`: processes, lazyFree, what lives in RAM as files, sockets, zram and cpuLists.
  public init(_ memory: MemInfo, _ rest: MemInfoRest, found: LedgerFigures) {
    total = memory.total
    var figures = found
    bookAnonymous(memory.anonPages, &figures)
    bookFiles(memory, rest, &figures)
    figures[.slabReclaimable] = memory.slabReclaimable
    figures[.slabUnreclaimable] = memory.slabUnreclaimable ?? memory.slab
    figures[.kernelStacks] = memory.kernelStack
    figures[.pageTables] = memory.pageTables
    if let secondary = rest[.secondaryPageTables] { figures.add(secondary, to: .pageTables) }
    figures[.perCPU] = memory.percpu
    if let used = rest[.vmallocUsed], rest[.vmallocChunk] ?? .zero == .zero {
      // Kernel stacks are in it wherever it holds that much (CONFIG_VMAP_STACK).
      let stacks = memory.kernelStack ?? .zero
      figures[.vmalloc] = used < stacks ? used : used - stacks
    }
    figures[.zswap] = rest[.zswap]
    figures[.hugePages] = rest[.hugetlb]
    if rest[.hugetlb] == nil, let number = rest[.hugePages], let size = rest[.hugePageSize] {
      figures[.hugePages] = ByteCount(saturating: number.rawValue, times: size.rawValue)
    }
    figures[.free] = memory.free
    rank(figures)
  }

  private func bookAnonymous(_ pages: ByteCount?, _ figures: inout LedgerFigures) {
    guard let pages else { return }
    // Estimates may come to more than there is.
    let lazyFree = min(figures[.lazyFree] ?? .zero, pages)
    let seen = min(figures[.processes] ?? .zero, pages - lazyFree)
    figures[.lazyFree] = lazyFree
    figures[.processes] = seen
    figures[.otherProcesses] = pages - seen - lazyFree
  }

  private mutating func bookFiles(_ memory: MemInfo, _ rest: MemInfoRest, _ figures: inout LedgerFigures) {
    var held = ByteCount.zero, most = ByteCount.zero, largest = LedgerKind.tmpfs
    for i in LedgerKind.tmpfs.rawValue..<LedgerKind.otherShared.rawValue {
      guard let kind = LedgerKind(rawValue: i), let bytes = figures[kind] else { continue }
      held += bytes
      if bytes > most { (most, largest) = (bytes, kind) }
    }
    if let shmem = memory.shmem {
      filesInSwap = held - shmem
      figures[largest] = most - filesInSwap
      figures[.otherShared] = shmem - held
    }
    figures.add(figures.deletedOnRamfs, to: .deletedFiles)

    guard let cached = memory.cached else { return }
    let ram = (memory.shmem ?? held) + (figures[.ramfs] ?? .zero) + figures.deletedOnRamfs
    let pages = cached + (memory.buffers ?? .zero) - ram
    var dropped = pages
    if let active = rest[.activeFile], let inactive = rest[.inactiveFile] {
      dropped = min(pages, active + inactive - (figures[.lazyFree] ?? .zero))
    }
    figures[.pageCache] = dropped
    figures[.pinnedCache] = pages - dropped
  }

  private mutating func rank(_ figures: LedgerFigures) {
    var rest = Int64(clamping: total.rawValue)
    rows.reserveCapacity(LedgerKind.count)
    for i in 0..<UInt8(LedgerKind.count) {
      guard let kind = LedgerKind(rawValue: i) else { continue }
      var amount = rest
      if kind != .unexplained {
        guard let bytes = figures[kind] else { continue }
        amount = Int64(clamping: bytes.rawValue)
        rest &-= amount
      }
      rows.append(LedgerRow(kind: kind, bytes: amount))
      var k = rows.count - 1
      while k > 0, rows[k - 1].bytes < rows[k].bytes {
        rows.swapAt(k - 1, k)
        k -= 1
      }
    }
  }

  public var unexplained: Int64 { row(.unexplained)?.bytes ?? 0 }

  /// nil: the kernel does not say, or has no such thing.
  public func row(_ kind: LedgerKind) -> LedgerRow? {
    for row in rows where row.kind == kind { return row }
    return nil
  }

  public mutating func setParts(_ parts: [LedgerPart], of kind: LedgerKind) {
    for i in rows.indices where rows[i].kind == kind { rows[i].parts = parts }
  }
}

// Where all of MemTotal is: what the kernel counts and what was found, so put beside each other that nothing is counted
// twice. Pure: figures in, ranked rows out.
public import Samples

public enum LedgerKind: UInt8, Sendable {
  /// Anonymous memory of the processes seen, and of those not seen (other namespaces, hidepid); MADV_FREE pages.
  case processes, otherProcesses, lazyFree
  /// Files with a name on RAM filesystems, without a name, memfds, System V segments; shared memory that is none of them:
  /// shared mappings, covered mounts, those of other namespaces, graphics buffers.
  case tmpfs, ramfs, deletedFiles, memfds, sharedMemory, otherShared
  /// File pages that can be dropped; those that cannot: locked, in covered mounts, of a ramfs that is not seen.
  case pageCache, pinnedCache
  case slabReclaimable, slabUnreclaimable, kernelStacks, pageTables, perCPU, vmalloc, sockets
  case zram, zswap, hugePages, free, unexplained
  public static let count: UInt8 = 23
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

/// What the ledger is made of. nil is not known.
public struct LedgerFigures: Sendable {
  public var memory = MemInfo(), rest = MemInfoRest()
  public var processes = ProcessShare()
  /// On tmpfs and ramfs; of each what is held deleted is apart.
  public var tmpfs = ByteCount.zero, ramfs = ByteCount.zero
  public var deletedOnTmpfs = ByteCount.zero, deletedOnRamfs = ByteCount.zero
  public var memfds = ByteCount.zero, sharedMemory = ByteCount.zero
  public var sockets: ByteCount?, zram: ByteCount?
  public init() {}
}

public struct Ledger: Sendable {
  public let total: ByteCount
  /// Their sum is `total`. The largest first.
  public private(set) var rows = [LedgerRow]()
  /// Of the RAM files, as much as cannot be in RAM: they hold more than the kernel counts there. Taken off the largest
  /// of their rows.
  public private(set) var filesInSwap = ByteCount.zero
  private var explained: Int64 = 0

  public init(_ figures: LedgerFigures) {
    let memory = figures.memory, rest = figures.rest
    total = memory.total
    rows.reserveCapacity(Int(LedgerKind.count))

    // Estimates may come to more than there is.
    let anonymous = memory.anonPages ?? .max
    let lazyFree = min(figures.processes.lazyFree, anonymous)
    let seen = min(figures.processes.anonymous, anonymous - lazyFree)
    book(.processes, seen)
    book(.lazyFree, lazyFree)
    book(.otherProcesses, memory.anonPages.map { $0 - seen - lazyFree })

    var files: [(LedgerKind, ByteCount)] = [
      (.tmpfs, figures.tmpfs), (.deletedFiles, figures.deletedOnTmpfs), (.memfds, figures.memfds),
      (.sharedMemory, figures.sharedMemory),
    ]
    var held = ByteCount.zero, largest = 0
    for i in files.indices {
      held += files[i].1
      if files[i].1 > files[largest].1 { largest = i }
    }
    if let shmem = memory.shmem {
      filesInSwap = held - shmem
      files[largest].1 = files[largest].1 - filesInSwap
      book(.otherShared, shmem - held)
    }
    files[1].1 += figures.deletedOnRamfs
    for (kind, bytes) in files { book(kind, bytes) }
    book(.ramfs, figures.ramfs)

    if let cached = memory.cached {
      let ram = (memory.shmem ?? held) + figures.ramfs + figures.deletedOnRamfs
      let pages = cached + (memory.buffers ?? .zero) - ram
      var dropped = pages
      if let active = rest[.activeFile], let inactive = rest[.inactiveFile] {
        dropped = min(pages, active + inactive - lazyFree)
      }
      book(.pageCache, dropped)
      book(.pinnedCache, pages - dropped)
    }

    book(.slabReclaimable, memory.slabReclaimable)
    book(.slabUnreclaimable, memory.slabUnreclaimable ?? memory.slab)
    book(.kernelStacks, memory.kernelStack)
    book(.pageTables, memory.pageTables.map { $0 + (rest[.secondaryPageTables] ?? .zero) })
    book(.perCPU, memory.percpu)
    book(.vmalloc, vmalloc(memory, rest))
    book(.sockets, figures.sockets)
    book(.zram, figures.zram)
    book(.zswap, rest[.zswap])
    var huge = rest[.hugetlb]
    if huge == nil, let number = rest[.hugePages], let size = rest[.hugePageSize] {
      huge = ByteCount(saturating: number.rawValue, times: size.rawValue)
    }
    book(.hugePages, huge)
    book(.free, memory.free)
    rows.append(LedgerRow(kind: .unexplained, bytes: Int64(clamping: total.rawValue) &- explained))
    rank()
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

  private mutating func book(_ kind: LedgerKind, _ bytes: ByteCount?) {
    guard let bytes else { return }
    // No board has 2^60 bytes: a figure that says so is not worth a trap.
    let amount = Int64(clamping: min(bytes, ByteCount(1 << 60)).rawValue)
    explained &+= amount
    rows.append(LedgerRow(kind: kind, bytes: amount))
  }

  /// Kernel stacks are in it wherever it holds that much (CONFIG_VMAP_STACK).
  private func vmalloc(_ memory: MemInfo, _ rest: MemInfoRest) -> ByteCount? {
    guard let used = rest[.vmallocUsed], rest[.vmallocChunk] ?? .zero == .zero else { return nil }
    let stacks = memory.kernelStack ?? .zero
    return used < stacks ? used : used - stacks
  }

  private mutating func rank() {
    for i in rows.indices {
      var k = i
      while k > 0, rows[k - 1].bytes < rows[k].bytes {
        rows.swapAt(k - 1, k)
        k -= 1
      }
    }
  }
}

extension ByteCount {
  fileprivate static let max = ByteCount(.max)
}

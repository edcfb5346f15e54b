// The ledger counts every byte once, whatever a kernel says and does not say.
import Policy
import Samples
import Testing

private func sum(_ ledger: Ledger) -> Int64 { ledger.rows.reduce(0) { $0 &+ $1.bytes } }
private func kib(_ row: LedgerRow?) -> Int? { row.map { Int($0.bytes / 1024) } }

private struct Figures {
  var memory = MemInfo(), rest = MemInfoRest(), found = LedgerFigures()
  var ledger: Ledger { Ledger(memory, rest, found: found) }
}

/// A board of 64 MB with something of everything: 10 MB on tmpfs and 6 MB on ramfs are cached, too.
private func board() -> Figures {
  var figures = Figures()
  figures.memory.total = .kib(60_000)
  figures.memory.free = .kib(5000)
  figures.memory.buffers = .kib(500)
  figures.memory.cached = .kib(24_000)
  figures.memory.shmem = .kib(12_000)
  figures.memory.anonPages = .kib(15_000)
  (figures.memory.slabReclaimable, figures.memory.slabUnreclaimable) = (.kib(2000), .kib(6000))
  (figures.memory.kernelStack, figures.memory.pageTables) = (.kib(700), .kib(600))
  figures.rest.set(0, .kib(3000))
  figures.rest.set(1, .kib(3200))
  figures.rest.set(2, .kib(4700))
  figures.found[.processes] = .kib(13_000)
  figures.found[.lazyFree] = .kib(1000)
  (figures.found[.tmpfs], figures.found[.deletedFiles]) = (.kib(8000), .kib(2000))
  (figures.found[.ramfs], figures.found.deletedOnRamfs) = (.kib(5000), .kib(1000))
  (figures.found[.memfds], figures.found[.sharedMemory]) = (.kib(700), .kib(300))
  return figures
}

@Test func everyByteIsCountedOnceAndTheRowsAreRanked() {
  let ledger = board().ledger
  #expect(sum(ledger) == 60_000 * 1024 && ledger.total == .kib(60_000))
  #expect(kib(ledger.row(.processes)) == 13_000 && kib(ledger.row(.lazyFree)) == 1000)
  #expect(kib(ledger.row(.otherProcesses)) == 1000)
  #expect(kib(ledger.row(.tmpfs)) == 8000 && kib(ledger.row(.ramfs)) == 5000)
  #expect(kib(ledger.row(.deletedFiles)) == 3000 && kib(ledger.row(.memfds)) == 700)
  #expect(kib(ledger.row(.otherShared)) == 1000)
  // 24000 + 500 - 12000 - 6000, of which the lists of droppable pages hold 6200, with what was lazily freed.
  #expect(kib(ledger.row(.pageCache)) == 5200 && kib(ledger.row(.pinnedCache)) == 1300)
  #expect(kib(ledger.row(.vmalloc)) == 4000)
  #expect(ledger.unexplained == (60_000 - 5000 - 15_000 - 24_500 - 8000 - 700 - 600 - 4000) * 1024)
  for (a, b) in zip(ledger.rows, ledger.rows.dropFirst()) { #expect(a.bytes >= b.bytes) }
  #expect(ledger.filesInSwap == .zero)
}

@Test func whatAKernelDoesNotSayIsAbsentAndTheSumHoldsAllTheSame() {
  var figures = Figures()
  figures.memory.total = .kib(60_000)
  figures.memory.free = .kib(1000)
  let bare = figures.ledger
  #expect(sum(bare) == 60_000 * 1024 && bare.unexplained == 59_000 * 1024)
  for kind: LedgerKind in [.pageCache, .slabReclaimable, .kernelStacks, .perCPU, .vmalloc, .sockets, .zram, .hugePages]
  {
    #expect(bare.row(kind) == nil)
  }
  // Linux 2.6: one figure for slab, no Shmem, no lists of file pages.
  figures = board()
  (figures.memory.slabReclaimable, figures.memory.slabUnreclaimable, figures.memory.slab) = (nil, nil, .kib(8000))
  figures.memory.shmem = nil
  figures.rest = MemInfoRest()
  let old = figures.ledger
  #expect(sum(old) == 60_000 * 1024 && kib(old.row(.slabUnreclaimable)) == 8000)
  #expect(old.row(.otherShared) == nil && kib(old.row(.tmpfs)) == 8000)
  #expect(kib(old.row(.pageCache)) == 24_500 - 11_000 - 6000)
}

@Test func vmallocWasARangeOfAddressesOnceAndNeedNotHoldTheStacks() {
  var figures = board()
  figures.rest.set(3, .kib(1))
  #expect(figures.ledger.row(.vmalloc) == nil)
  figures = board()
  figures.rest.set(2, .kib(300))
  #expect(kib(figures.ledger.row(.vmalloc)) == 300)
}

@Test func hugePagesAreTheirBytesOrTheirNumber() {
  var figures = board()
  figures.rest.set(7, ByteCount(3))
  figures.rest.set(8, .mib(2))
  #expect(kib(figures.ledger.row(.hugePages)) == 6 * 1024)
  figures.rest.set(6, .mib(10))
  #expect(kib(figures.ledger.row(.hugePages)) == 10 * 1024)
}

@Test func filesThatHoldMoreThanIsInRAMAreInSwap() {
  var figures = board()
  figures.found[.tmpfs] = .kib(30_000)
  let ledger = figures.ledger
  #expect(ledger.filesInSwap == .kib(30_000 + 3000 - 12_000) && kib(ledger.row(.tmpfs)) == 9000)
  #expect(kib(ledger.row(.otherShared)) == 0 && sum(ledger) == 60_000 * 1024)
}

@Test func estimatesAreNoMoreThanThereIs() {
  var figures = board()
  figures.found[.processes] = .mib(500)
  let ledger = figures.ledger
  #expect(kib(ledger.row(.processes)) == 14_000 && kib(ledger.row(.otherProcesses)) == 0)
}

@Test func figuresThatContradictEachOtherAreToldAsCountedTwice() {
  var figures = board()
  figures.memory.free = .kib(30_000)
  #expect(figures.ledger.unexplained < 0 && sum(figures.ledger) == 60_000 * 1024)
}

@Test func hostileFiguresTrapNowhere() {
  for n: UInt64 in [.max, .max / 2, 1 << 62, 0, 1] {
    var figures = board()
    let huge = ByteCount(n)
    (figures.memory.total, figures.memory.free, figures.memory.cached, figures.memory.shmem) = (huge, huge, huge, huge)
    for i in 0..<UInt8(LedgerKind.count) { figures.found[LedgerKind(rawValue: i)!] = huge }
    figures.found.deletedOnRamfs = huge
    figures.memory.anonPages = huge
    for i in 0..<MemInfoRest.count { figures.rest.set(i, huge) }
    let ledger = figures.ledger
    #expect(sum(ledger) == Int64(clamping: n))
  }
}

// MARK: - Processes

private func comm(_ name: String) -> Comm {
  var comm = Comm()
  for byte in name.utf8 { comm.append(byte) }
  return comm
}
private func share(_ anonymous: UInt64, file: UInt64 = 0) -> ProcessShare {
  var share = ProcessShare()
  (share.anonymous, share.file) = (.kib(anonymous), .kib(file))
  return share
}

@Test func processesAreAddedUpByWorkerAndByName() {
  var tally = ProcessTally()
  tally.add(share(100), pid: 1, comm: comm("init"), worker: [])
  for pid: Int32 in 10..<14 { tally.add(share(UInt64(pid)), pid: pid, comm: comm("httpd"), worker: Bytes("web")) }
  // The same name, of no worker.
  tally.add(share(7), pid: 20, comm: comm("httpd"), worker: [])
  tally.add(share(9, file: 500), pid: 21, comm: comm("httpd"), worker: [])
  for pid: Int32 in 30..<40 { tally.add(share(1), pid: pid, comm: comm("small\(pid)"), worker: []) }
  let parts = tally.holders(others: 2)
  #expect(parts.map { $0.kind } == [.command, .worker, .command, .rest])
  #expect(parts.map { $0.name } == [Bytes("init"), Bytes("web"), Bytes("httpd"), []])
  #expect(parts.map { $0.processes } == [1, 4, 2, 10])
  #expect(parts.map { $0.pid } == [1, 13, 21, 0])
  #expect(parts.map { $0.bytes } == [.kib(100), .kib(46), .kib(16), .kib(10)])
  #expect(parts[1].worker == Bytes("web") && parts[2].pss == .kib(516))
  #expect(tally.mappers(shared: false, most: 3).map { $0.name } == [Bytes("httpd")])
  #expect(tally.mappers(shared: true, most: 3).isEmpty)
}

@Test func aThousandNamesAreBoundedAndNoneIsLostFromTheSum() {
  var tally = ProcessTally()
  for pid: Int32 in 1...1000 { tally.add(share(10), pid: pid, comm: comm("n\(pid)"), worker: []) }
  #expect(tally.processes == 1000)
  let parts = tally.holders(others: 8)
  #expect(parts.count == 9 && parts.last?.processes == 992 && parts.last?.bytes == .kib(9920))
}

// A walk over a process's heap, in slices: mappings, arenas, each heap's chunks, free lists, mapped chunks. The process is
// not stopped; what changed too often is said to be missing. Reads only.
import CLinux
public import Samples

public final class HeapWalk {
  private enum Phase: Equatable {
    case maps, variables, arenas, heap(Int), lists(Int), mapped, done
  }
  /// The outcome, once `step` has said true.
  public private(set) var usage = HeapUsage()
  /// Why there is no outcome: the process went away, or may not be read.
  public private(set) var failure: Absence?

  private let memory: any HeapMemory
  private let clock: () -> Int64
  private let layout: HeapLayout
  private let window: HeapWindow
  private let lists: HeapLists
  private var phase = Phase.maps
  private var map = HeapMap()
  private let mapText = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
  private var mapTextHeld = 0, hasMappings = false
  private var arenas: HeapArenas
  private var places = [HeapPlace]()
  private var chain: HeapChain?
  private var listLeft = HeapWalk.listMaximum
  private var list: FastList?, listTries = 0
  private var mappedSearch = HeapMapped(), hasParameters = false

  /// All of the walk's work together.
  static let timeMaximum: Int64 = 2_000_000
  /// Entries of free lists followed; each costs a read of 1 to 2 µs.
  static let listMaximum = 100_000
  static let arenaMaximum = 256

  /// `clock` in microseconds.
  public init(_ memory: any HeapMemory, _ layout: HeapLayout, clock: @escaping () -> Int64 = { heap_microseconds() }) {
    self.memory = memory
    self.layout = layout
    self.clock = clock
    window = HeapWindow(memory, word: layout.word)
    lists = HeapLists(layout: layout, window: window)
    arenas = HeapArenas(layout, map)
    usage.bits = UInt8(layout.word * 8)
  }
  deinit { mapText.deallocate() }

  /// Works for about that long. True when the walk is over: `failure` or `usage` then tells.
  public func step(for slice: Milliseconds) -> Bool {
    if phase == .done { return true }
    let start = clock()
    usage.slices += 1
    var now = start
    repeat {
      advance()
      if let why = window.failure {
        failure = why
        phase = .done
      }
      now = clock()
      if usage.microseconds + (now - start) > Self.timeMaximum, phase != .done { giveUp() }
    } while phase != .done && now - start < slice.rawValue * 1000
    usage.microseconds += now - start
    usage.bytesRead = window.bytesRead
    return phase == .done
  }

  private func advance() {
    switch phase {
    case .maps: readMaps()
    case .variables: if arenas.searchVariables(window) { phase = .arenas }
    case .arenas: if arenas.searchHeaps(window, places: 64) { begin() }
    case .heap(let i): walkHeap(i)
    case .lists(let i): countLists(i)
    case .mapped: searchMapped()
    case .done: break
    }
  }

  // MARK: Mappings

  private func readMaps() {
    let n = memory.readMaps(into: UnsafeMutableRawBufferPointer(rebasing: mapText[mapTextHeld...]))
    guard n > 0 else {
      // A process that has ended has no mappings, a living one has.
      if n < 0 || !hasMappings { failure = n < 0 ? Absence(errno: Int32(-n)) : .gone }
      phase = failure == nil ? .variables : .done
      if failure == nil { recognise() }
      return
    }
    hasMappings = true
    let held = mapTextHeld + n
    let taken = map.take(UnsafeRawBufferPointer(rebasing: mapText[..<held]).bindMemory(to: UInt8.self).span)
    // A line longer than the buffer: its region is not one of the heap's.
    let used = taken == 0 && held == mapText.count ? held : taken
    for i in used..<held { mapText[i &- used] = mapText[i] }
    mapTextHeld = held - used
  }

  private func recognise() {
    usage.allocator = map.allocator
    // Without a C library among the files it may be in the program: what its variables look like decides.
    let isWalkable = map.allocator == .glibc || (map.allocator == .unknown && map.isStatic)
    if !isWalkable {
      usage.gaps.insert(.unwalkable)
      phase = .done
    }
    arenas = HeapArenas(layout, map)
    if map.isCut { usage.gaps.insert(.bound) }
  }

  // MARK: Heaps

  private func begin() {
    if usage.allocator == .unknown {
      guard arenas.mainArena != nil else {
        usage.gaps.insert(.unwalkable)
        phase = .done
        return
      }
      usage.allocator = .glibc
    }
    if arenas.isCut { usage.gaps.insert(.bound) }
    if let main = arenas.mainHeap { places.append(main) }
    places += arenas.heaps
    usage.arenas.append(ArenaUsage(isMain: true))
    phase = .heap(0)
  }

  private var arenaAddresses = [UInt64]()
  /// Which of `usage.arenas`; the last one takes what is beyond the bound.
  private func arenaIndex(_ place: HeapPlace) -> Int {
    guard !place.isMain, let address = place.arena else { return 0 }
    if let known = arenaAddresses.firstIndex(of: address) { return known + 1 }
    guard arenaAddresses.count < Self.arenaMaximum else { return usage.arenas.count - 1 }
    arenaAddresses.append(address)
    usage.arenas.append(ArenaUsage(isMain: false))
    return usage.arenas.count - 1
  }

  private func walkHeap(_ i: Int) {
    guard i < places.count else {
      phase = .lists(0)
      return
    }
    let place = places[i]
    guard let chain else {
      let lists = lists
      chain = HeapChain(
        window, layout, first: place.first, end: place.end, limit: place.limit, isMain: place.isMain,
        topPointer: place.arena.map { $0 + layout.topOffset }, cached: { lists.cached(in: $0) })
      return
    }
    switch chain.step() {
    case .goesOn: return
    case .done: take(chain, place, unread: 0)
    case .stuck(let gap):
      usage.gaps.insert(gap)
      take(chain, place, unread: chain.end - min(chain.position, chain.end))
    }
    self.chain = nil
    phase = .heap(i + 1)
  }

  private func take(_ chain: HeapChain, _ place: HeapPlace, unread: UInt64) {
    let k = arenaIndex(place)
    let size = chain.end - chain.first + place.overhead
    var free = chain.topSize
    for j in 0..<SizeClasses.count { free &+= chain.sums.free.bytes[j] }
    usage.arenas[k].heaps += 1
    usage.arenas[k].system &+= size
    usage.arenas[k].top &+= chain.topSize
    usage.arenas[k].free &+= free
    usage.arenas[k].unread &+= unread
    usage.arenas[k].inUse &+= size - min(size, free &+ unread)
    usage.sums.add(chain.sums)
    usage.retries += chain.retries
  }

  // MARK: Free lists

  /// Some chunks of one fastbin of one arena. A list of a busy arena changes as it is followed: tried again, then left out.
  private func countLists(_ n: Int) {
    let bins = Int(layout.fastbins)
    let k = n / bins
    guard k <= arenaAddresses.count, listLeft > 0 else {
      if k <= arenaAddresses.count { usage.gaps.insert(.bound) }
      phase = .mapped
      return
    }
    guard let arena = k == 0 ? arenas.mainArena : arenaAddresses[k - 1],
      var list = list ?? FastList(layout, of: arena, bin: UInt64(n % bins), window)
    else {
      phase = .lists(n + 1)
      return
    }
    for _ in 0..<64 {
      listLeft -= 1
      switch list.step(window) {
      case .goesOn: continue
      case .end:
        let moved = min(list.bytes, usage.arenas[k].inUse)
        usage.arenas[k].fast &+= moved
        usage.arenas[k].free &+= moved
        usage.arenas[k].inUse &-= moved
        finishList(n)
        return
      case .broken:
        self.list = nil
        listTries += 1
        if listTries == 4 {
          usage.gaps.insert(.changed)
          finishList(n)
        }
        return
      }
    }
    self.list = list
  }
  private func finishList(_ n: Int) {
    list = nil
    listTries = 0
    phase = .lists(n + 1)
  }

  // MARK: Mapped chunks

  private func searchMapped() {
    if !hasParameters { readParameters() }
    let isAllFound = arenas.parameters != nil && mappedSearch.bytes >= usage.mapped
    if isAllFound || mappedSearch.step(window, map, arenas, sums: &usage.sums) { finish() }
  }

  private func readParameters() {
    hasParameters = true
    guard let parameters = arenas.parameters,
      let bytes = window.wordNow(parameters - layout.mappedBytesBefore),
      window.load(parameters - arenas.countBefore, end: parameters) == .bytes(Int(arenas.countBefore)),
      let count = window.integerHeld(parameters - arenas.countBefore)
    else { return }
    usage.mapped = bytes
    usage.mappedChunks = UInt64(count)
  }

  // MARK: The end

  private func finish() {
    usage.mappedFound = mappedSearch.bytes
    if arenas.parameters == nil { (usage.mapped, usage.mappedChunks) = (mappedSearch.bytes, mappedSearch.chunks) }
    checkMain()
    phase = .done
  }

  /// The arena says how much it has: more than was found is elsewhere, as when brk failed and it turned to mmap.
  private func checkMain() {
    guard let arena = arenas.mainArena, let system = window.wordNow(arena + layout.systemOffset) else { return }
    let found = usage.arenas[0].system
    // The heap may have grown by a few steps since it was walked.
    if system > found, system - found > max(found / 20, 1 << 20), system < 1 << 46 {
      usage.gaps.insert(.elsewhere)
      usage.arenas[0].unread &+= system - found
      usage.arenas[0].system = system
    }
  }

  private func giveUp() {
    usage.gaps.insert(.bound)
    if let chain, case .heap(let i) = phase {
      take(chain, places[i], unread: chain.end - min(chain.position, chain.end))
      self.chain = nil
      for place in places[(i + 1)...] {
        let k = arenaIndex(place)
        usage.arenas[k].heaps += 1
        usage.arenas[k].system &+= place.end - place.first + place.overhead
        usage.arenas[k].unread &+= place.end - place.first + place.overhead
      }
    }
    finish()
  }
}

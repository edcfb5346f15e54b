// Where glibc's malloc keeps what (malloc/malloc.c, malloc/arena.c), from 2.31 to 2.41, on 64 and 32 bits.

/// Offsets and sizes in bytes. `struct malloc_state` is an arena; `heap_info` stands at the start of each heap of a
/// thread arena; a chunk is prev_size, size with three flag bits, then what the program got.
public struct HeapLayout: Equatable, Sendable {
  public let word: UInt64
  /// MALLOC_ALIGNMENT.
  public let alignment: UInt64

  /// Of what an ELF file's header says: EI_CLASS 2 is 64-bit; i386 (3) and PowerPC (20) align to 16 on 32 bits too.
  public init(is64Bit: Bool, machine: UInt16) {
    word = is64Bit ? 8 : 4
    alignment = is64Bit || machine == 3 || machine == 20 ? 16 : 8
  }

  static let previousInUse: UInt64 = 1, isMapped: UInt64 = 2, nonMain: UInt64 = 4, flags: UInt64 = 7

  var header: UInt64 { 2 * word }
  var minimum: UInt64 { 4 * word }
  /// sizeof(struct malloc_chunk), which malloc_trim leaves alone at a free chunk's start.
  var freeHeader: UInt64 { 6 * word }
  /// HEAP_MAX_SIZE, which heaps of thread arenas are aligned to.
  var heapMaximum: UInt64 { word == 8 ? 64 << 20 : 1 << 20 }

  // struct malloc_state: mutex, flags, have_fastchunks, fastbinsY, top, last_remainder, bins, binmap, next, …
  var fastbins: UInt64 { word == 4 && alignment == 16 ? 11 : 10 }
  var fastbinsOffset: UInt64 { word == 8 ? 16 : 12 }
  var topOffset: UInt64 { fastbinsOffset + fastbins * word }
  var binsOffset: UInt64 { topOffset + 2 * word }
  static let bins: UInt64 = 127
  var nextOffset: UInt64 { binsOffset + 2 * Self.bins * word + 16 }
  var systemOffset: UInt64 { nextOffset + 3 * word }
  var arenaSize: UInt64 { nextOffset + 5 * word }
  func fastbinSize(_ i: UInt64) -> UInt64 { (i + 2) << (word == 8 ? 4 : 3) }

  /// sizeof(heap_info): up to 2.34, and since. A thread arena stands right behind it in its first heap.
  func isHeapInfo(_ size: UInt64) -> Bool {
    size == (word == 8 ? 32 : alignment == 16 ? 24 : 16) || size == (word == 8 ? 48 : 24)
  }

  /// struct tcache_perthread_struct in its chunk: 64 counts of 16 bits, then 64 pointers.
  static let caches: UInt64 = 64
  var cacheChunk: UInt64 { rounded(Self.caches * (2 + word) + word) }
  func cacheSize(_ i: UInt64) -> UInt64 { minimum + i * alignment }

  // struct malloc_par, backwards from sbrk_base: max_mmapped_mem, mmapped_mem, four ints from n_mmaps on; since 2.35 they
  // stand behind another one, which on 64 bits leaves a gap of 4 bytes here.
  var mappedBytesBefore: UInt64 { 2 * word }
  var mappedCountsBefore: [UInt64] { word == 8 ? [36, 32] : [24] }

  func rounded(_ size: UInt64) -> UInt64 { (size &+ alignment &- 1) & ~(alignment &- 1) }
  /// Where the first chunk at or behind this address stands: chunk + header is aligned.
  func firstChunk(_ address: UInt64) -> UInt64 { rounded(address &+ header) &- header }
  func isChunk(_ address: UInt64) -> Bool { address != 0 && (address &+ header) & (alignment &- 1) == 0 }
}

import Testing

@testable import Samples

private func text(_ body: (inout Bytes) -> Void) -> String {
  var out = Bytes()
  body(&out)
  return String(decoding: out, as: UTF8.self)
}

@Test func amountsSaturateInsteadOfTrapping() {
  let most = ByteCount(.max)
  #expect(most + ByteCount(1) == most)
  #expect(ByteCount.zero - most == .zero)
  #expect(most - ByteCount(1) == ByteCount(.max - 1))
  #expect(ByteCount.kib(.max) == most)
  #expect(ByteCount.mib(1 << 44) == most)
  #expect(ByteCount.mib((1 << 44) - 1).rawValue == UInt64.max - (1 << 20) + 1)
}

@Test(arguments: [
  (0, 10_000, 0), (10_000, 8500, 8500), (9_999, 8500, 8499), (1, 9_999, 0), (UInt64.max, 10_000, .max),
  (UInt64.max, 5_000, .max / 2), (UInt64.max, 1, 1_844_674_407_370_955), (UInt64.max, UInt32.max, .max),
  (UInt64.max, 10_001, .max), (123_456_789, 0, 0),
])
func aShareIsRoundedDownAndNeverOverflows(of amount: UInt64, permyriad: UInt32, expected: UInt64) {
  #expect(ByteCount(amount).share(Permyriad(permyriad)).rawValue == expected)
}

@Test func anInstantTooFarAheadIsTheLastInstant() {
  #expect(Instant(milliseconds: .max - 5) + .seconds(1) == Instant(milliseconds: .max))
  #expect(Instant(milliseconds: 0) + .seconds(1) - Instant(milliseconds: 0) == .seconds(1))
}

@Test(arguments: [
  (UInt64(0), "0"), (9, "9"), (10, "10"), (99_999, "99999"), (.max, "18446744073709551615"),
  (10_000_000_000_000_000_000, "10000000000000000000"), (9_999_999_999_999_999_999, "9999999999999999999"),
])
func aNumberIsWrittenWithAllItsDigits(_ n: UInt64, _ expected: String) {
  #expect(text { $0.write(n) } == expected)
}

@Test func theSmallestNumberIsWrittenToo() {
  #expect(text { $0.write(Int64.min) } == "-9223372036854775808")
  #expect(text { $0.write(Int32.min) } == "-2147483648")
}

@Test func writtenNumbersAreReadBack() {
  var n: UInt64 = 1
  for _ in 0..<2000 {
    n = n &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let value = n >> (n & 63)
    var out = Bytes()
    out.write(value)
    var s = ByteScanner(out.span)
    #expect(s.number() == value)
    #expect(s.isAtEnd == true)
  }
}

@Test func aCommHoldsSixtyFourBytesAndNoMore() {
  var comm = Comm()
  for i in 0..<100 { comm.append(UInt8(i)) }
  #expect(comm.count == 64)
  #expect(comm.array == Bytes(0..<64))
  #expect(comm.equals(Bytes(0..<64)))
  #expect(!comm.equals(Bytes(0..<63)) && !comm.equals([]))
}

@Test func figuresDerivedFromHostileOnesAreNeverNegative() {
  var statm = Statm()
  statm.resident = .kib(4)
  statm.shared = .kib(8)
  #expect(statm.anonymous == .zero)
  var rollup = SmapsRollup()
  (rollup.privateClean, rollup.privateDirty, rollup.lazyFree) = (ByteCount(.max), ByteCount(.max), .kib(4))
  #expect(rollup.uss.rawValue == UInt64.max - 4096)
}

@Test func withoutMemAvailableWhatLivesOnRAMFilesystemsIsNotUsable() {
  var memory = MemInfo()
  (memory.free, memory.buffers, memory.cached) = (.mib(10), .mib(1), .mib(30))
  // 20 MiB on tmpfs; 8 MiB unevictable of which 3 are locked by processes: 5 on ramfs.
  (memory.shmem, memory.unevictable, memory.mlocked) = (.mib(20), .mib(8), .mib(3))
  #expect(memory.usable == .mib(16))
  memory.shmem = .mib(500)
  #expect(memory.usable == .mib(11))
  memory.available = .mib(2)
  #expect(memory.usable == .mib(2))
}

import Foundation
import Samples
import Testing

@testable import Kernel

@Test func aModernBoardSaysItAll() throws {
  let reader = recorded("modern")
  let info = try reader.memInfo()
  #expect(info.total == .kib(24_684_092) && info.free == .kib(23_005_168) && info.available == .kib(24_212_964))
  #expect(info.swapTotal == .zero && info.percpu != nil && info.slabUnreclaimable != nil)
  #expect(try reader.pressure() == Pressure())
  #expect(try reader.vmStat().oomKills == 0)
  #expect(try reader.bootID() == Bytes("0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"))
}

@Test func anOldBoardIsReadWithoutWhatItLacks() throws {
  let reader = recorded("linux44")
  let info = try reader.memInfo()
  #expect(info.available == nil && info.percpu == nil)
  // Free + buffers + cached, less 8000 kB on tmpfs and 12000 kB on ramfs.
  #expect(info.usable == .kib(4012 + 808 + 30120 - 8000 - 12000))
  #expect(absence { () throws(Absence) in try reader.pressure() } == .unsupported)
  #expect(absence { () throws(Absence) in try reader.bootID() } == .unsupported)
  let vm = try reader.vmStat()
  #expect(vm.directScans == 42 && vm.allocationStalls == 3 && vm.majorFaults == 120 && vm.oomKills == nil)
  #expect(try reader.lastPid() == 812)
}

@Test func pressureIsAShareInHundredthsOfAPerCent() throws {
  let text = Bytes(
    """
    some avg10=12.34 avg60=100.00 avg300=0.00 total=18446744073709551615
    full avg10=0.07 avg60=1.50 avg300=0.00 total=42

    """)
  let parsed = parsePressure(text.span)
  let pressure = try #require(parsed)
  #expect(pressure.someAvg10 == Permyriad(1234) && pressure.someAvg60 == Permyriad(10000))
  #expect(pressure.someTotalMicroseconds == .max)
  #expect(pressure.fullAvg10 == Permyriad(7) && pressure.fullAvg60 == Permyriad(150))
}

@Test func mountsAreToldApartAndTheirNamesUnescaped() throws {
  let mounts = try recorded("modern").mounts()
  #expect(mounts.count == 8)
  #expect(
    mounts[5]
      == Mount(
        device: Device(major: 0, minor: 33), root: Bytes("/"), point: Bytes("/var/log"), kind: .tmpfs, readOnly: false))
  #expect(mounts[6].kind == .ramfs)
  #expect(mounts[6].point == Bytes("/var/my logs\\x"))
  #expect(mounts[7].root == Bytes("/httpd") && mounts[7].readOnly)
  #expect(mounts[3].kind == .other && !mounts[3].readOnly)
}

@Test func aCgroupOfVersionTwo() throws {
  let reader = recorded("modern")
  #expect(reader.cgroup?.version == .v2)
  let memory = try reader.cgroupMemory(100)
  #expect(memory.current == ByteCount(9_871_360) && memory.max == nil && memory.high == .mib(16))
  #expect(memory.peak == .mib(12) && memory.inactiveFile == .mib(2) && memory.shmem == .mib(1))
  #expect(memory.anon == ByteCount(4_096_000))
  #expect(memory.highEvents == 31 && memory.maxEvents == 2 && memory.oomKills == 1)
  // The root of v2 has no figures.
  #expect(absence { () throws(Absence) in try reader.cgroupMemory(300) } == .unsupported)
}

@Test func aCgroupOfVersionOne() throws {
  let reader = recorded("linux44")
  #expect(reader.cgroup?.version == .v1)
  let memory = try reader.cgroupMemory(100)
  #expect(memory.current == ByteCount(3_801_088) && memory.max == nil && memory.high == nil)
  #expect(memory.peak == .mib(4) && memory.inactiveFile == ByteCount(3000) && memory.anon == ByteCount(20000))
  #expect(memory.shmem == ByteCount(512))
  #expect(memory.oomKills == nil)
  #expect(absence { () throws(Absence) in try reader.cgroupMemory(4711) } == .gone)
}

@Test func aProcessIsInItsCgroupAndInThoseAbove() throws {
  let reader = recorded("modern")
  #expect(try reader.isInCgroup(100, Bytes("/system.slice/lighttpd.service")))
  #expect(try reader.isInCgroup(100, Bytes("/system.slice/")))
  #expect(try !reader.isInCgroup(100, Bytes("/system.slice/lighttpd")))
  #expect(try recorded("linux44").isInCgroup(100, Bytes("/a:b, c/d")))
}

@Test func aModernKernelLacksLittle() {
  let features = Features.probe(recorded("modern"))
  #expect(features.smapsRollup && features.memAvailable && features.pressure && !features.swap)
  #expect(features.cgroup?.version == .v2)
  #expect(features.hidepid == 2)
}

@Test func anOldKernelIsToldWhatWouldHelp() {
  let features = Features.probe(recorded("linux44"))
  #expect(!features.smapsRollup && features.smaps && !features.memAvailable && !features.pressure)
  #expect(features.cgroup?.version == .v1 && features.hidepid == 2 && !features.readsOthers)
  let sentences = features.missing.map(\.description)
  #expect(sentences.contains { $0.contains("4.14") })
  #expect(sentences.contains { $0.contains("CONFIG_PSI") })
  #expect(sentences.contains { $0.contains("hidepid") })
}

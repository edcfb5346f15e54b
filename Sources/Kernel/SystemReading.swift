// The files that speak for the whole board. One that is not there is unsupported by this kernel, never gone.
import CLinux
public import Samples

extension KernelReader {
  /// /proc/meminfo.
  public func memInfo() throws(Absence) -> MemInfo {
    if memInfoFile == nil { memInfoFile = try openSystem("/meminfo") }
    return try parsed(again: memInfoFile?.number, parseMemInfo)
  }

  /// /proc/pressure/memory: `unsupported` without CONFIG_PSI or with psi=0.
  public func pressure() throws(Absence) -> Pressure { try system("/pressure/memory", parsePressure) }

  /// /proc/vmstat.
  public func vmStat() throws(Absence) -> VMStat { try system("/vmstat", records: true, parseVMStat) }

  /// The fifth field of /proc/loadavg: it changes whenever a process or thread was created.
  public func lastPid() throws(Absence) -> Int32 {
    if loadAverageFile == nil { loadAverageFile = try openSystem("/loadavg") }
    return try parsed(again: loadAverageFile?.number, parseLastPid)
  }

  /// /proc/sys/kernel/random/boot_id: 36 bytes, one per run of the kernel.
  public func bootID() throws(Absence) -> Bytes { try system("/sys/kernel/random/boot_id", parseBootID) }

  /// /proc/self/mountinfo, in mount order: of several mounts at one point the last covers the others.
  public func mounts() throws(Absence) -> [Mount] { try system("/self/mountinfo", records: true, parseMounts) }

  /// Tells one state of /proc/self/mountinfo from another without taking it apart: FNV-1a of its bytes.
  public func mountsFingerprint() throws(Absence) -> UInt32 {
    try system("/self/mountinfo", records: true) { text in
      var hash: UInt32 = 2_166_136_261
      for i in 0..<text.count { hash = (hash ^ UInt32(text[i])) &* 16_777_619 }
      return hash
    }
  }

  /// statfs(2). `unsupported` for ramfs and for a tmpfs without a bound, which answer 0 of 0: walk those.
  public func usage(of mount: Mount) throws(Absence) -> FileSystemUsage {
    setPath(mount.point)
    var found = reading_filesystem()
    let result = path.withUnsafeBufferPointer { $0.baseAddress.map { reading_statfs($0, &found) } ?? -EINVAL }
    guard result == 0 else { throw Absence(errno: -result) }
    guard found.magic != Self.ramfsMagic, found.blocks > 0 else { throw .unsupported }
    var usage = FileSystemUsage()
    usage.size = ByteCount(saturating: found.blocks, times: found.block_size)
    usage.used = ByteCount(saturating: found.blocks - min(found.blocks_free, found.blocks), times: found.block_size)
    usage.files = found.files - min(found.files_free, found.files)
    usage.filesMaximum = found.files > 0 ? found.files : nil
    return usage
  }
  /// RAMFS_MAGIC of include/uapi/linux/magic.h.
  private static let ramfsMagic: UInt64 = 0x8584_58f6

  private func openSystem(_ name: StaticString) throws(Absence) -> Descriptor {
    setPath(roots.proc, name)
    do throws(Absence) { return try openPath() } catch { throw error == .gone ? .unsupported : error }
  }

  /// From the start again of a file whose descriptor is kept: half the cost of opening it anew.
  private func parsed<Value>(again file: Int32?, _ parse: (Span<UInt8>) -> Value?) throws(Absence) -> Value {
    guard let file else { throw .notRead }
    let n = Int(reading_read_start(file, buffer.baseAddress, buffer.count))
    if n < 0 { throw Absence(errno: Int32(-n)) }
    return try parsed(n, parse)
  }

  func system<Value>(
    _ name: StaticString, records: Bool = false, _ parse: (Span<UInt8>) -> Value?
  ) throws(Absence) -> Value {
    setPath(roots.proc, name)
    let length: Int
    do throws(Absence) { length = try load(records: records) } catch { throw error == .gone ? .unsupported : error }
    return try parsed(length, parse)
  }
}

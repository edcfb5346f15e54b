// What RAM filesystems hold beside the logs that are watched: used bytes less the logs'. The logs are known exactly at
// every look, the rest is measured once a tick: together they are up to date without a statfs for every line written.
import CLinux
import Kernel
import Report
import Samples

final class RAMUsage {
  private struct Part {
    let mount: Mount
    let record: FileSystemRecord
    /// Held by everything but watched logs and known archives; nil until it is known.
    var others: ByteCount?
    /// nil for ramfs, which has no size of its own.
    var size: ByteCount?
    /// The result of the last walk, on ramfs: while it stays the same, so do the others.
    var walked = ByteCount.zero
  }
  private var parts = [Part]()
  private var mountsCount: UInt64 = 0

  /// Once per tick, after the filesystems' own. `ours`: what watched logs and archives hold on a device.
  func refresh(_ fileSystems: RAMFileSystems, _ reader: KernelReader, ours: (Device) -> ByteCount) {
    if mountsCount != fileSystems.mountsCount {
      mountsCount = fileSystems.mountsCount
      let old = parts
      parts = []
      fileSystems.forEachShown { mount, record in
        parts.append(old.first { $0.record === record } ?? Part(mount: mount, record: record))
      }
    }
    for i in parts.indices {
      do throws(Absence) {
        let usage = try reader.usage(of: parts[i].mount)
        parts[i].size = usage.size
        parts[i].others = usage.used - ours(parts[i].mount.device)
      } catch {
        if error == .gone { parts[i].others = nil }
        guard error == .unsupported, let usage = parts[i].record.usage, usage.complete, usage.used != parts[i].walked
        else { continue }
        parts[i].walked = usage.used
        parts[i].others = usage.used - ours(parts[i].mount.device)
      }
    }
  }

  /// On one device, or on all; nil while it is not known, or when there is no such RAM filesystem.
  func others(on device: Device?) -> ByteCount? {
    var sum: ByteCount?
    for part in parts where device == nil || part.mount.device == device {
      if let others = part.others { sum = (sum ?? .zero) + others }
    }
    return sum
  }

  /// What a share is a share of: the size, or RAM where there is none.
  func size(of device: Device, ram: ByteCount) -> ByteCount {
    for part in parts where part.mount.device == device { return part.size ?? ram }
    return ram
  }

  func isRAM(_ device: Device) -> Bool { parts.contains { $0.mount.device == device } }
}

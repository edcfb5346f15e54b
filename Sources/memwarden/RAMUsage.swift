// What RAM filesystems hold beside the logs that are watched: used bytes less the logs'. The logs are known exactly at
// every look, the rest is measured once a tick: together they are up to date without a statfs for every line written.
import CLinux
import Kernel
import Report
import Samples

final class RAMUsage {
  private struct Part {
    var mount: Mount
    /// Held by everything but watched logs and known archives; nil until it is known.
    var others: ByteCount?
    /// nil for ramfs, which has no size of its own.
    var size: ByteCount?
    /// The result of the last walk, on ramfs: while it stays the same, so do the others.
    var walked = ByteCount.zero
  }
  private var parts = [Part]()
  private var foundAt: Instant?
  /// Of how many filesystems the board told then.
  private var foundCount = 0
  private static let base = Milliseconds.seconds(60)

  /// Once per tick, after the board was read. `ours`: what watched logs and archives hold on a device.
  func refresh(_ board: Board, _ reader: KernelReader, ours: (Device) -> ByteCount) {
    if foundAt.map({ board.now - $0 >= Self.base }) ?? true || foundCount != board.fileSystems.count {
      find(board, reader)
    }
    for i in parts.indices {
      do throws(Absence) {
        let usage = try reader.usage(of: parts[i].mount)
        parts[i].size = usage.size
        parts[i].others = usage.used - ours(parts[i].mount.device)
      } catch {
        if error == .gone { foundAt = nil }
        guard error == .unsupported, let usage = walked(parts[i].mount, board), usage.used != parts[i].walked else {
          continue
        }
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

  private func find(_ board: Board, _ reader: KernelReader) {
    guard let mounts = try? reader.mounts() else { return }
    foundAt = board.now
    foundCount = board.fileSystems.count
    let old = parts
    parts = []
    // What lies over a covered one stands for itself.
    for record in board.fileSystems where !record.isCovered {
      guard let mount = mounts.last(where: { $0.point == record.point }) else { continue }
      parts.append(old.first { $0.mount == mount } ?? Part(mount: mount))
    }
  }

  private func walked(_ mount: Mount, _ board: Board) -> FileSystemUsage? {
    for record in board.fileSystems where record.point == mount.point {
      if let usage = record.usage, usage.complete { return usage }
    }
    return nil
  }
}

// Looks on while the descriptors of all processes are searched, for the ledger: who holds the large files on RAM
// filesystems, and which open files on other filesystems are in the page cache. Reads only.
import Actions
import Kernel
import Policy
import Report
import Samples

final class LedgerFiles {
  private struct Holder {
    let record: FileSystemRecord, inode: UInt64
    let pid: Int32
    let writes: Bool
  }
  private let reader: KernelReader
  /// Of filesystems that keep their files themselves.
  private let devices: [Device]
  private var holders = [Holder]()
  /// By device and inode.
  private var seen = Set<UInt64>()
  /// Of the page cache, the largest first.
  private(set) var cached = [LedgerPart]()

  private static let listed = 8, seenMaximum = 1024
  /// Smaller files are not worth the look.
  private static let least = ByteCount.mib(1)

  init(_ reader: KernelReader) {
    self.reader = reader
    var devices = [Device]()
    for mount in (try? reader.mounts()) ?? [] where mount.kind == .other && !mount.isIndirect {
      devices.append(mount.device)
    }
    self.devices = devices
  }

  /// `owner`: the RAM filesystem it is on.
  func take(_ status: FileStatus, _ pid: Int32, _ descriptor: Int32, _ owner: FileSystemRecord?, _ around: Surroundings)
  {
    if let owner { return note(status, pid, descriptor, owner) }
    guard status.size >= Self.least, devices.contains(status.device) else { return }
    let key = status.inode &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(status.device.major) << 32 ^ UInt64(status.device.minor)
    guard !seen.contains(key), seen.count < Self.seenMaximum else { return }
    seen.insert(key)
    guard let bytes = try? reader.cachedBytes(pid, descriptor: descriptor, size: status.size),
      cached.count < Self.listed || cached[cached.count - 1].bytes < bytes,
      let path = try? reader.linkText(pid, descriptor: descriptor)
    else { return }
    var part = LedgerPart(.file, path, bytes)
    around.setHolder(pid, of: &part)
    rank(part, in: &cached, most: Self.listed)
  }

  private func note(_ status: FileStatus, _ pid: Int32, _ descriptor: Int32, _ owner: FileSystemRecord) {
    for i in 0..<owner.largest.count where owner.largest[i].inode == status.inode {
      let known = holders.firstIndex { $0.inode == status.inode && $0.record === owner }
      // The one that writes is the one to name.
      if let known, holders[known].writes { return }
      let writes = (try? reader.holder(pid, descriptor: descriptor))?.writes ?? false
      let holder = Holder(record: owner, inode: status.inode, pid: pid, writes: writes)
      if let known {
        if writes { holders[known] = holder }
      } else {
        holders.append(holder)
      }
      return
    }
  }

  /// The mounts of one kind, each followed by its largest files with one that holds them.
  @inline(never) func mounts(_ kind: Mount.Kind, _ board: Board, _ around: Surroundings) -> [LedgerPart] {
    var parts = [LedgerPart]()
    for record in board.fileSystems where record.kind == kind && !record.isCovered {
      guard let usage = record.usage, usage.used > record.deleted else { continue }
      parts.append(LedgerPart(.mount, record.point, usage.used - record.deleted))
      for i in 0..<min(record.largest.count, 4) {
        var part = LedgerPart(.file, record.largest[i].path, record.largest[i].allocated)
        for holder in holders where holder.inode == record.largest[i].inode && holder.record === record {
          around.setHolder(holder.pid, of: &part)
        }
        parts.append(part)
      }
    }
    return parts
  }
}

extension Surroundings {
  /// The worker that the process belongs to; empty when it is none's.
  func workerName(_ pid: Int32) -> Bytes {
    for worker in finder.workers where worker.member(pid) != nil { return worker.record.name }
    return []
  }

  func setHolder(_ pid: Int32, of part: inout LedgerPart) {
    part.pid = pid
    part.comm = (try? reader.stat(pid))?.comm.array ?? []
    part.worker = workerName(pid)
  }
}

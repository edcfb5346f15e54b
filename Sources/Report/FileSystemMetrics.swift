// The part of GET /metrics that tells of RAM filesystems and of files without a name.
import Policy
import Samples

extension Board {
  func writeFileSystemMetrics(to text: inout Bytes) {
    func gauge(_ name: StaticString, _ help: StaticString, _ value: (FileSystemRecord) -> UInt64?) {
      text.family(name, "gauge", help)
      for fs in fileSystems {
        guard let usage = fs.usage, usage.complete, let n = value(fs) else { continue }
        text.sample(name, "mount", fs.point, n)
      }
    }
    gauge("filesystem_used_bytes", "Memory held by files on a ramfs or tmpfs mount.") { $0.usage?.used.rawValue }
    gauge("filesystem_limit_bytes", "What it can hold: its size, or what RAM has left.") { $0.limit?.rawValue }
    gauge("filesystem_files", "Inodes on it.") { $0.usage?.files }
    gauge("filesystem_rounding_bytes", "Memory lost to the rest of each file's last page.") {
      $0.sums?.rounding.rawValue
    }
    gauge("filesystem_deleted_bytes", "Held by files without a name that processes have open.") { $0.deleted.rawValue }
    gauge("filesystem_growth_bytes_per_day", "Net growth of the last ten to twenty minutes.") {
      $0.rate.perDay.rawValue
    }
    text.family("memfd_bytes", "gauge", "Memory held by memfds that some descriptor refers to.")
    text.sample("memfd_bytes", held.memfds.bytes.rawValue)
    text.family("shared_memory_bytes", "gauge", "Memory held by System V shared memory.")
    text.sample("shared_memory_bytes", held.segments.bytes.rawValue)
  }
}

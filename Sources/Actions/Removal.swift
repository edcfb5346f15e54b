// Deletes one old archive of a log, behind the same walk as a cut: no link followed, one name, on a RAM filesystem, in a
// folder that others cannot write to. It is told which; whether anybody has it open is for the caller to have looked.
import CLinux
public import Samples

public enum ArchiveRemoval {
  /// unlinkat(2) of the name below the verified folder: 0 or -errno.
  public static let live: @Sendable (Int32, Bytes) -> Int32 = { folder, name in
    name.withUnsafeBytes { cut_unlink(folder, $0.baseAddress, $0.count) }
  }

  /// Removes the file at `path` if it is still `expected` (device, inode, size). What it held.
  public static func remove(
    _ path: Bytes, expected: FileStatus, unlink: @Sendable (Int32, Bytes) -> Int32 = live
  ) throws(LogRefusal) -> ByteCount {
    var freed = ByteCount.zero
    try LogPath.walk(path) { place throws(LogRefusal) in
      _ = try LogPath.judge(place, writers: [])
      let status = place.status
      guard status.inode == expected.inode, status.device == expected.device, status.size == expected.size else {
        throw .swapped
      }
      let result = unlink(place.folder, Bytes(place.name))
      guard result == 0 else { throw .from(-result, at: .unlink) }
      freed = status.allocated
    }
    return freed
  }
}

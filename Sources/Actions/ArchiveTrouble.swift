// Why lines could not be archived. The log itself is as it was.
import CLinux

/// The system call that failed.
public enum ArchiveStep: UInt8, Equatable, Sendable { case list, read, create, write, sync, rename, remove }

public enum ArchiveTrouble: Error, Equatable, Sendable {
  case folderMissing
  /// A link that is not trusted on the way, or a folder that others may write to.
  case folderUnsafe
  case folderDenied
  case sameFileSystem
  /// What may be written in a day is written.
  case wearCap
  /// The log reached its budget before its head was on storage.
  case tooSlow
  case noMemory
  case failed(ArchiveStep, errno: Int32)

  public var errno: Int32 {
    if case .failed(_, let errno) = self { errno } else { 0 }
  }

  /// One sentence for the operator: what it means and what would help.
  public var advice: StaticString {
    switch self {
    case .folderMissing: "The archive folder is not there; make it, or mount what it is on."
    case .folderUnsafe: "The archive folder, or a link to it, could be changed by others; chown it to root, chmod go-w."
    case .folderDenied: "memwarden may not write to the archive folder; run it as root or as the folder's owner."
    case .sameFileSystem: "The archive folder is on the log's own filesystem: it would take the RAM that a cut frees."
    case .wearCap: "As much was written today as the key wear allows; lines are cut without an archive until tomorrow."
    case .tooSlow: "The log reached its budget faster than the archive could be written; raise budget, or gzip = no."
    case .noMemory: "There is no memory for the tables of gzip; set gzip = no."
    case .failed(.write, errno: ENOSPC), .failed(.create, errno: ENOSPC), .failed(.sync, errno: ENOSPC):
      "The archive's filesystem is full; lower archive_budget or archive_keep, or make room."
    case .failed(.write, errno: EROFS), .failed(.create, errno: EROFS):
      "The archive's filesystem is mounted read-only; mount it read-write."
    case .failed: "A system call for the archive failed; it is tried again."
    }
  }
}

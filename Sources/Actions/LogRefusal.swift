// Why a log was not touched. A refusal leaves the file as it was, unless its comment says otherwise.

import CLinux

/// The system call that failed.
public enum LogStep: UInt8, Equatable, Sendable {
  case open, status, link, read, write, punch, truncate, unlink, rename, create
}

public enum LogRefusal: Error, Equatable, Sendable {
  /// The last component is a link, or a folder on the way is a link that somebody but root could have made.
  case symbolicLink
  case notRegular
  /// More than one name: the other may be a file that must not be touched.
  case hardLinked(count: UInt64)
  /// Neither ramfs nor tmpfs.
  case notOnRAM
  /// The folder is writable by its group or by all, and not sticky: anybody could have put the file there.
  case unsafeDirectory
  /// In a sticky folder that others may write to, the file belongs to neither root, memwarden's user nor a writer.
  case foreignOwner(uid: UInt32)
  case gone
  case denied
  /// Under the path there is another file than the one that was opened: it was rotated. Open it again.
  case swapped
  /// The file holds no more than what is to be kept.
  case nothingToCut
  /// After `.write` the head of a log that was cut by tail-keep holds a copy of later lines; nothing is lost.
  case failed(LogStep, errno: Int32)

  static func from(_ errno: Int32, at step: LogStep) -> LogRefusal {
    switch errno {
    case ENOENT, ENOTDIR: .gone
    case EPERM, EACCES: .denied
    default: .failed(step, errno: errno)
    }
  }

  /// One sentence for the operator: what it means and what would help.
  public var advice: StaticString {
    switch self {
    case .symbolicLink: "The path is a link that is not trusted; configure the path of the file itself."
    case .notRegular: "The path is not a regular file; only regular files are cut."
    case .hardLinked: "The file has other names as well (hard links) and is not touched; remove them."
    case .notOnRAM: "The file is not on ramfs or tmpfs; it takes no RAM that cutting would free."
    case .unsafeDirectory: "Its folder is writable by others without the sticky bit; chmod go-w or +t it."
    case .foreignOwner: "In a folder that anybody may write to, it belongs to somebody who does not write it."
    case .gone: "There is no such file now; it is looked for again."
    case .denied: "memwarden may not open it; run it as root or as the owner of the log."
    case .swapped: "The file was replaced meanwhile (rotated); the new one is opened."
    case .nothingToCut: "It already holds no more than a cut would leave."
    case .failed(.write, _): "Writing failed while the tail was kept; nothing was cut off and it is tried again."
    case .failed(.rename, errno: EEXIST):
      "The name that it is renamed to, with .moved behind, is taken; remove that file."
    case .failed(.rename, _), .failed(.create, _): "Renaming failed; the file is cut in place and it is tried again."
    case .failed(.open, _), .failed(.status, _), .failed(.link, _), .failed(.read, _), .failed(.punch, _),
      .failed(.truncate, _), .failed(.unlink, _):
      "The system call failed; the file is as it was and it is tried again."
    }
  }
}

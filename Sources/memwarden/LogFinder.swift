// Which files a `logs` section means now: searched for when something appears in one of their folders, and every minute.
// Sorts what it found; watches and deletes nothing.
import CLinux
import Kernel
import Policy
import Report
import Samples

/// An older part of a log, written no more.
struct Archive {
  let path: Bytes
  var status: FileStatus
  /// From 1, the newest of its log.
  var age: UInt64
}

final class LogFinder {
  private let search: LogSearch
  private var watches = [(folder: Bytes, number: Int32)]()
  private var searchedAt: Instant?
  private var isWanted = true
  var archives = [Archive]()
  /// Files with an archive's name that somebody writes: logs.
  private var written = [UInt64]()
  /// Held by files that match and are protected, or are too many.
  private(set) var othersBytes = ByteCount.zero
  private(set) var unwatched = 0

  /// Of all sections together: each is an open descriptor.
  static let logsMaximum = 256
  private static let base = Milliseconds.seconds(60), gap = Milliseconds.seconds(1)
  private static let entriesPerStep = 512

  init(_ pattern: Bytes) { search = LogSearch(Glob(pattern)) }

  var isOffRAM: Bool { search.isOffRAM && search.folders.isEmpty }

  /// When `step` must be called; nil: at the next tick.
  var nextStep: Instant? {
    if !search.isFinished { return searchedAt }
    return isWanted ? searchedAt.map { $0 + Self.gap } : nil
  }

  /// Something appeared in a folder with this inotify watch; -1: the kernel lost count.
  func heard(_ number: Int32) {
    for i in watches.indices where number == -1 || watches[i].number == number {
      watches[i].number = -1
      isWanted = true
    }
  }

  func searchAgain() { isWanted = true }

  /// Goes on searching when that is due. True when a search was finished: then `sort` what it found.
  func step(inotify: Int32, now: Instant) -> Bool {
    if search.isFinished {
      if let searchedAt {
        guard now - searchedAt >= (isWanted ? Self.gap : Self.base) else { return false }
      }
      isWanted = false
      searchedAt = now
      // Before the search: what comes during it is heard of.
      arm(watches.map { $0.folder }, inotify)
      search.restart()
    }
    guard search.step(entries: Self.entriesPerStep) else { return false }
    // In a folder that was not waited at yet something may have come meanwhile.
    if arm(search.folders, inotify) { isWanted = true }
    return true
  }

  /// True when one of the folders was not armed.
  @discardableResult
  private func arm(_ folders: [Bytes], _ inotify: Int32) -> Bool {
    var isNew = false
    var armed = [(folder: Bytes, number: Int32)]()
    for folder in folders {
      let known = watches.first { $0.folder == folder }
      if let known, known.number >= 0 {
        armed.append(known)
        continue
      }
      isNew = isNew || known == nil
      armed.append((folder, folder.withCString { cl_inotify_arm_folder(inotify, $0) }))
    }
    watches = armed
    return isNew
  }

  /// The logs among what was found: `isLog` of those that are watched already, `isOthers` of those that another section
  /// speaks for, `isProtected`. `room`: how many may be watched.
  func sort(
    room: Int, isWatched: (Bytes) -> Bool, isOthers: (LogSearch.File) -> Bool, isProtected: (Bytes) -> Bool
  ) -> [LogSearch.File] {
    var logs = [LogSearch.File]()
    let before = archives
    archives.removeAll(keepingCapacity: true)
    othersBytes = search.missedBytes
    unwatched = search.missed
    written.removeAll { inode in !search.found.contains { $0.status.inode == inode } }
    for file in search.found where !isOthers(file) {
      if isProtected(file.path) || RotatedName.isUnfinished(file.path) {
        othersBytes += file.status.allocated
      } else if !isWatched(file.path), isArchive(file, before) {
        archives.append(Archive(path: file.path, status: file.status, age: 0))
      } else if logs.count < room {
        logs.append(file)
      } else {
        othersBytes += file.status.allocated
        unwatched += 1
      }
    }
    rank()
    return logs
  }

  /// The archive has a writer: it is a log from now on.
  func isWritten(_ archive: Archive) {
    written.append(archive.status.inode)
    archives.removeAll { $0.path == archive.path }
    isWanted = true
  }

  private func isArchive(_ file: LogSearch.File, _ before: [Archive]) -> Bool {
    guard file.status.isRegular, RotatedName(file.path) != nil, !written.contains(file.status.inode) else {
      return false
    }
    // What has grown is written.
    if before.contains(where: { $0.status.inode == file.status.inode && $0.status.size < file.status.size }) {
      written.append(file.status.inode)
      return false
    }
    return true
  }

  private func rank() {
    let names = archives.map { RotatedName($0.path) }
    for i in archives.indices {
      guard let name = names[i] else { continue }
      archives[i].age = 1
      if name.growsWithAge {
        archives[i].age = max(1, name.number)
      } else {
        for other in names {
          if let other, !other.growsWithAge, other.number > name.number, other.log == name.log { archives[i].age += 1 }
        }
      }
    }
  }
}

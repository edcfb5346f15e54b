// What an operator asks for one log on a RAM filesystem, and the choice of how to cut it. Values only; LogWatch judges
// when.
public import Samples

/// How a log is bounded in place. DESIGN.md section 5: cut.
public enum CutMethod: UInt8, CaseIterable, Equatable, Sendable {
  /// tmpfs: the head becomes a hole up to the start of a line. Loses nothing; the apparent size keeps growing, and
  /// readers see NULs where the hole is.
  case punch
  /// The last lines are moved to the front and the rest is cut off: for writers that all use O_APPEND.
  case tailKeep
  /// The file is emptied and its last lines (48 KiB at most) are put back where they were, so that a writer without
  /// O_APPEND goes on right behind them. A hole is left before them; on ramfs whoever reads the hole fills it with pages.
  case putBack
  /// Everything goes.
  case truncate
  /// The file gets another name, its writers are asked to open a new one, and it goes once none of them has it open.
  /// Where they do not, it is put back and cut in place.
  case rename
}

public struct LogRules: Equatable, Sendable {
  /// Absolute, of the file itself; its folders may be links that root made.
  public var path: Bytes
  /// What the file may hold in RAM (allocated bytes, not its apparent size). At least 16 KiB, checked where the
  /// configuration is read.
  public var budget: ByteCount
  /// What a cut leaves, at most half the budget. nil: half the budget, less while the log is being flooded.
  public var keep: ByteCount?
  /// nil: chosen by the filesystem and its writers.
  public var method: CutMethod?
  /// Where what a cut removes goes; nil: nowhere.
  public var archive: ArchiveRules?
  /// How writers are asked to open their log again; nil: the file is never renamed.
  public var reopen: Reopen?
  /// Until they must have.
  public var reopenTimeout = Milliseconds.seconds(10)
  /// A renamed file is followed at once by an empty one of the same owner and mode.
  public var create = true
  /// Say what would have been done, do nothing.
  public var observe = false
  /// Permits a redirect, and is where it goes when nothing else is asked for; nil: refused.
  public var redirect: RedirectTarget?
  /// What a redirect keeps of the newest lines.
  public var ring = ByteCount.kib(32)
  public init(path: Bytes, budget: ByteCount) {
    self.path = path
    self.budget = budget
  }
}

/// True when every descriptor that can write this file appends. `holders` are the other processes' (never memwarden's
/// own); nil when they could not all be seen: an unknown writer counts as one without O_APPEND.
public func writersAppend(_ holders: [FileHolder]?) -> Bool {
  guard let holders else { return false }
  for holder in holders where holder.writes && !holder.appends { return false }
  return true
}

/// The gentlest method that works on this filesystem with these writers.
public func cutMethod(on kind: Mount.Kind, writersAppend: Bool) -> CutMethod {
  switch kind {
  case .tmpfs: .punch
  case .ramfs, .other: writersAppend ? .tailKeep : .putBack
  }
}

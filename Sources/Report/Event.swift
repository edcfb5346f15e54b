// What memwarden tells: one value per thing seen, judged, done, failed or recovered, with the numbers that led to it.
public import Policy
public import Samples

/// A figure against its limit, as it was judged.
public struct Figure: Equatable, Sendable {
  public var metric: Metric
  public var scope: Scope
  public var value: ByteCount
  public var limit: ByteCount?
  /// Derived, because this kernel or this process does not let the exact figure be read.
  public var isEstimate: Bool
  public init(metric: Metric, scope: Scope, value: ByteCount, limit: ByteCount?, isEstimate: Bool) {
    self.metric = metric
    self.scope = scope
    self.value = value
    self.limit = limit
    self.isEstimate = isEstimate
  }
}

/// A recycle that was carried through.
public struct RecycleOutcome: Equatable, Sendable {
  public var reason: Reason
  public var before: ByteCount
  /// Of the new process, half a second after it came up; nil when it could not be read.
  public var after: ByteCount?
  public var metric: Metric
  public var oldPid: Int32, newPid: Int32
  public var took: Milliseconds
  public var killed: Bool
  public init(
    reason: Reason, before: ByteCount, after: ByteCount?, metric: Metric, oldPid: Int32, newPid: Int32,
    took: Milliseconds, killed: Bool
  ) {
    self.reason = reason
    self.before = before
    self.after = after
    self.metric = metric
    self.oldPid = oldPid
    self.newPid = newPid
    self.took = took
    self.killed = killed
  }
  /// nil when nobody can know.
  public var freed: ByteCount? { after.map { before - $0 } }
}

/// A cut that was carried through.
public struct CutOutcome: Equatable, Sendable {
  public var method: CutMethod
  public var before: ByteCount, after: ByteCount
  public var sizeBefore: ByteCount, sizeAfter: ByteCount
  /// Bytes of whole lines that were written while the file was cut and are gone; nil where it cannot be known.
  public var lost: ByteCount?
  public var wholeLines: Bool
  public var microseconds: Int64
  /// The process that writes the log, where it is known.
  public var writer: Int32?
  /// Where the lines went; nil when they went nowhere.
  public var archived: ArchiveOutcome?
  public init(
    method: CutMethod, before: ByteCount, after: ByteCount, sizeBefore: ByteCount, sizeAfter: ByteCount,
    lost: ByteCount?, wholeLines: Bool, microseconds: Int64, writer: Int32?
  ) {
    self.method = method
    self.before = before
    self.after = after
    self.sizeBefore = sizeBefore
    self.sizeAfter = sizeAfter
    self.lost = lost
    self.wholeLines = wholeLines
    self.microseconds = microseconds
    self.writer = writer
  }
}

/// An archive that was made.
public struct ArchiveOutcome: Equatable, Sendable {
  /// In the archive folder.
  public var name: Bytes
  /// Of the log, and in the archive.
  public var bytes: ByteCount, stored: ByteCount
  public var lines: UInt64
  public init(name: Bytes, bytes: ByteCount, stored: ByteCount, lines: UInt64) {
    self.name = name
    self.bytes = bytes
    self.stored = stored
    self.lines = lines
  }
}

/// How an own child ended that memwarden did not end.
public struct ChildEnd: Equatable, Sendable {
  public enum Cause: UInt8, Equatable, Sendable {
    /// With exit code 0; with another, or by a signal that a process earns itself.
    case exited, crashed
    case outOfMemory
    /// Somebody sent it a signal that ends processes.
    case operatorEnded
    /// Another memwarden started it, or the kernel does not tell whether its OOM killer was at work.
    case unknown
  }
  public var cause: Cause
  /// Negative: not known.
  public var code: Int32
  public var signal: Int32
  public init(cause: Cause, code: Int32, signal: Int32) {
    self.cause = cause
    self.code = code
    self.signal = signal
  }
}

/// The five kinds of things told.
public enum EventClass: UInt8, Equatable, Sendable { case seen, judged, acted, failed, recovered }

public enum Happening: Sendable {
  // memwarden itself
  case started(workers: Int, logs: Int, memory: ByteCount)
  case stopping(endsWorkers: Bool)
  case reloaded(workers: Int, logs: Int)
  /// The old configuration stays in force. The text names file, line and key.
  case reloadRefused(Bytes)
  /// A sentence: what this kernel lacks and what would help.
  case featureMissing(StaticString)
  /// The wall clock was stepped by this many milliseconds: a label changed, no timer did.
  case clockStepped(Int64)
  // workers
  case appeared(pid: Int32)
  case vanished(pid: Int32)
  case childStarted(pid: Int32)
  /// `said`: the last lines of its output, where memwarden reads it.
  case childEnded(pid: Int32, ChildEnd, said: Bytes)
  /// Started by an earlier memwarden, and taken over.
  case childAdopted(pid: Int32)
  case childNotStarted(errno: Int32)
  case outputFloods(bytesPerSecond: UInt64)
  case overSoft(Figure, pid: Int32, hold: Milliseconds)
  case overHard(Figure, pid: Int32)
  case backBelow(Figure, pid: Int32, after: Milliseconds)
  /// A condition of the configuration is met, for as long as it asks.
  case triggerDue(Bytes, value: Int64?, of: Fact?)
  /// It rose and has been level since: left alone.
  case settled(Figure, pid: Int32, level: Milliseconds)
  /// `steps`: what would come before; empty: nothing.
  case wouldRecycle(Reason, Figure, steps: Bytes)
  case blocked(Reason, by: Obstacle, Figure)
  case recycleBegan(Reason, Figure, pid: Int32)
  /// An earlier memwarden began it.
  case recycleResumed(Reason, pid: Int32, after: Milliseconds)
  case killedAfterGrace(pid: Int32, grace: Milliseconds)
  case recycled(RecycleOutcome)
  /// The words say what failed; the wait is the backoff before another try.
  case recycleFailed(StaticString, code: Int32, wait: Milliseconds)
  case parked(ParkReason, used: Int, per: Milliseconds)
  case unparked
  case stepTaken(StepOutcome)
  /// Two recycles in a row did not help: the worker is parked.
  case remedyUseless(Remedy)
  case paused
  case resumed
  case trimmed(TrimOutcome)
  /// The words say why.
  case trimRefused(StaticString, pid: Int32)
  // logs
  case logGrows(bytesPerSecond: UInt64, allocated: ByteCount, writer: Int32?)
  case logWouldCut(CutMethod, allocated: ByteCount, budget: ByteCount)
  case logCut(CutOutcome, cuts: UInt64)
  case logRefused(StaticString, errno: Int32)
  case logBackInBudget
  // several logs together
  case budget(BudgetHappening)
  // files without a name
  case deletedFileHeld(path: Bytes, allocated: ByteCount, pid: Int32, descriptor: Int32)
  /// Of a log that was deleted, through the descriptor of the process that writes it.
  case deletedLogCut(CutOutcome, descriptor: Int32)
  /// The apparent size is 16 times the budget or more; the file holds no more than `allocated`.
  case logSparse(size: ByteCount, allocated: ByteCount)
  /// Until it is told to have recovered, lines are cut without an archive.
  case archiveFailed(StaticString, errno: Int32)
  case archiveRecovered(unarchived: ByteCount)
  /// The words say what kept the log from being renamed; the pid whose fault it is, where it is one's.
  case renameFailed(StaticString, pid: Int32?)
  // redirects
  /// What the file held is freed.
  case redirected(RedirectTarget, processes: Int, freed: ByteCount)
  /// A process came that writes to the file: it was redirected too.
  case redirectedToo(pid: Int32)
  /// A redirect, or its undoing, that was not done to any process; pid 0: no one's fault.
  case redirectRefused(StaticString, pid: Int32, errno: Int32)
  case redirectUndone(processes: Int)
  /// Not all of its processes could be brought back: that is tried again and again.
  case redirectStuck(StaticString, pid: Int32, errno: Int32)
  /// Found as an earlier memwarden left it.
  case redirectKept(RedirectTarget, processes: Int)
  case stateUnusable(StaticString)
}

public struct Event: Sendable {
  public enum Subject: UInt8, Equatable, Sendable { case agent, worker, log, budget }
  /// Counts from 1 in one run of memwarden.
  public var number: UInt64 = 0
  public var at: Instant
  /// Milliseconds since 1970, a label; whether the kernel held that clock for synchronised.
  public var wall: Int64
  public var isSynchronised: Bool
  public var subject: Subject
  /// The worker's name, the log's path, the pattern or path of a budget; empty for memwarden itself.
  public var name: Bytes
  public var what: Happening
  public init(
    at: Instant, wall: Int64, isSynchronised: Bool, subject: Subject, name: Bytes, what: Happening
  ) {
    self.at = at
    self.wall = wall
    self.isSynchronised = isSynchronised
    self.subject = subject
    self.name = name
    self.what = what
  }
}

// What is known right now, for the answers to read. The loop fills it; nothing here does I/O or judges.
public import Policy
public import Samples

/// One process of a worker: whoever reads it fills it, whoever answers looks at the same one.
public final class ProcessRecord {
  public var identity: Identity
  public var comm: Bytes
  /// When memwarden first saw it.
  public var seenAt: Instant
  public var footprint = Footprint()
  /// statm, every tick.
  public var resident = ByteCount.zero
  public init(identity: Identity, comm: Bytes, seenAt: Instant) {
    self.identity = identity
    self.comm = comm
    self.seenAt = seenAt
  }
}

public final class WorkerRecord {
  public let name: Bytes
  public var rules: WorkerRules
  public var limits: Limits
  /// `run`, `restart`, `respawn`, or `none`.
  public var means: StaticString
  /// What comes before a recycle, in words (StepPlan.names); empty: nothing.
  public var steps = Bytes()
  public var processes = [ProcessRecord]()
  /// The figure judged last, of which process (0: of all together), and what was concluded.
  public var figure: Figure?
  public var figurePid: Int32 = 0
  /// Why there is no figure.
  public var absence: Absence?
  public var crossing = Crossing.unknown
  public var verdict = Verdict.unknown
  public var conduct = Conduct()
  public var history = History()
  public var plateau = Plateau()
  /// Of the figure, by the floors of five minutes.
  public var growth = Growth()
  /// What the triggers spoke of at the last tick, and where each stands, in their order.
  public var facts = Facts()
  public var triggers = [TriggerState]()
  /// The memory controller's view of its first process's cgroup; nil without one.
  public var cgroup: CgroupMemory?
  /// What it said, when memwarden runs it and reads its output.
  public var output: OutputRecord?
  public var lastAct: Event?
  public var recycles: UInt64 = 0, recycleFailures: UInt64 = 0, crashes: UInt64 = 0, kills: UInt64 = 0
  public var freed = ByteCount.zero
  public init(name: Bytes, rules: WorkerRules, limits: Limits, means: StaticString) {
    self.name = name
    self.rules = rules
    self.limits = limits
    self.means = means
  }
}

/// A process that has a log open.
public struct WriterRecord: Sendable {
  public var pid: Int32
  public var comm: Bytes
  /// The worker it belongs to; empty when it is none's.
  public var worker: Bytes
  public var appends: Bool
  public init(pid: Int32, comm: Bytes, worker: Bytes, appends: Bool) {
    self.pid = pid
    self.comm = comm
    self.worker = worker
    self.appends = appends
  }
}

/// What became of the lines that cuts of one log removed.
public struct ArchiveRecord: Sendable {
  /// In the folder now.
  public var files = 0, size = ByteCount.zero
  /// Since the start: archives made, what they hold of the log, and bytes written for that (today: for the key wear).
  public var made: UInt64 = 0, archived = ByteCount.zero, written = ByteCount.zero, writtenToday = ByteCount.zero
  /// What was cut without an archive.
  public var unarchived = ByteCount.zero
  /// Why, while that is so.
  public var trouble: StaticString?
  public init() {}
}

public final class LogRecord {
  public enum State: Equatable, Sendable { case absent, watched, refused }
  /// Eight hexadecimal digits of the path's FNV-1a hash: the same after every reload.
  public let id: Bytes
  public var rules: LogRules
  /// The pattern or folder of the `logs` section by which it was found; empty when it has a section of its own.
  public let pattern: Bytes
  public var state = State.absent
  /// Why it is not cut, when it is refused.
  public var refusal: StaticString = "", refusalErrno: Int32 = 0
  public var kind = Mount.Kind.other
  public var allocated = ByteCount.zero, size = ByteCount.zero
  /// The fastest growth seen lately.
  public var bytesPerSecond: UInt64 = 0
  /// What the last ten to twenty minutes come to in a day.
  public var bytesPerDay = ByteCount.zero
  /// What its growth is made of.
  public var lines = LineTally()
  /// Until the budget is reached at this rate; nil when it does not grow.
  public var untilFull: Milliseconds?
  public var method: CutMethod?
  public var writers = [WriterRecord]()
  public var cuts: UInt64 = 0
  public var freed = ByteCount.zero, lost = ByteCount.zero
  public var lastCut: CutOutcome?
  /// nil when the rules name no archive.
  public var archive: ArchiveRecord?
  /// What it holds under its other name, while it is being rotated.
  public var moved = ByteCount.zero
  /// Where its lines go instead; nil: to the file.
  public var redirect: RedirectRecord?
  public init(rules: LogRules, pattern: Bytes = []) {
    self.rules = rules
    self.pattern = pattern
    var hash: UInt32 = 2_166_136_261
    for byte in rules.path { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    var id = Bytes()
    for shift in stride(from: 28, through: 0, by: -4) { id.append(hexDigit(UInt8(hash >> UInt32(shift) & 15))) }
    self.id = id
  }
}

/// The parts of a turn of the loop.
public enum TurnPart: UInt8, Sendable { case signals, logs, output, tick, fileSystems, acts, walks, answers, reload }

/// memwarden's own use, measured like everybody else's.
public struct OwnUse: Sendable {
  public var footprint = Footprint()
  public var privateDirty: ByteCount?
  public var descriptors: Int?
  public var cpuMicroseconds: Int64 = 0
  public var wakeUps: UInt64 = 0
  public var ticks: UInt64 = 0
  public var longestTurnMicroseconds: Int64 = 0
  public var longestTurnPart = TurnPart.tick
  /// Bytes written to the journal file.
  public var bytesWritten: UInt64 = 0
  /// Events that did not fit where they should be written: the journal file, and a standard output nobody reads.
  public var droppedFromFile: UInt64 = 0, droppedFromOutput: UInt64 = 0
  public var requests: UInt64 = 0
  /// Connections that ended before their request was complete: they cost no log line each.
  public var abortedConnections: UInt64 = 0
  public var oomScoreAdjust: Int32?
  public var pid: Int32 = 0
  public init() {}
}

public final class Board {
  public let version: StaticString
  public var startedAt: Instant
  public var bootID = Bytes()
  public var now: Instant
  public var wall: Int64 = 0
  public var isSynchronised = false
  public var interval = Milliseconds.seconds(5)
  public var observe = false
  public var configurationFile = Bytes()
  public var memory = MemInfo()
  public var pressure: Pressure?
  public var pressureAbsence: Absence?
  /// What stands in for pressure where there is none.
  public var vmStat: VMStat?
  /// By the kernel's OOM killer since the boot, a minute or two ago. Linux 4.13.
  public var oomKillsBefore: UInt64?
  public var fileSystems = [FileSystemRecord]()
  public var held = HeldMemory()
  /// The heaps that were walked last, at most 8, the newest last.
  public var heaps = [HeapRecord]()
  /// The last one that was asked for.
  public var ledger: LedgerRecord?
  /// What this kernel lacks, one sentence each.
  public var missing = [StaticString]()
  public var workers = [WorkerRecord]()
  public var logs = [LogRecord]()
  public var budgets = [BudgetRecord]()
  public var own = OwnUse()
  public var journal: Journal
  public init(version: StaticString, now: Instant, journal: Journal) {
    self.version = version
    self.startedAt = now
    self.now = now
    self.journal = journal
  }

  /// So little memory is left that large answers are refused.
  public var isStarved: Bool {
    memory.total > .zero && memory.usable < max(.mib(1), ByteCount(memory.total.rawValue / 100))
  }
}

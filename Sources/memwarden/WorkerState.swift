// What the state file says of workers: their processes, what was done to them and when, an act under way. Values and
// text, no more; WorkerStore writes and reads it. A line is a word and numbers; instants are of CLOCK_BOOTTIME.
import Actions
import Policy
import Samples

struct SavedWorker: Equatable {
  var name = Bytes()
  /// What memwarden runs for it; pid 0: nothing.
  var child = Identity(pid: 0, startTicks: 0)
  var childStartedAt = Instant(milliseconds: 0)
  /// The number of a start that was about to be made (StartRecord), its own or of its restart command; 0: none.
  var starting: UInt64 = 0
  /// For a child whose worker is no more in the configuration.
  var stopSignal: Int32 = 15
  var grace = Milliseconds.zero
  /// That its child writes to and memwarden reads; inode 0: none.
  var pipe = SavedPipe()
  var baseline: ByteCount?
  var dueSince: Instant?
  /// Recycles, failed ones, crashes, kills, bytes freed.
  var counts: [UInt64] = [0, 0, 0, 0, 0]
  var conduct = Conduct()
  var act: SavedAct?
}

struct SavedPipe: Equatable {
  var device = Device(major: 0, minor: 0), inode: UInt64 = 0
  fileprivate var numbers: [UInt64] { [UInt64(device.major), UInt64(device.minor), inode] }
}

struct SavedAct: Equatable {
  var reason = Reason.asked
  /// Of the first of those that are to go; what they held.
  var pid: Int32 = 0, before = ByteCount.zero
  /// When it began: a replacement is above it. -1: not known.
  var newestPid: Int32 = -1
  var progress = RecycleProgress(
    stage: 0, until: Instant(milliseconds: 0), began: Instant(milliseconds: 0), killed: false)
  /// The restart command; pid 0: none.
  var command = Identity(pid: 0, startTicks: 0)
  var going = [Identity](), known = [Identity]()
}

/// A child on its way out.
struct SavedDeparture: Equatable {
  var child: Identity
  var killAt: Instant
  var pipe = SavedPipe()
}

struct WorkerState: Equatable {
  var workers = [SavedWorker]()
  var leaving = [SavedDeparture]()

  private static let head: StaticString = "memwarden workers 1 "

  func text(bootID: Bytes) -> Bytes {
    var out = StateFile.begin(Self.head, bootID: bootID)
    for worker in workers {
      out.write("worker ")
      out.writeHex(worker.name)
      let (phase, detail) = worker.conduct.phase.numbers
      out.write(
        [
          UInt64(worker.child.pid), worker.child.startTicks, number(worker.childStartedAt), worker.starting,
          UInt64(worker.stopSignal), UInt64(clamping: worker.grace.rawValue), worker.baseline?.rawValue ?? 0,
          worker.dueSince.map(number) ?? 0, phase, detail,
          worker.conduct.parkedBefore.map { UInt64($0.rawValue) + 1 } ?? 0, worker.conduct.paused ? 1 : 0,
          UInt64(worker.conduct.failures),
        ] + worker.pipe.numbers + worker.counts + worker.conduct.remedyNumbers)
      out.write("tally")
      out.write(worker.conduct.tally.instants.map(number))
      guard let act = worker.act else { continue }
      let p = act.progress
      out.write("act")
      out.write([
        UInt64(act.reason.rawValue), UInt64(act.pid), act.before.rawValue, UInt64(act.newestPid + 1), UInt64(p.stage),
        number(p.until), number(p.began), p.killed ? 1 : 0, UInt64(act.command.pid), act.command.startTicks,
      ])
      for (word, identities) in [("going" as StaticString, act.going), ("known", act.known)] {
        out.write(word)
        var numbers = [UInt64]()
        for identity in identities { numbers += [UInt64(identity.pid), identity.startTicks] }
        out.write(numbers)
      }
    }
    for one in leaving {
      out.write("leaving")
      out.write([UInt64(one.child.pid), one.child.startTicks, number(one.killAt)] + one.pipe.numbers)
    }
    StateFile.seal(&out)
    return out
  }

  /// nil: not a whole state file. Empty: of another boot.
  init?(_ text: Bytes, bootID: Bytes) {
    guard let body = StateFile.open(text, Self.head, bootID: bootID) else { return nil }
    var s = ByteScanner(text.span.extracting(body))
    while !s.isAtEnd {
      let i = workers.count - 1
      if s.accept("worker ") {
        guard let name = s.hexText(), let worker = SavedWorker(name, s.numbers()) else { return nil }
        workers.append(worker)
      } else if s.accept("leaving") {
        let n = s.numbers()
        guard n.count == 6, n[0] > 1, let child = identity(n[0], n[1]), let killAt = instant(n[2]),
          let pipe = SavedPipe(n[3...])
        else { return nil }
        leaving.append(SavedDeparture(child: child, killAt: killAt, pipe: pipe))
      } else if i < 0 {
        return nil
      } else if s.accept("tally") {
        var instants = [Instant]()
        for number in s.numbers() {
          guard let instant = instant(number) else { return nil }
          instants.append(instant)
        }
        workers[i].conduct.tally = Tally(instants)
      } else if s.accept("act") {
        guard let act = SavedAct(s.numbers()) else { return nil }
        workers[i].act = act
      } else {
        let isGoing = s.accept("going")
        guard isGoing || s.accept("known"), workers[i].act != nil, let all = identities(s.numbers()) else { return nil }
        if isGoing { workers[i].act?.going = all } else { workers[i].act?.known = all }
      }
      guard s.accept("\n") else { return nil }
    }
  }
  init() {}
}

extension SavedWorker {
  fileprivate init?(_ name: Bytes, _ n: [UInt64]) {
    // Earlier ones wrote 21.
    guard n.count == 21 || n.count == 29, let child = identity(n[0], n[1]), let startedAt = instant(n[2]), n[4] <= 64,
      let grace = instant(n[5]), let due = instant(n[7]), let detail = instant(n[9]), n[12] <= UInt64(Int32.max),
      let phase = Phase(n[8], detail), let pipe = SavedPipe(n[13..<16]), n[10] <= 2
    else { return nil }
    self.name = name
    (self.child, childStartedAt, starting) = (child, startedAt, n[3])
    (stopSignal, self.grace, self.pipe) = (Int32(n[4]), Milliseconds(grace.milliseconds), pipe)
    baseline = n[6] == 0 ? nil : ByteCount(n[6])
    dueSince = n[7] == 0 ? nil : due
    counts = Array(n[16..<21])
    conduct = Conduct(
      phase: phase, parkedBefore: n[10] == 0 ? nil : ParkReason(rawValue: UInt8(n[10] - 1)), paused: n[11] == 1,
      tally: Tally(),
      failures: Int(n[12]))
    if n.count == 29, !conduct.recall(n[21...]) { return nil }
  }
}

extension Conduct {
  fileprivate var remedyNumbers: [UInt64] {
    [
      remedy.at.map(number) ?? 0, remedy.freed.rawValue,
      remedy.backAfter.map { UInt64(clamping: $0.rawValue) + 1 } ?? 0, UInt64(remedy.useless), UInt64(steps.life.pid),
      steps.life.startTicks, UInt64(steps.once), UInt64(steps.spent),
    ]
  }
  fileprivate mutating func recall(_ n: ArraySlice<UInt64>) -> Bool {
    let n = Array(n)
    guard let at = instant(n[0]), let back = instant(n[2]), n[3] <= 2, let life = identity(n[4], n[5]), n[6] <= 255,
      n[7] <= 255
    else { return false }
    let backAfter = n[2] == 0 ? nil : Milliseconds(back.milliseconds - 1)
    if n[0] > 0 { remedy = Remedy(at: at, freed: ByteCount(n[1]), backAfter: backAfter, useless: Int(n[3])) }
    steps = StepMemory(life: life, once: UInt8(n[6]), spent: UInt8(n[7]))
    return true
  }
}

extension SavedAct {
  fileprivate init?(_ n: [UInt64]) {
    guard n.count == 10, n[0] <= UInt64(UInt8.max), let reason = Reason(rawValue: UInt8(n[0])),
      let first = identity(n[1], 0), n[3] <= UInt64(Int32.max), n[4] <= 6, let until = instant(n[5]),
      let began = instant(n[6]), let command = identity(n[8], n[9])
    else { return nil }
    (self.reason, pid, before, newestPid) = (reason, first.pid, ByteCount(n[2]), Int32(n[3]) - 1)
    progress = RecycleProgress(stage: UInt8(n[4]), until: until, began: began, killed: n[7] == 1)
    self.command = command
  }
}

extension SavedPipe {
  fileprivate init?(_ n: ArraySlice<UInt64>) {
    let n = Array(n)
    guard n[0] <= UInt64(UInt32.max), n[1] <= UInt64(UInt32.max) else { return nil }
    (device, inode) = (Device(major: UInt32(n[0]), minor: UInt32(n[1])), n[2])
  }
}

extension Phase {
  fileprivate var numbers: (UInt64, UInt64) {
    switch self {
    case .armed: (0, 0)
    case .acting: (1, 0)
    case .coolingDown(let until): (2, number(until))
    case .backingOff(let until): (3, number(until))
    case .parked(let why): (4, UInt64(why.rawValue))
    }
  }
  fileprivate init?(_ number: UInt64, _ detail: Instant) {
    switch number {
    case 0: self = .armed
    case 1: self = .acting
    case 2: self = .coolingDown(until: detail)
    case 3: self = .backingOff(until: detail)
    case 4:
      guard let why = ParkReason(rawValue: UInt8(clamping: detail.milliseconds)) else { return nil }
      self = .parked(why)
    default: return nil
    }
  }
}

private func number(_ instant: Instant) -> UInt64 { min(UInt64(clamping: instant.milliseconds), instantMaximum) }
/// 285 000 years: what is added to it does not overflow.
private let instantMaximum: UInt64 = 1 << 53
private func instant(_ number: UInt64) -> Instant? {
  number <= instantMaximum ? Instant(milliseconds: Int64(number)) : nil
}
/// pid 1 is nobody's worker; 0 stands for none.
private func identity(_ pid: UInt64, _ ticks: UInt64) -> Identity? {
  pid != 1 && pid <= UInt64(Int32.max) ? Identity(pid: Int32(pid), startTicks: ticks) : nil
}
private func identities(_ n: [UInt64]) -> [Identity]? {
  guard n.count % 2 == 0 else { return nil }
  var all = [Identity]()
  for i in stride(from: 0, to: n.count, by: 2) {
    guard n[i] > 1, let one = identity(n[i], n[i + 1]) else { return nil }
    all.append(one)
  }
  return all
}

extension Array where Element == UInt8 {
  /// A blank before each, and the end of the line.
  fileprivate mutating func write(_ numbers: [UInt64]) {
    for number in numbers {
      append(0x20)
      write(number)
    }
    append(0x0A)
  }
}

extension ByteScanner {
  /// As many as there are up to the end of the line.
  @_lifetime(self: copy self)
  fileprivate mutating func numbers() -> [UInt64] {
    var all = [UInt64]()
    while next == 0x20, let number = number() { all.append(number) }
    return all
  }
}

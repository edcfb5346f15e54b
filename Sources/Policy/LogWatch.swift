// When is a log cut, and when is it looked at again? Pure: file status and time in, verdict and next look out.
//
// Three states, told by `nextLook` and `failures`:
//   quiet    `.whenWritten`: no timer; the first write (inotify) brings the next look
//   growing  `.at`: half the time in which the measured rate could fill the headroom, 2 ms to 250 ms; at first 4 ms
//   stuck    `.at`: a cut failed or freed nothing; 1 s, doubling to 1 min
// A log that is written now and then is paid for from a credit that earns four looks per second: with credit a first
// line is followed by a second look 4 ms later (is it the start of a flood?), without it by one after 250 ms.
public import Samples

public enum LogVerdict: Equatable, Sendable {
  case fine
  /// Cut now and leave at most this much.
  case cut(keep: ByteCount)
}

/// When the loop must call `look` again.
public enum NextLook: Equatable, Sendable {
  case at(Instant)
  /// At the next write; until then no timer.
  case whenWritten
}

/// The memory of one watched log. Steady use allocates nothing.
public struct LogWatch: Sendable {
  public let rules: LogRules
  public private(set) var nextLook = NextLook.whenWritten
  /// Bytes per second: the fastest seen lately, forgotten with a half-life of about a second.
  public private(set) var rate: UInt64 = 0
  public private(set) var growth = LogGrowth()
  private var last: FileStatus?
  private var lastTime = Instant(milliseconds: 0)
  private var quiet = true
  private var credit = creditMaximum
  /// A first look at a flood may have seen its beginning only: the rate is trusted for so many ms, and at each look for
  /// twice as many.
  private var trust = probe / 2
  private var failures: Int64 = 0
  private var stuckUntil: Instant?
  /// A cut comes early enough for what comes first to take this many ms: a loop that is late, or an archive.
  public var lead: UInt64 = shortestLead

  /// A flood that begins while a log is written slowly is seen after this long: 20 MB/s gain 5 MB in it.
  private static let longest: Int64 = 250
  private static let shortest: Int64 = 2, probe: Int64 = 4, creditMaximum: Int64 = 2000
  public static let shortestLead: UInt64 = 10
  /// Bytes per second and bytes beyond which figures are not believed: keeps the arithmetic below within 64 bits.
  private static let rateMaximum: UInt64 = 1 << 40, gainMaximum: UInt64 = 1 << 50

  public init(_ rules: LogRules) { self.rules = rules }

  /// `rate` as it has faded since the last look, by half each second: a log that fell silent is not looked at.
  public func rate(at now: Instant) -> UInt64 { max(faded(now), growth.perSecond(now: now)) }

  /// The same without the peaks of one look, as soon as it has grown for a second: who grows fastest.
  public func steadyRate(at now: Instant) -> UInt64 {
    let average = growth.perSecond(now: now)
    return average > 0 ? average : faded(now)
  }

  private func faded(_ now: Instant) -> UInt64 { rate >> UInt64(max((now - lastTime).rawValue, 0) / 1000) }

  /// Judges what the file holds now and sets `nextLook`. Any file may be shown: a new inode or a size that fell is
  /// somebody else's rotation, and what is in it now is what was gained.
  public mutating func look(_ status: FileStatus, now: Instant) -> LogVerdict {
    let elapsed = max((now - lastTime).rawValue, 0)
    let changed = last?.inode != status.inode || last?.size != status.size || last?.allocated != status.allocated
    measure(status, elapsed: elapsed, now: now)
    if last == nil || elapsed > 0 {
      credit = min(Self.creditMaximum, credit + (last == nil ? 0 : elapsed))
      last = status
      lastTime = now
    }
    if let stuckUntil, now < stuckUntil {
      nextLook = .at(stuckUntil)
      return .fine
    }
    stuckUntil = nil
    if mustCut(status.allocated) {
      // The loop calls `cutDone` or `cutFailed`; a log that is only observed must not be looked at every 2 ms.
      nextLook = .at(now + .seconds(1))
      return .cut(keep: keep)
    }
    schedule(changed: changed, allocated: status.allocated, now: now)
    return .fine
  }

  /// The file after a cut that the last verdict asked for.
  public mutating func cutDone(_ status: FileStatus, now: Instant) {
    let before = last?.allocated ?? rules.budget
    guard status.allocated < min(before, rules.budget) else { return cutFailed(now: now) }
    failures = 0
    last = status
    lastTime = now
    quiet = false
    // Soon even when no rate is known: what brought it to its budget may still be going on.
    nextLook = .at(now + Milliseconds(min(Self.probe, gap(status.allocated))))
  }

  /// The cut was refused, failed, or freed nothing: another try after 1 s, 2 s, … 1 min.
  public mutating func cutFailed(now: Instant) {
    let until = now + .seconds(min(60, 1 << min(failures, 6)))
    failures += 1
    stuckUntil = until
    nextLook = .at(until)
  }

  /// Time until the log has used up this much room (the rest of its budget, or of its filesystem) at its long-term
  /// rate; nil when it does not grow.
  public func timeToFill(_ room: ByteCount, now: Instant) -> Milliseconds? { growth.timeToFill(room, now: now) }

  /// How much may be written before a look `after` milliseconds from now is answered: twice the rate.
  private func risk(after: UInt64) -> ByteCount { ByteCount(rate * 2 * after / 1000) }

  /// The early cut never comes before five eighths of the budget: what is left after a cut is half of it at most.
  private func mustCut(_ allocated: ByteCount) -> Bool {
    let reserve = ByteCount(rules.budget.rawValue / 8 * 3)
    return allocated + min(risk(after: lead), reserve) >= rules.budget
  }

  /// What the rules say, else half the budget, in a flood less (twice `lead` at twice the rate must fit) down to an eighth.
  private var keep: ByteCount {
    let half = ByteCount(rules.budget.rawValue / 2), eighth = ByteCount(rules.budget.rawValue / 8)
    if let keep = rules.keep { return min(keep, half) }
    return min(half, max(eighth, rules.budget - risk(after: 2 * lead)))
  }

  /// Half the time in which the rate would fill the headroom, 2 ms to 250 ms.
  private func gap(_ allocated: ByteCount) -> Int64 {
    let headroom = (rules.budget - allocated).rawValue
    guard headroom < rate * 2 else { return Self.longest }
    return max(Self.shortest, Int64(headroom * 1000 / (rate * 2)))
  }

  private mutating func schedule(changed: Bool, allocated: ByteCount, now: Instant) {
    let wasQuiet = quiet
    quiet = !changed
    let gap = gap(allocated)
    if gap < Self.longest {
      trust = changed ? min(gap, trust * 2) : Self.probe / 2
      // A flood that pauses is worth a wake-up at its next write, whatever the credit.
      nextLook = changed ? .at(now + Milliseconds(trust)) : .whenWritten
      return
    }
    trust = Self.probe / 2
    credit -= Self.longest
    if !changed {
      nextLook = credit >= 0 ? .whenWritten : .at(now + Milliseconds(Self.longest - credit))
    } else {
      nextLook = .at(now + Milliseconds(wasQuiet && credit >= Self.longest ? Self.probe : Self.longest))
    }
  }

  private mutating func measure(_ status: FileStatus, elapsed: Int64, now: Instant) {
    guard let last else { return growth.start(now: now) }
    guard elapsed > 0 else { return }
    let gained = gain(from: last, to: status)
    growth.add(gained, now: now)
    let time = UInt64(elapsed)
    let fresh = min(Self.rateMaximum, min(gained.rawValue, Self.gainMaximum) * 1000 / time)
    // 1000 / (1000 + t) per look is close to e^(-t) for the short gaps of a flood and gentler for long ones.
    let faded = rate * 1000 / (1000 + min(time, Self.rateMaximum))
    rate = max(fresh, faded)
  }

  /// What was written between two looks.
  private func gain(from before: FileStatus, to after: FileStatus) -> ByteCount {
    guard before.inode == after.inode else { return min(after.size, after.allocated) }
    return FileStatus.gain(
      size: after.size, allocated: after.allocated, since: (size: before.size, allocated: before.allocated))
  }
}

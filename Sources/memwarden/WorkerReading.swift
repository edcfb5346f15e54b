// Reads the processes of a worker: statm every tick, the costly file when it is due.
import CLinux
import Kernel
import Policy
import Report
import Samples

/// A figure as it came out of one tick.
struct Assessment {
  var value: ByteCount
  /// Read or derived in this tick from a file that says exactly this; an estimate between two readings is not.
  var isFresh: Bool
  var isEstimate: Bool
}

/// What costly readings may take of one tick: where workers are many and the board is slow they are spread over several.
final class ReadingBudget {
  var microseconds: Int64 = 0
}

extension WatchedWorker {
  /// Reads every process: statm always, the costly file when it is due. Ended processes are dropped. False when nothing
  /// changed and the last judgement stands: then statm is all that was read. Once `budget` is used up, costly
  /// readings that are only old are left for later ticks; `isUnread` says that a first one was.
  @discardableResult
  func sample(_ reader: KernelReader, teller: Teller, budget: ReadingBudget? = nil, now: Instant) -> Bool {
    isUnread = false
    var changed = now >= restsUntil
    var i = 0
    while i < members.count {
      let member = members[i]
      do throws(Absence) {
        let statm = try read(member, reader)
        if statm != member.statm {
          changed = true
          member.statm = statm
          member.record.resident = statm.resident
        }
        i += 1
      } catch {
        changed = true
        members.remove(at: i)
        if act == nil, error == .gone || error == .zombie {
          teller.tellIfQuiet(record.name, .vanished(pid: member.kept.identity.pid))
        }
      }
    }
    guard changed else { return false }
    readCgroup(reader, now: now)
    let limit = dueLimit
    for member in members {
      switch record.rules.metric {
      case .rss, .anon: continue
      case .swap: readSwap(member, reader)
      case .uss, .pss:
        switch member.sampling.due(resident: member.statm.resident, limit: limit, now: now) {
        case .no: continue
        case .soon(let first) where budget.map { $0.microseconds <= 0 } ?? false: isUnread = isUnread || first
        case .soon, .now:
          let took = readExactly(member, reader, now: now)
          budget?.microseconds -= took
        }
      }
    }
    return true
  }

  private func read(_ member: Member, _ reader: KernelReader) throws(Absence) -> Statm {
    do throws(Absence) { return try member.kept.statm() } catch {
      // The leader may have exited while threads live on: then there is another way to the same memory.
      guard let again = try? KeptProcess(reader: reader, pid: member.kept.identity.pid),
        again.identity == member.kept.identity
      else { throw error }
      member.kept = again
      return try again.statm()
    }
  }

  /// The limit each process's estimate is held against to see whether an exact reading matters. For a sum: all of
  /// them, as soon as the sum of the estimates comes near.
  private var dueLimit: ByteCount? {
    guard let first = record.limits.first, record.rules.scope == .sum else { return record.limits.first }
    var sum = ByteCount.zero
    for member in members { sum += member.sampling.estimate(resident: member.statm.resident) ?? .zero }
    return sum >= first.share(Permyriad(9000)) ? .zero : nil
  }

  /// Right before an act: the figure that the worker is judged by, read anew.
  func lookAgain(_ member: Member, _ reader: KernelReader, now: Instant) {
    if let statm = try? read(member, reader) { member.statm = statm }
    switch record.rules.metric {
    case .rss, .anon: break
    case .swap: readSwap(member, reader)
    case .uss, .pss: readExactly(member, reader, now: now)
    }
  }

  /// For people: nothing is judged by it. Once a minute.
  private func readCgroup(_ reader: KernelReader, now: Instant) {
    if let cgroupAt, now - cgroupAt < .seconds(60) { return }
    guard let first = members.first else { return }
    cgroupAt = now
    record.cgroup = try? reader.cgroupMemory(first.kept.identity.pid)
  }

  /// How many microseconds it took.
  @discardableResult
  func readExactly(_ member: Member, _ reader: KernelReader, now: Instant) -> Int64 {
    let start = cl_boottime_us()
    do throws(Absence) {
      member.record.footprint = try reader.footprint(of: member.kept.identity)
      let cost = Milliseconds((cl_boottime_us() - start) / 1000)
      if let value = chosen(member.record.footprint).bytes {
        member.sampling.took(value, resident: member.statm.resident, now: now, cost: cost)
      }
    } catch {
      member.record.footprint = Footprint()
      member.sampling = Sampling()
      member.record.footprint.uss = .absent(error)
      member.record.footprint.pss = .absent(error)
    }
    return cl_boottime_us() - start
  }

  private func readSwap(_ member: Member, _ reader: KernelReader) {
    do throws(Absence) {
      let status = try reader.status(member.kept.identity.pid)
      member.record.footprint.swap = status.swap.map { .exact($0) } ?? .absent(.unsupported)
    } catch {
      member.record.footprint.swap = .absent(error)
    }
  }

  /// The figure of the worker's metric as it was read last.
  func reading(of member: Member) -> Reading {
    switch record.rules.metric {
    case .rss: .exact(member.statm.resident)
    case .anon: .exact(member.statm.anonymous)
    case .uss, .pss, .swap: chosen(member.record.footprint)
    }
  }

  private func chosen(_ footprint: Footprint) -> Reading { record.rules.metric.figure(of: footprint) }

  func assess(_ member: Member, now: Instant) -> Assessment? {
    switch record.rules.metric {
    case .rss: return Assessment(value: member.statm.resident, isFresh: true, isEstimate: false)
    case .anon: return Assessment(value: member.statm.anonymous, isFresh: true, isEstimate: false)
    case .swap:
      let reading = member.record.footprint.swap
      guard let value = reading.bytes else {
        record.absence = reading.absence
        return nil
      }
      return Assessment(value: value, isFresh: true, isEstimate: false)
    case .uss, .pss:
      let reading = chosen(member.record.footprint)
      guard let value = member.sampling.estimate(resident: member.statm.resident) else {
        record.absence = reading.absence
        return nil
      }
      if case .estimate = reading { return Assessment(value: value, isFresh: true, isEstimate: true) }
      return Assessment(value: value, isFresh: member.sampling.isFresh(now), isEstimate: false)
    }
  }
}

extension Metric {
  func figure(of footprint: Footprint) -> Reading {
    switch self {
    case .uss: footprint.uss
    case .pss: footprint.pss
    case .rss: footprint.rss
    case .anon: footprint.anon
    case .swap: footprint.swap
    }
  }
}

extension WatchedWorker {
  /// The figure of some of its processes together, by the metric of its rules. Nil when none can be read.
  func figure(of some: [Member]) -> Figure? {
    var sum = ByteCount.zero
    var known = 0
    var isEstimate = false
    for member in some {
      let reading = reading(of: member)
      guard let value = reading.bytes else { continue }
      if case .estimate = reading { isEstimate = true }
      known += 1
      sum += value
    }
    guard known > 0 else { return nil }
    return Figure(
      metric: record.rules.metric, scope: record.rules.scope, value: sum, limit: record.limits.first,
      isEstimate: isEstimate)
  }
}

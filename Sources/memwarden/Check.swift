// `memwarden check`: is the file right, and with --live, does it fit this board now?
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

func check(_ options: Options) -> Int32 {
  let configuration: Configuration
  do throws(ConfigurationProblems) {
    configuration = try readConfiguration(path: options.configuration)
  } catch {
    for problem in error.list { complain("\(problem.text)") }
    return Exit.usage
  }
  let (workers, logs) = (configuration.workers.count, configuration.logs.count)
  printOut("\(options.configuration): ok, \(workers, "worker") and \(logs, "log")\n")
  guard options.live else { return Exit.done }
  return LiveCheck(configuration).run() ? Exit.done : Exit.refused
}

/// Holds a configuration against the board as it is. Changes nothing.
private struct LiveCheck {
  let configuration: Configuration
  let reader = KernelReader(roots: Roots())
  init(_ configuration: Configuration) { self.configuration = configuration }

  /// False when a limit could never work.
  func run() -> Bool {
    let memory = (try? reader.memInfo()) ?? MemInfo()
    for sentence in Features.probe(reader).missing { printOut("  kernel: \(sentence)\n") }
    var isFine = true
    for worker in configuration.workers where !checkWorker(worker, memory) { isFine = false }
    if !LogCheck(configuration: configuration, reader: reader, memory: memory).run() { isFine = false }
    return isFine
  }

  private func checkWorker(_ settings: WorkerSettings, _ memory: MemInfo) -> Bool {
    let limits = Limits(settings.rules, memTotal: memory.total)
    if let soft = limits.soft, let hard = limits.hard, soft > hard {
      printOut("  worker \(settings.name): the soft limit \(soft) is above the hard limit \(hard) on this board\n")
      return false
    }
    guard !settings.selector.isEmpty else {
      printOut("  worker \(settings.name): memwarden runs it; nothing to match before it is started\n")
      return true
    }
    guard let matcher = try? Matcher(settings.selector) else { return false }
    let candidate = Candidate(reader: reader)
    candidate.beginScan()
    let protected = Protected(reader: reader, names: configuration.protect)
    var found = [(pid: Int32, footprint: Footprint)]()
    do throws(Absence) {
      try reader.forEachProcess { pid in
        guard candidate.consider(pid), matcher.matches(candidate) else { return }
        let stat = candidate.stat
        if protected.covers(pid, stat) {
          printOut("  worker \(settings.name): pid \(pid) matches and is protected: never touched\n")
          return
        }
        let identity = Identity(pid: pid, startTicks: stat.startTicks)
        found.append((pid, (try? reader.footprint(of: identity)) ?? Footprint()))
      }
    } catch {
      printOut("  worker \(settings.name): /proc cannot be read\n")
    }
    if found.isEmpty { printOut("  worker \(settings.name): no process matches now\n") }
    return report(settings, limits, found)
  }

  private func report(
    _ settings: WorkerSettings, _ limits: Limits, _ found: [(pid: Int32, footprint: Footprint)]
  ) -> Bool {
    var isFine = true
    var sum = ByteCount.zero
    for (pid, footprint) in found {
      guard let value = settings.rules.metric.figure(of: footprint).bytes else {
        printOut("  worker \(settings.name): pid \(pid): its \(settings.rules.metric.name) cannot be read\n")
        continue
      }
      sum += value
      printOut("  worker \(settings.name): pid \(pid) matches, \(settings.rules.metric.name) \(value)\n")
      if settings.rules.scope == .each, !fits(value, limits, settings) { isFine = false }
    }
    if settings.rules.scope == .sum, !found.isEmpty {
      printOut("  worker \(settings.name): all together \(sum)\n")
      if !fits(sum, limits, settings) { isFine = false }
    }
    return isFine
  }

  private func fits(_ value: ByteCount, _ limits: Limits, _ settings: WorkerSettings) -> Bool {
    guard let limit = limits.first, value >= limit else { return true }
    printOut(
      "  worker \(settings.name): its limit of \(limit) is below what it holds now: it would be recycled at once\n")
    return false
  }
}

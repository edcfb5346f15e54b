// `memwarden check --live`: how each log would be cut and why, what would give way, and whether the RAM filesystems fit
// this board. Changes nothing.
import Actions
import CLinux
import Kernel
import Policy
import Report
import Samples

struct LogCheck {
  let configuration: Configuration
  let reader: KernelReader
  let memory: MemInfo

  private struct FileSystem {
    var mount: Mount
    /// nil for a ramfs: it has none.
    var size: ByteCount?
    var used = ByteCount.zero
  }

  /// False when a budget could never work.
  func run() -> Bool {
    let fileSystems = findFileSystems()
    var isFine = true
    for rules in configuration.logs {
      checkLog(rules)
      if let file = try? LogWriters.open(rules.path, reader), let size = size(of: file.opened.device, fileSystems),
        rules.budget > size
      {
        printOut("  log \(rules.path): its budget of \(rules.budget) is more than its filesystem has (\(size))\n")
        isFine = false
      }
    }
    for rules in configuration.budgets where !checkBudget(rules, fileSystems) { isFine = false }
    for fileSystem in fileSystems { advise(fileSystem) }
    let all = fileSystems.reduce(ByteCount.zero) { $0 + ($1.size ?? $1.used) }
    let room = fileSystems.reduce(memory.usable) { $0 + $1.used }
    if all > room {
      printOut("  ram filesystems: all together may grow to \(all), RAM can give \(room): smaller sizes, or\n")
      printOut("    ram_filesystems { budget = … }, keep them from filling it\n")
    }
    return isFine
  }

  // MARK: Logs

  private func checkLog(_ rules: LogRules) {
    do throws(LogRefusal) {
      let file = try LogWriters.open(rules.path, reader)
      let status = try file.status()
      var scan = reader.holders(of: status)
      scan.holders.removeAll { $0.identity.pid == getpid() }
      let appends = writersAppend(scan.unreadable == 0 ? scan.holders : nil)
      let inPlace = cutMethod(on: file.kind, writersAppend: appends)
      printOut("  log \(rules.path): holds \(status.allocated) of \(rules.budget); would be ")
      if rules.reopen != nil {
        printOut("renamed, where its writers can be asked to open it again, else cut by \(inPlace.name)")
      } else {
        printOut("cut by \((rules.method ?? inPlace).name)")
      }
      let isChosen = rules.reopen != nil || rules.method != nil
      printOut(": \(isChosen ? "the configuration says so" : reason(file.kind, scan, appends))\n")
      for holder in scan.holders where holder.writes {
        printOut("    written by pid \(holder.identity.pid)\(holder.appends ? ", appends" : ", without O_APPEND")\n")
      }
      if let archive = rules.archive { checkArchive(archive, on: status.device) }
    } catch .gone {
      printOut("  log \(rules.path): is not there now\n")
    } catch {
      printOut("  log \(rules.path): would not be cut: \(error.advice)\n")
    }
  }

  private func checkArchive(_ archive: ArchiveRules, on device: Device) {
    do throws(ArchiveTrouble) {
      try ArchiveFolder.check(archive.folder, on: device)
      printOut("    archived in \(archive.folder)\n")
    } catch {
      printOut("    would not be archived: \(error.advice)\n")
    }
  }

  private func reason(_ kind: Mount.Kind, _ scan: HolderScan, _ appends: Bool) -> StaticString {
    if kind == .tmpfs { return "on tmpfs the head becomes a hole, and nothing is lost" }
    if appends { return "on ramfs there are no holes, and all its writers append" }
    if scan.unreadable > 0 { return "on ramfs, and not every process may be looked into: a writer may not append" }
    return "on ramfs, and a writer does not append: it would go on behind a hole"
  }

  // MARK: Budgets of several logs

  private func checkBudget(_ rules: BudgetRules, _ fileSystems: [FileSystem]) -> Bool {
    switch rules.scope {
    case .logs: return checkPattern(rules, fileSystems)
    case .fileSystem:
      guard let device = (try? reader.fileStatus(rules.name + Bytes("/.")))?.device,
        let found = fileSystems.first(where: { $0.mount.device == device })
      else {
        printOut("  filesystem \(rules.name): is no folder on a ramfs or tmpfs now\n")
        return true
      }
      let budget = rules.budget.resolved(of: found.size ?? memory.total)
      printOut("  filesystem \(rules.name): the one on \(found.mount.point) holds \(found.used) of \(budget)\n")
      guard let size = found.size, budget > size else { return true }
      printOut("  filesystem \(rules.name): its budget of \(budget) is more than its size of \(size)\n")
      return false
    case .allRAM:
      let used = fileSystems.reduce(ByteCount.zero) { $0 + $1.used }
      let budget = rules.budget.resolved(of: memory.total)
      printOut("  ram_filesystems: all together hold \(used) of \(budget)\n")
      if let line = rules.availableBelow?.resolved(of: memory.total) {
        printOut("  ram_filesystems: \(memory.usable) available, logs give way below \(line)\n")
      }
      return true
    }
  }

  private func checkPattern(_ rules: BudgetRules, _ fileSystems: [FileSystem]) -> Bool {
    let search = LogSearch(Glob(rules.name))
    search.restart()
    while !search.step(entries: 4096) {}
    let protected = configuration.budgets.flatMap { $0.protect }.map { Glob($0) }
    let budget = rules.budget.resolved(of: memory.total)
    let held = search.found.reduce(search.missedBytes) { $0 + $1.status.allocated }
    printOut("  logs \(rules.name): \(search.found.count, "file") with \(held) of \(budget)\n")
    if search.missed > 0 { printOut("    \(search.missed, "file") more: too many to be watched\n") }
    if search.isOffRAM { printOut("    some of it is on no ramfs or tmpfs: not watched\n") }
    var isFine = true
    for file in search.found {
      if configuration.logs.contains(where: { $0.path == file.path }) { continue }
      if protected.contains(where: { $0.matches(file.path) }) {
        printOut("    \(file.path): protected\n")
      } else if file.status.isRegular, RotatedName(file.path) != nil {
        printOut("    \(file.path): an archive of \(file.status.allocated), goes first unless it is open\n")
      } else {
        checkLog(rules.logRules(path: file.path, budget: budget))
      }
      if isFine, let size = size(of: file.status.device, fileSystems), budget > size {
        printOut("  logs \(rules.name): its budget of \(budget) is more than its filesystem has (\(size))\n")
        isFine = false
      }
    }
    return isFine
  }

  // MARK: Filesystems

  /// Every RAM filesystem once, with what it holds.
  private func findFileSystems() -> [FileSystem] {
    var found = [FileSystem]()
    let all = (try? reader.mounts()) ?? []
    for (i, mount) in all.enumerated() where mount.kind != .other && !mount.readOnly {
      if all[(i + 1)...].contains(where: { $0.point == mount.point }) { continue }
      if found.contains(where: { $0.mount.device == mount.device }) { continue }
      var fileSystem = FileSystem(mount: mount)
      do throws(Absence) {
        let usage = try reader.usage(of: mount)
        (fileSystem.size, fileSystem.used) = (usage.size, usage.used)
      } catch {
        let walk = TreeWalk(mount: mount)
        while !walk.step(entries: 4096) {}
        fileSystem.used = walk.usage.used
      }
      found.append(fileSystem)
    }
    return found
  }

  private func size(of device: Device, _ fileSystems: [FileSystem]) -> ByteCount? {
    fileSystems.first { $0.mount.device == device }?.size
  }

  /// Half of what RAM can give, in whole MiB, and never less than what is there already.
  private func advise(_ fileSystem: FileSystem) {
    let room = memory.usable + fileSystem.used
    let mib: UInt64 = 1 << 20
    let half = max(1, max(room.rawValue / 2, fileSystem.used.rawValue + mib - 1) / mib)
    let point = fileSystem.mount.point
    guard let size = fileSystem.size else {
      let kind = fileSystem.mount.kind.name
      printOut("  \(kind) \(point): nothing bounds it but RAM; a tmpfs with size=\(half)m would be bounded\n")
      return
    }
    guard size > room else { return }
    printOut("  tmpfs \(point): may grow to \(size), RAM can give it \(room) now; recommended:\n")
    printOut("    mount -o remount,size=\(half)m \(point)\n")
  }
}

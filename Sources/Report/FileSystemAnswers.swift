// GET /v1/filesystems: everything that lives in RAM as files, how fast it grows, and until when there is room.
import Policy
import Samples

extension Board {
  /// All the memory on RAM filesystems; ramfs counts only once its walk is complete.
  var ramFileSystemBytes: ByteCount {
    var sum = ByteCount.zero
    for fs in fileSystems { if let usage = fs.usage, usage.complete { sum += usage.used } }
    return sum
  }
  var ramFileSystemBytesPerDay: ByteCount {
    var sum = ByteCount.zero
    for fs in fileSystems { sum += fs.rate.perDay }
    return sum
  }
  /// Until all of them together have used up what RAM has left; nil while nothing grows.
  var ramFullIn: Milliseconds? {
    let gained = ramFileSystemBytesPerDay.rawValue
    guard gained > 0 else { return nil }
    let (high, low) = memory.usable.rawValue.multipliedFullWidth(by: 86_400_000)
    return Milliseconds(high >= gained ? .max : Int64(clamping: gained.dividingFullWidth((high, low)).quotient))
  }

  func writeFileSystems(to json: inout JSONWriter) {
    json.object { json in
      json.field("mem_total_bytes", memory.total)
      json.field("available_bytes", memory.usable)
      json.field("used_bytes", ramFileSystemBytes)
      json.field("bytes_per_day", ramFileSystemBytesPerDay)
      json.field("ram_full_in_ms", ramFullIn)
      json.array("filesystems") { json in for fs in fileSystems { fs.writeWhole(to: &json) } }
      json.array("deleted_files") { json in
        for file in held.deleted.list {
          json.object { json in
            file.write(to: &json, name: "path")
            json.field("watched_log", file.isLog)
          }
        }
      }
      json.field("deleted_count", held.deleted.count)
      json.field("deleted_bytes", held.deleted.bytes)
      json.array("memfds") { json in
        for file in held.memfds.list { json.object { file.write(to: &$0, name: "name") } }
      }
      json.field("memfd_count", held.memfds.count)
      json.field("memfd_bytes", held.memfds.bytes)
      json.array("shared_memory") { json in for record in held.segments.list { record.write(to: &json) } }
      json.field("shared_memory_count", held.segments.count)
      json.field("shared_memory_bytes", held.segments.bytes)
      json.field("unreadable_processes", held.unreadable)
      json.field("descriptors_searched_boot_ms", held.searchedAt.map { Milliseconds($0.milliseconds) })
    }
  }

  func writeFileSystems(to text: inout Bytes) {
    text.write("TYPE  HOLDS      OF         FILES    ROUNDING   PER DAY    FULL IN        MOUNT\n")
    for fs in fileSystems { fs.writeRow(to: &text) }
    text.say("all: \(ramFileSystemBytes), \(ramFileSystemBytesPerDay) a day more, \(memory.usable) of RAM left")
    if let ramFullIn { text.say(", full in \(ramFullIn)") }
    text.write("\n")
    for fs in fileSystems { for grower in fs.growers { grower.writeRow(to: &text) } }
    for file in held.deleted.list {
      text.say("deleted, held: \(file.status.allocated) by pid \(file.pid) (\(file.comm)) as descriptor ")
      text.say("\(file.descriptor): \(file.path)\n")
    }
    for file in held.memfds.list {
      text.say("memfd: \(file.status.allocated) of pid \(file.pid) (\(file.comm)): \(file.path)\n")
    }
    for record in held.segments.list {
      text.say("shared memory: \(record.segment.held) in segment \(record.segment.id), made by pid ")
      text.say("\(record.segment.creator) (\(record.comm)), attached \(record.segment.attached) times\n")
    }
  }
}

extension FileSystemRecord {
  /// As far as /v1/status tells of it.
  func write(to json: inout JSONWriter) {
    json.object { json in
      writeUsage(to: &json)
      if usage != nil { writeLargest(to: &json) }
    }
  }

  private func writeUsage(to json: inout JSONWriter) {
    json.field("mount", point)
    json.field("type", kind.name)
    guard let usage else {
      json.null("used_bytes")
      json.field("used_absent", absenceName)
      return
    }
    json.field("used_bytes", usage.used)
    json.field("size_bytes", usage.size)
    json.field("files", usage.files)
    json.field("complete", usage.complete)
  }

  private func writeLargest(to json: inout JSONWriter) {
    if largest.isEmpty { return }
    json.array("largest_files") { json in
      for i in 0..<largest.count {
        json.object { json in
          json.field("path", largest[i].path)
          json.field("allocated_bytes", largest[i].allocated)
        }
      }
    }
  }

  var absenceName: StaticString { isCovered ? "covered" : (absence ?? .notRead).name }

  func writeWhole(to json: inout JSONWriter) {
    json.object { json in
      writeUsage(to: &json)
      json.array("also_mounted_at") { json in for point in alsoAt { json.string(point) } }
      json.field("covered", isCovered)
      guard let usage else { return }
      json.field("files_maximum", usage.filesMaximum)
      json.field("apparent_bytes", sums?.apparent)
      json.field("rounding_bytes", sums?.rounding)
      json.field("regular_files", sums?.regularFiles)
      json.field("deleted_bytes", deleted)
      json.field("unaccounted_bytes", unaccounted)
      json.field("limit_bytes", limit)
      json.field("bytes_per_second", rate.perSecond)
      json.field("bytes_per_day", rate.perDay)
      json.field("full_in_ms", untilFull)
      writeLargest(to: &json)
      json.array("growing_files") { json in for grower in growers { grower.write(to: &json) } }
    }
  }

  func writeRow(to text: inout Bytes) {
    text.cell("\(kind.name)", 5)
    guard let usage else {
      text.say("\(absenceName): \(point)\n")
      return
    }
    text.amount(usage.used, 10)
    text.amount(limit, 10)
    text.cell("\(usage.files)", 8)
    text.amount(sums?.rounding, 10)
    text.amount(rate.perDay, 10)
    text.cell(untilFull.map { "\($0)" } ?? "-", 14)
    text.say("\(point)\n")
  }
}

extension GrowerRecord {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("path", path)
      json.field("allocated_bytes", allocated)
      json.field("apparent_bytes", size)
      json.field("bytes_per_second", bytesPerSecond)
      json.field("bytes_per_day", bytesPerDay)
      json.field("writers", writers)
      guard let writer else { return json.null("writer") }
      json.object("writer") { json in
        json.field("pid", writer.pid)
        json.field("comm", writer.comm)
        if writer.worker.isEmpty { json.null("worker") } else { json.field("worker", writer.worker) }
        json.field("appends", writer.appends)
      }
    }
  }

  func writeRow(to text: inout Bytes) {
    text.say("grows: \(bytesPerDay) a day, holds \(allocated)")
    if let writer { text.say(", written by pid \(writer.pid) (\(writer.comm))") }
    text.say(": \(path)\n")
  }
}

extension HeldFileRecord {
  func write(to json: inout JSONWriter, name: StaticString) {
    json.field(name, path)
    json.field("allocated_bytes", status.allocated)
    json.field("apparent_bytes", status.size)
    json.field("pid", pid)
    json.field("comm", comm)
    if worker.isEmpty { json.null("worker") } else { json.field("worker", worker) }
    json.field("descriptor", descriptor)
    json.field("uid", UInt64(status.uid))
  }
}

extension SegmentRecord {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.field("id", segment.id)
      json.field("size_bytes", segment.size)
      json.field("resident_bytes", segment.resident)
      json.field("creator_pid", segment.creator)
      if comm.isEmpty { json.null("creator_comm") } else { json.field("creator_comm", comm) }
      json.field("uid", UInt64(segment.uid))
      json.field("attached", segment.attached)
    }
  }
}

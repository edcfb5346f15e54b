// What the configuration file says, as values. Knows no syntax; the defaults here are those of Config/memwarden.conf.
import Actions
import Kernel
import Policy
import Samples

struct Configuration: Equatable {
  /// How often every worker is read.
  var interval = Milliseconds.seconds(5)
  /// Dry run: say what would be done, do nothing, for every worker and log.
  var observe = false
  /// Comms of processes that are never touched.
  var protect: [Bytes] = []
  /// memwarden's own /proc/self/oom_score_adj.
  var oomScoreAdjust: Int32 = -900
  /// What must outlive memwarden: which logs are redirected. Read at the start only.
  var state = Bytes("/run/memwarden/state")
  var http = HTTPSettings()
  var workers: [WorkerSettings] = []
  var logs: [LogRules] = []
  var groups: [GroupRules] = []
  /// Of several logs, of filesystems, of all of them.
  var budgets: [BudgetRules] = []
  var journal = JournalSettings()
}

struct HTTPSettings: Equatable {
  /// nil: no TCP.
  var listen: ListenAddress? = ListenAddress(host: [127, 0, 0, 1], port: 8741)
  var allowRemote = false
  /// Absolute path of the unix socket, at most 107 bytes; nil: none.
  var socket: Bytes? = Bytes("/run/memwarden.sock")
  var tokenFile: Bytes?
  /// What the token file held when the configuration was read, its line end cut off: 16 to 256 printable ASCII bytes.
  /// nil: nothing may be changed over TCP.
  var token: Bytes?
  /// Host names accepted beside localhost, 127.0.0.1 and [::1]; lower case, no port.
  var allowedHosts: [Bytes] = []
}

/// A numeric address and port.
struct ListenAddress: Equatable {
  /// In network order: 4 bytes for IPv4, 16 for IPv6.
  var host: Bytes
  var port: UInt16

  var isIPv6: Bool { host.count == 16 }
  /// 127.0.0.0/8 or ::1.
  var isLoopback: Bool {
    if !isIPv6 { return host.first == 127 }
    return host.last == 1 && host.dropLast().allSatisfy { $0 == 0 }
  }
}

struct WorkerSettings: Equatable {
  /// 1 to 64 of A-Z a-z 0-9 . _ -: part of URLs.
  var name: Bytes
  /// Empty only when memwarden runs the worker itself.
  var selector = Selector()
  var rules = WorkerRules()
  var plan = RecyclePlan()
  var output = OutputSettings()
}

struct JournalSettings: Equatable {
  /// nil: events are kept in memory only.
  var file: Bytes?
  /// What the file, its older half included, may take.
  var budget = ByteCount.kib(256)
  /// Events kept in memory.
  var events = 256
}

/// One thing that is wrong with a configuration, and where.
struct ConfigurationProblem: Error, Equatable {
  var file: Bytes
  /// From 1; 0 when the whole file is meant.
  var line: Int32
  /// E.g. `worker "web"`; empty outside sections.
  var section: Bytes
  /// Empty when no single key is meant.
  var key: Bytes
  /// What was expected and what was found.
  var message: Bytes

  /// `memwarden.conf:12: worker "web": soft: expected …, found "24Q"`, without a newline.
  var text: Bytes {
    var out = file
    if line > 0 {
      out.write(":")
      out.write(line)
    }
    for part in [section, key, message] where !part.isEmpty {
      out.write(": ")
      out.write(part)
    }
    // The file is somebody's text and this ends on somebody's terminal.
    for i in out.indices where out[i] < 0x20 || out[i] == 0x7F { out[i] = UInt8(ascii: "?") }
    return out
  }
}

/// Everything that was found wrong, never empty.
struct ConfigurationProblems: Error, Equatable {
  var list: [ConfigurationProblem]
}

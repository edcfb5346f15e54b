// Processes of the end-to-end tests: starting and ending them by pid, and what /proc says about them. Not the agent's
// own readers: a test must not believe them.
import Foundation
import Testing

/// A child of the test. Its pid is not reused as long as `exitStatus` was not seen, for nobody else reaps it.
final class StartedProcess {
  let pid: pid_t
  /// The file that holds its stdout and stderr.
  let outputPath: String
  private var status: CInt?

  init(program: String, arguments: [String], environment mark: String, output: String) throws {
    outputPath = output
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Nothing of the test runner's own descriptors: a process would hold them open, and they would be counted.
    for descriptor: CInt in 3..<256 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let inherited = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
    let variables = (inherited + [mark]).map { strdup($0) } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    var pid: pid_t = 0
    let error = posix_spawn(&pid, program, &actions, &attributes, words, variables)
    guard error == 0 else { throw Failure("start \(program): \(String(cString: strerror(error)))") }
    self.pid = pid
  }

  /// What it wrote to stdout and stderr so far.
  var output: String { text(of: outputPath) }

  /// Exit code, or 128 + the signal that ended it; nil while it runs.
  var exitStatus: Int? {
    if status == nil {
      var raw: CInt = 0
      if waitpid(pid, &raw, WNOHANG) == pid { status = raw }
    }
    return status.map { $0 & 0x7f == 0 ? Int($0 >> 8) & 0xff : 128 + Int($0 & 0x7f) }
  }

  var isRunning: Bool { exitStatus == nil }

  func signal(_ number: CInt) {
    if isRunning { Glibc.kill(pid, number) }
  }

  /// SIGTERM, or another signal, then waits for the end; answers the exit code.
  func stop(by number: CInt = SIGTERM, within seconds: Double = 30) throws -> Int {
    signal(number)
    return try waitForExit(within: seconds)
  }

  func waitForExit(within seconds: Double = 30) throws -> Int {
    try eventually(within: seconds, "process \(pid) ends") { !isRunning }
    return exitStatus ?? -1
  }

  /// SIGKILL, and the end awaited: after it the pid is free.
  func kill() {
    signal(SIGKILL)
    while isRunning { usleep(1_000) }
  }
}

// MARK: - What /proc says

func allProcesses() -> [pid_t] {
  ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
}

/// The fields of /proc/PID/stat behind the comm: [0] is the state, [1] the parent, [19] the start time in ticks.
func statFields(_ pid: pid_t) -> [Substring] {
  let line = text(of: "/proc/\(pid)/stat")
  guard let end = line.lastIndex(of: ")") else { return [] }
  return line[line.index(after: end)...].split(separator: " ")
}

func children(of pid: pid_t) -> [pid_t] {
  allProcesses().filter { child in
    let fields = statFields(child)
    return fields.count > 1 && fields[1] == "\(pid)"
  }
}

/// How many files the process has open.
func descriptors(of pid: pid_t) -> Int {
  ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []).count
}

/// Whether the process lives; a zombie does not.
func isAlive(_ pid: pid_t) -> Bool {
  let fields = statFields(pid)
  return !fields.isEmpty && fields[0] != "Z"
}

/// Private_Clean + Private_Dirty of /proc/PID/smaps_rollup in bytes; nil when the process is gone.
func uss(of pid: pid_t) -> Int? {
  guard let clean = kilobytes("Private_Clean", in: "/proc/\(pid)/smaps_rollup"),
    let dirty = kilobytes("Private_Dirty", in: "/proc/\(pid)/smaps_rollup")
  else { return nil }
  return (clean + dirty) * 1024
}

/// One `Key:  123 kB` line of a kernel file, in kB.
func kilobytes(_ key: String, in path: String) -> Int? {
  for line in text(of: path).split(separator: "\n") where line.hasPrefix("\(key):") {
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
  return nil
}

/// A whole file as text, "" when it cannot be read. Reads to the end: kernel files tell no size.
func text(of path: String) -> String {
  guard let file = FileHandle(forReadingAtPath: path), let bytes = try? file.readToEnd() else { return "" }
  return String(decoding: bytes, as: UTF8.self)
}

/// What a file really occupies (st_blocks), in bytes; nil when it is not there.
func allocatedBytes(_ path: String) -> Int? {
  var status = stat()
  return lstat(path, &status) == 0 ? Int(status.st_blocks) * 512 : nil
}

import Foundation
import Samples
import Testing

@testable import Actions

/// Processes as the kernel keeps them: a pid, and who has it. Any call can be made to fail.
private final class Kernel {
  /// Start times by pid.
  var processes = [Int32: UInt64]()
  /// What a descriptor holds: the process that had the pid when it was opened.
  var descriptors = [Int32: Identity]()
  var openError: Int32 = 0, signalError: Int32 = 0, killError: Int32 = 0
  /// Everything that was sent, and to whom it went.
  var sent = [(to: Identity, signal: Int32)]()
  /// Something that happens between two calls: right after a pidfd was opened, or a start time read.
  var afterOpen: () -> Void = {}, afterStartTime: () -> Void = {}

  func isAlive(_ id: Identity) -> Bool { processes[id.pid] == id.startTicks }
  func startTime(_ pid: Int32) -> UInt64? {
    defer { afterStartTime() }
    return processes[pid]
  }
  func target(_ id: Identity) -> Target? { Target(id, calls: calls, startTime: startTime) }

  var calls: ProcessCalls {
    ProcessCalls(
      openPidfd: { [self] pid in
        defer { afterOpen() }
        if openError != 0 { return -openError }
        guard let ticks = processes[pid] else { return -ESRCH }
        let fd = Int32(100 + descriptors.count)
        descriptors[fd] = Identity(pid: pid, startTicks: ticks)
        return fd
      },
      closePidfd: { [self] fd in #expect(descriptors.removeValue(forKey: fd) != nil, "closed twice") },
      signalPidfd: { [self] fd, signal in
        if signalError != 0 { return -signalError }
        guard let id = descriptors[fd], isAlive(id) else { return -ESRCH }
        sent.append((id, signal))
        return 0
      },
      pidfdExited: { [self] fd in descriptors[fd].map { !isAlive($0) } ?? true },
      kill: { [self] pid, signal in
        if killError != 0 { return -killError }
        guard let ticks = processes[pid] else { return -ESRCH }
        sent.append((Identity(pid: pid, startTicks: ticks), signal))
        return 0
      },
      start: { _, _, _, _ in -ENOSYS }, childEnded: { _ in nil }, reap: { _ in })
  }
}

private let id = Identity(pid: 7, startTicks: 500)

@Test func aSignalGoesThroughTheDescriptorAndTheDescriptorIsClosed() throws {
  let kernel = Kernel()
  kernel.processes = [7: 500]
  kernel.killError = EINVAL
  do {
    let target = try #require(kernel.target(id))
    #expect(target.isAlive)
    #expect(target.send(SIGTERM) == .sent)
  }
  #expect(kernel.sent.map(\.to) == [id] && kernel.sent.map(\.signal) == [SIGTERM])
  #expect(kernel.descriptors.isEmpty)
}

@Test func aPidReusedBeforeItIsOpenedIsNotATarget() {
  let kernel = Kernel()
  kernel.processes = [7: 501]
  #expect(kernel.target(id) == nil)
  #expect(kernel.descriptors.isEmpty)
}

@Test func aPidReusedWhileItIsOpenedIsNotATarget() {
  // Opened on the right process, which ends before its start time is read: the other way round a stranger would be held.
  let kernel = Kernel()
  kernel.processes = [7: 500]
  kernel.afterOpen = { kernel.processes[7] = 501 }
  #expect(kernel.target(id) == nil)
  #expect(kernel.descriptors.isEmpty)
}

@Test func aPidReusedAfterItIsOpenedIsGoneAndTheStrangerIsSpared() throws {
  let kernel = Kernel()
  kernel.processes = [7: 500]
  let target = try #require(kernel.target(id))
  kernel.processes[7] = 501
  #expect(!target.isAlive)
  #expect(target.send(SIGKILL) == .gone)
  #expect(kernel.sent.isEmpty)
}

@Test func aProcessThatIsNotThereIsNotATarget() {
  let kernel = Kernel()
  #expect(kernel.target(id) == nil)
  kernel.openError = ENOSYS
  #expect(kernel.target(id) == nil)
}

@Test func aProcessThatIsThereForOneCallOnlyIsNotATarget() {
  // ESRCH although a start time can be read: the pid was taken between the two calls, by one born in the same tick.
  let kernel = Kernel()
  kernel.openError = ESRCH
  kernel.processes = [7: 500]
  #expect(kernel.target(id) == nil)
}

/// No such call (before Linux 5.3), one that a sandbox forbids, no memory or no descriptor left: the very moments when
/// something must be stopped.
@Test(arguments: [ENOSYS, EPERM, EMFILE, ENFILE, ENOMEM])
func withoutADescriptorTheStartTimeIsComparedBeforeEachSignal(errno: Int32) throws {
  let kernel = Kernel()
  kernel.processes = [7: 500]
  kernel.openError = errno
  let target = try #require(kernel.target(id))
  #expect(target.isAlive)
  #expect(target.send(SIGTERM) == .sent)
  kernel.processes[7] = 501
  #expect(!target.isAlive)
  #expect(target.send(SIGKILL) == .gone)
  kernel.processes[7] = nil
  #expect(!target.isAlive)
  #expect(target.send(SIGKILL) == .gone)
  #expect(kernel.sent.map(\.to) == [id])
}

@Test func aProcessThatEndsBetweenTheLookAndTheSignalIsGone() throws {
  let kernel = Kernel()
  kernel.processes = [7: 500]
  kernel.openError = ENOSYS
  let target = try #require(kernel.target(id))
  kernel.afterStartTime = { kernel.processes[7] = nil }
  #expect(target.send(SIGTERM) == .gone)
}

@Test(arguments: [EPERM, EINVAL, ENOSYS])
func aSignalThatIsRefusedIsAFailureWithItsNumber(errno: Int32) throws {
  let kernel = Kernel()
  kernel.processes = [7: 500]
  kernel.signalError = errno
  #expect(try #require(kernel.target(id)).send(SIGTERM) == .failed(errno: errno))
  (kernel.openError, kernel.killError) = (ENOSYS, errno)
  #expect(try #require(kernel.target(id)).send(SIGTERM) == .failed(errno: errno))
}

@Test func theKernelItselfKeepsTheWord() throws {
  let calls = ProcessCalls.live
  let pid = calls.spawn([Bytes("sleep"), Bytes("600")], false)
  try #require(pid > 0)
  let ticks: StartTime = { calls.childEnded($0) == nil ? 42 : nil }
  let target = try #require(Target(Identity(pid: pid, startTicks: 42), calls: calls, startTime: ticks))
  #expect(target.isAlive)
  #expect(target.send(0) == .sent)
  #expect(target.send(SIGKILL) == .sent)
  let deadline = Date().addingTimeInterval(10)
  while calls.childEnded(pid) == nil, Date() < deadline { sched_yield() }
  // A zombie does not count as alive.
  #expect(!target.isAlive)
  #expect(calls.childEnded(pid) == Actions.ExitStatus(code: 0, signal: SIGKILL))
  calls.reap(pid)
  #expect(target.send(SIGKILL) == .gone)
}

@Test func aProgramThatIsNotThereIsNotStarted() {
  let calls = ProcessCalls.live
  #expect(calls.spawn([Bytes("/nowhere/at/all")], false) == -ENOENT)
  #expect(calls.spawn([], false) == -EINVAL)
}

@Test func argumentsReachTheProgramAsTheyAreWithoutAShell() throws {
  let calls = ProcessCalls.live
  let path = NSTemporaryDirectory() + "memwarden-argv-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: path) }
  // sh only to write down what it got: $1 is hostile text, not a command.
  let hostile = Bytes("$(id); `id` 'x' \u{1B}[2J\n") + [0xFF]
  let pid = calls.spawn(
    [
      Bytes("sh"), Bytes("-c"), Bytes("printf %s \"$1\" > \"$2\""), Bytes("sh"), hostile, Bytes(path.utf8),
    ], false)
  try #require(pid > 0)
  let deadline = Date().addingTimeInterval(10)
  while calls.childEnded(pid) == nil, Date() < deadline { sched_yield() }
  calls.reap(pid)
  #expect(FileManager.default.contents(atPath: path).map { Bytes($0) } == hostile)
}

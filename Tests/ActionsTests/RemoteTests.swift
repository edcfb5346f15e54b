// System calls in another process that do not end as they should: nothing of them stays in it, and it goes on.
import CLinux
import Foundation
import Testing

/// A shell that echoes what it is told, the child of another one that says when it ends; and a FIFO.
private final class Subject {
  let folder = NSTemporaryDirectory() + "memwarden-remote-\(UUID().uuidString)"
  private(set) var pid: pid_t = 0
  private var parent: pid_t = 0
  private let input = Pipe(), output = Pipe()

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    mkfifo(folder + "/fifo", 0o600)
    var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t(), none = sigset_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, input.fileHandleForReading.fileDescriptor, 0)
    posix_spawn_file_actions_adddup2(&actions, output.fileHandleForWriting.fileDescriptor, 1)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // The threads of tests block all signals.
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // A child in the background would read from /dev/null.
    let script = "exec 3<&0; /bin/cat <&3 3<&- & echo $!; exec 3<&-; wait $!; echo ended"
    var words: [UnsafeMutablePointer<CChar>?] = ["/bin/sh", "-c", script].map { (word: String) in strdup(word) }
    words.append(nil)
    defer { for word in words { free(word) } }
    try #require(posix_spawn(&parent, "/bin/sh", &actions, &attributes, words, environ) == 0)
    var line = ""
    while !line.hasSuffix("\n") {
      line += String(decoding: try output.fileHandleForReading.read(upToCount: 1) ?? Data(), as: UTF8.self)
    }
    pid = try #require(pid_t(line.dropLast()))
    let comm = "/proc/\(pid)/comm", stat = "/proc/\(pid)/stat"
    try eventually("it is cat, and reads") {
      try String(contentsOfFile: comm, encoding: .utf8) == "cat\n"
        && String(contentsOfFile: stat, encoding: .utf8).contains(") S ")
    }
  }
  deinit {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(parent, &status, 0)
    try? FileManager.default.removeItem(atPath: folder)
  }

  func text(_ file: String) throws -> String { try String(contentsOfFile: "/proc/\(pid)/\(file)", encoding: .utf8) }
  var descriptors: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []).sorted()
  }
  /// Its memory and descriptors, which must be after as they were before.
  func look() throws -> [String] { [try text("maps"), descriptors.joined(separator: " ")] }

  /// What it is told comes back.
  func expectEcho() throws {
    input.fileHandleForWriting.write(Data("hello\n".utf8))
    let said = try output.fileHandleForReading.read(upToCount: 6) ?? Data()
    #expect(String(decoding: said, as: UTF8.self) == "hello\n")
  }
  func expectParentHearsOfItsEnd() throws {
    let said = try output.fileHandleForReading.read(upToCount: 6) ?? Data()
    #expect(String(decoding: said, as: UTF8.self) == "ended\n")
  }

  func stop() throws -> OpaquePointer {
    var thread: OpaquePointer?
    try #require(remote_begin(pid, &thread) == 0)
    let pointer = try #require(thread)
    var result: Int32 = 0
    try eventually("it stops") {
      result = remote_stop(pointer, 4000)
      return result != -EAGAIN
    }
    try #require(result == 0)
    return pointer
  }
  func open(_ name: String, _ flags: Int32, in thread: OpaquePointer) -> Int32 {
    let path = Array("\(folder)/\(name)".utf8)
    return remote_open(thread, path, path.count, UInt64(flags), 0o600)
  }
}

private func eventually(_ what: String, _ condition: () throws -> Bool) throws {
  let deadline = ContinuousClock.now + .seconds(30)
  while try !condition() {
    try #require(ContinuousClock.now < deadline, "\(what)")
    usleep(1000)
  }
}
private func end(_ thread: OpaquePointer) throws { try eventually("it is let go") { remote_end(thread) != -EAGAIN } }

/// A descriptor; or, on a busy machine, that the time was over. True: the former.
@discardableResult
private func mayBeLate(_ result: Int32) -> Bool {
  #expect(result > 2 || result == -EAGAIN)
  return result > 2
}

/// A tracer is a thread: no test here may wait asynchronously.
@Suite(
  .serialized,
  .enabled(if: getuid() == 0 && remote_is_supported(), "needs the right to trace, and a processor it is for"))
struct RemoteTests {
  @Test func whatWasOpenedIsClosedAtTheEndAndItGoesOn() throws {
    let subject = try Subject(), before = try subject.look(), count = subject.descriptors.count
    let thread = try subject.stop()
    var opened = 0
    for name in ["a", "b", "c"] where mayBeLate(subject.open(name, O_WRONLY | O_CREAT, in: thread)) { opened += 1 }
    let number = subject.open("d", O_WRONLY | O_CREAT, in: thread)
    if mayBeLate(number), mayBeLate(remote_close(thread, number) + 3) {
      #expect(opened == 3 && subject.descriptors.count == count + 3)
    }
    try end(thread)
    #expect(try subject.look() == before)
    try subject.expectEcho()
  }

  @Test func noMoreThanSixteenAreOpenAtATime() throws {
    let subject = try Subject(), before = try subject.look()
    let thread = try subject.stop()
    var last: Int32 = 0
    for _ in 0..<17 { last = subject.open("a", O_WRONLY | O_CREAT, in: thread) }
    // On a busy machine the time may be over before.
    #expect(last == -EMFILE || last == -EAGAIN)
    try end(thread)
    #expect(try subject.look() == before)
  }

  @Test func anOpenThatHangsIsNotWaitedForAndBrokenOff() throws {
    let subject = try Subject(), before = try subject.look()
    let thread = try subject.stop()
    // A FIFO without a reader.
    #expect(subject.open("fifo", O_WRONLY, in: thread) == -EAGAIN)
    #expect(subject.open("a", O_WRONLY | O_CREAT, in: thread) == -EAGAIN)
    try end(thread)
    #expect(try subject.look() == before)
    try subject.expectEcho()
  }

  @Test func anOpenThatSucceedsAfterAllLeavesNoDescriptor() throws {
    let subject = try Subject(), before = try subject.look()
    let thread = try subject.stop()
    #expect(subject.open("fifo", O_WRONLY, in: thread) == -EAGAIN)
    let reader = Glibc.open(subject.folder + "/fifo", O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try eventually("it has opened it") { subject.descriptors.joined(separator: " ") != before[1] }
    try end(thread)
    #expect(try subject.look() == before)
    try subject.expectEcho()
  }

  @Test(arguments: [0, 1, 2]) func whoIsKilledMeanwhileIsGoneAndItsParentHearsOfIt(when: Int) throws {
    let subject = try Subject()
    let thread = try subject.stop()
    if when == 1 { mayBeLate(subject.open("a", O_WRONLY | O_CREAT, in: thread)) }
    if when == 2 { #expect(subject.open("fifo", O_WRONLY, in: thread) == -EAGAIN) }
    kill(subject.pid, SIGKILL)
    if when == 1 { #expect([-ESRCH, -EIO, -EAGAIN].contains(subject.open("b", O_WRONLY | O_CREAT, in: thread))) }
    try end(thread)
    try subject.expectParentHearsOfItsEnd()
  }

  @Test func whoWasToldToStopAndIsNotWantedAnyMoreGoesOn() throws {
    let subject = try Subject(), before = try subject.look()
    for _ in 0..<20 {
      var thread: OpaquePointer?
      try #require(remote_begin(subject.pid, &thread) == 0)
      try end(try #require(thread))
    }
    #expect(try subject.look() == before)
    try subject.expectEcho()
  }

  @Test func aSignalThatComesMeanwhileIsNotLost() throws {
    let subject = try Subject()
    let thread = try subject.stop()
    mayBeLate(subject.open("a", O_WRONLY | O_CREAT, in: thread))
    kill(subject.pid, SIGTERM)
    mayBeLate(subject.open("b", O_WRONLY | O_CREAT, in: thread))
    try end(thread)
    try subject.expectParentHearsOfItsEnd()
  }
}

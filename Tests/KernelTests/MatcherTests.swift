import Foundation
import Samples
import Testing

@testable import Kernel

private func matched(_ reader: KernelReader, _ change: (inout Kernel.Selector) -> Void) throws -> [Int32] {
  var selector = Kernel.Selector()
  change(&selector)
  let matcher = try Matcher(selector)
  var pids: [Int32] = []
  try reader.forEachProcess { pids.append($0) }
  let candidate = Candidate(reader: reader)
  candidate.beginScan()
  return pids.filter { candidate.consider($0) && matcher.matches(candidate) }
}

@Test func eachCriterionSelects() throws {
  let modern = recorded("modern"), old = recorded("linux44")
  #expect(try matched(modern) { $0.comm = Bytes("sleep") } == [100])
  #expect(try matched(modern) { $0.parent = Bytes("sleep") } == [500])
  #expect(try matched(modern) { $0.cmdline = Bytes("^sleep [0-9]+$") } == [100])
  #expect(try matched(modern) { $0.cgroup = Bytes("/system.slice") }.sorted() == [100, 400, 500])
  #expect(try matched(old) { $0.uid = 33 } == [100])
  #expect(try matched(old) { $0.cmdline = Bytes("lighttpd -f .*conf$") } == [100])
}

@Test func everyCriterionThatIsGivenMustHold() throws {
  let old = recorded("linux44")
  #expect(
    try matched(old) {
      $0.uid = 33
      $0.comm = Bytes("lighttpd")
      $0.cgroup = Bytes("/lighttpd")
    } == [100])
  #expect(
    try matched(old) {
      $0.uid = 34
      $0.comm = Bytes("lighttpd")
    } == [])
}

@Test func zombiesAndKernelThreadsAreNobodysWorkers() throws {
  #expect(try matched(recorded("modern")) { $0.comm = Bytes("zombie") } == [])
  #expect(try matched(recorded("modern")) { $0.comm = Bytes("kthreadd") } == [])
  // A leader that exited while others live is not a zombie.
  #expect(try matched(recorded("modern")) { $0.comm = Bytes("leader") } == [400])
}

@Test func aPidfileNamesItsProcess() throws {
  let folder = TemporaryFolder()
  folder.write("pid", "100\nrest")
  #expect(try matched(recorded("linux44")) { $0.pidfile = folder.bytes("pid") } == [100])
  #expect(try matched(recorded("linux44")) { $0.pidfile = folder.bytes("missing") } == [])
}

@Test func aWrongPatternIsRefusedInWords() {
  var selector = Kernel.Selector()
  do throws(SelectorError) {
    _ = try Matcher(selector)
    Issue.record("an empty selector was taken")
  } catch { #expect(error == .empty) }
  selector.cmdline = Bytes("a(b")
  do throws(SelectorError) {
    _ = try Matcher(selector)
    Issue.record("a wrong pattern was taken")
  } catch {
    guard case .pattern(let message) = error else { return }
    #expect(!message.isEmpty && !message.contains(0))
  }
}

@Test func aLiveChildIsMatchedByItsExecutable() throws {
  let child = Child("/bin/sleep", "100")
  var exe = Bytes()
  #expect(
    eventually {
      (try? live.reader.executable(child.pid, into: &exe)) != nil
        && String(decoding: exe, as: UTF8.self).contains("sleep")
    })
  #expect(try matched(live.reader) { $0.exe = exe }.contains(child.pid))
}

@Test func theNeverListCoversWhatMustNotBeTouched() throws {
  let reader = recorded("modern")
  let protected = Protected(reader: reader, names: [Bytes("leader")], own: 500)
  func covers(_ pid: Int32) throws -> Bool { protected.covers(pid, try reader.stat(pid)) }
  #expect(try covers(1))
  #expect(try covers(300), "kernel thread")
  #expect(try covers(500), "itself")
  #expect(try covers(100), "its parent")
  #expect(try covers(400), "named")
  #expect(try covers(900), "oom_score_adj cannot be read")
  #expect(try Protected(reader: reader, names: [], own: 4711).covers(500, reader.stat(500)), "oom_score_adj -1000")
  #expect(try !Protected(reader: reader, names: [], own: 4711).covers(100, reader.stat(100)))
}

@Test func theTestProcessProtectsItselfAndItsParent() throws {
  let protected = Protected(reader: live.reader, names: [])
  #expect(try protected.covers(getpid(), live.reader.stat(getpid())))
  #expect(try protected.covers(getppid(), live.reader.stat(getppid())))
}

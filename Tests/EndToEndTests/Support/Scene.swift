// The stage of one end-to-end test: a directory, mounts and processes of its own. Whatever was started is killed,
// unmounted and removed when the test leaves the scene, also when it fails. Knows nothing about the agent.
import Foundation
import Testing

/// All end-to-end tests are in extensions of this suite: one after the other, for they share the machine's memory.
@Suite("End to end", .serialized)
struct EndToEnd {}

/// Runs `body` on a fresh stage and clears the stage, however `body` ends.
func withScene(_ body: (Scene) throws -> Void) throws {
  let scene = try Scene()
  defer { scene.clear() }
  try body(scene)
}

final class Scene {
  /// A directory of this scene; everything in it goes with it.
  let directory: String
  /// What every process of this scene, and every process those start, has in its environment: orphans are found by it.
  private let mark: String
  private var started: [StartedProcess] = []
  private var mounted: [String] = []

  fileprivate init() throws {
    var template = Array("/tmp/memwarden-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("mkdtemp: \(errorText())") }
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    mark = "MEMWARDEN_SCENE=\(directory)"
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  /// Starts a program (absolute path) in a process group of its own; stdout and stderr go to a file of the scene.
  func start(_ program: String, _ arguments: [String]) throws -> StartedProcess {
    let process = try StartedProcess(
      program: program, arguments: arguments, environment: mark, output: path("output.\(started.count)"))
    started.append(process)
    return process
  }

  func startLeaky(_ arguments: String...) throws -> StartedProcess {
    try start(try builtProgram("leaky"), arguments)
  }

  /// Mounts a fresh filesystem ("tmpfs" or "ramfs") and answers its path. Tests that use it are enabled if `mayMount`.
  func mount(_ type: String, _ options: String = "size=16m,mode=755", at name: String = "log") throws -> String {
    let target = path(name)
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    guard Glibc.mount("memwarden-test", target, type, 0, type == "ramfs" ? "mode=755" : options) == 0 else {
      throw Failure("mount \(type) on \(target): \(errorText())")
    }
    mounted.append(target)
    return target
  }

  fileprivate func clear() {
    for process in started.reversed() { process.kill() }
    // An orphan that forks while it is looked for is found in the next round; one in the middle of its exec has no
    // environment for a moment, so that one round without any is not enough.
    var quietRounds = 0
    while quietRounds < 3 {
      quietRounds = killMarked() > 0 ? 0 : quietRounds + 1
      usleep(2_000)
    }
    for target in mounted.reversed() where umount2(target, 0) != 0 {
      umount2(target, CInt(MNT_DETACH))
    }
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// How many living processes of this scene there still were; all of them were sent SIGKILL.
  private func killMarked() -> Int {
    var count = 0
    for pid in allProcesses() where pid != getpid() {
      guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else { continue }
      if environment.split(separator: 0).contains(where: { $0.elementsEqual(mark.utf8) }) {
        Glibc.kill(pid, SIGKILL)
        count += 1
      }
    }
    return count
  }
}

/// Whether this process may mount RAM filesystems: root on a real machine may, root in most containers may not.
let mayMount: Bool = {
  guard getuid() == 0 else { return false }
  return (try? withScene { scene in _ = try scene.mount("ramfs") }) != nil
}()

/// What went wrong outside of the product, in words.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func errorText() -> String { String(cString: strerror(errno)) }

/// A program of the Embedded build: from MEMWARDEN_BUILD, else from build/ of the package.
func builtProgram(_ name: String) throws -> String {
  let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  let build = ProcessInfo.processInfo.environment["MEMWARDEN_BUILD"] ?? package.appendingPathComponent("build").path
  let path = "\(build)/\(name)"
  guard access(path, X_OK) == 0 else {
    throw Failure("\(path) is not there: run `make build`, or set MEMWARDEN_BUILD to the directory that holds it")
  }
  return path
}

/// Polls until `condition` holds; a deadline that passes fails the test, and ends it.
func eventually(
  within seconds: Double = 30, _ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) throws {
  let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
  while try !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("not within \(seconds) s: \(what())", sourceLocation: sourceLocation)
      throw Failure("gave up waiting")
    }
    usleep(10_000)
  }
}

/// Checks that `condition` holds all the time, at every look.
func always(
  for seconds: Double, _ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) throws {
  let end = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
  repeat {
    guard try condition() else {
      Issue.record("did not hold: \(what())", sourceLocation: sourceLocation)
      throw Failure("gave up looking")
    }
    usleep(10_000)
  } while ContinuousClock.now < end
}

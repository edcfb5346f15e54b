// The agent under test: the Embedded binary on a configuration of the test's own.
import Foundation
import Testing

final class Agent {
  private(set) var process: StartedProcess
  let port: UInt16
  /// The unix socket, on which root may do everything.
  let socketPath: String
  let configurationPath: String
  private let scene: Scene
  private let words: [String]

  /// What the configuration says before the test's own `settings`, which are all sections but http: and where the state
  /// is, that agents of other tests may not find it.
  private static func head(port: UInt16, socket: String, more: String, _ settings: String, in scene: Scene) -> String {
    let state = settings.contains("state = ") ? "" : "state = \"\(scene.path("run/state"))\" "
    return state + "http { listen = \"127.0.0.1:\(port)\" socket = \"\(socket)\" \(more) }\n"
  }

  fileprivate init(
    _ settings: String, http more: String, socket: String?, under launcher: [String], options: [String], in scene: Scene
  ) throws {
    self.scene = scene
    port = try freePort()
    socketPath = socket ?? scene.path("agent.sock")
    let name = socket == nil ? "memwarden.conf" : "other.conf"
    configurationPath = scene.path(name)
    try scene.write(Agent.head(port: port, socket: socketPath, more: more, settings, in: scene) + settings, to: name)
    words = launcher + [try builtProgram("memwarden"), "run", "-c", configurationPath] + options
    process = try scene.start(words[0], Array(words.dropFirst()))
    try awaitAnswer()
  }

  /// Another one, of the same configuration; the former has ended.
  func startAgain() throws {
    try startUnawaited()
    try awaitAnswer()
  }
  func startUnawaited() throws { process = try scene.start(words[0], Array(words.dropFirst())) }

  func awaitAnswer() throws {
    try eventually("the agent answers, having said:\n\(process.output)") {
      guard process.isRunning else { throw Failure("the agent ended: \(process.output)") }
      return (try? get("/healthz"))?.status == 200
    }
  }

  var endpoint: Endpoint { .port(port) }
  var rootEndpoint: Endpoint { .socket(socketPath) }

  func get(_ path: String) throws -> Answer { try ask("GET", path, at: endpoint) }

  func post(_ path: String, body: String = "") throws -> Answer {
    try ask("POST", path, at: rootEndpoint, body: body)
  }

  private func ask(_ method: String, _ path: String, at endpoint: Endpoint, body: String? = nil) throws -> Answer {
    do {
      return try request(method, path, at: endpoint, body: body)
    } catch {
      let state = process.exitStatus.map { "ended (\($0))" } ?? "runs"
      throw Failure("\(error); the agent \(state), having said:\n\(process.output)")
    }
  }

  /// All events so far, in their order.
  func events() throws -> [[String: Any]] {
    try get("/v1/events?after=0&limit=1000").json()["events"] as? [[String: Any]] ?? []
  }

  /// How many recycles were under way at once, at most.
  func mostRecycledAtOnce() throws -> Int {
    var acting = 0, most = 0
    for event in try events() {
      if event["event"] as? String == "recycle_began" { acting += 1 }
      if event["event"] as? String == "recycled" { acting -= 1 }
      most = max(most, acting)
    }
    return most
  }

  /// Writes other settings to its configuration; a SIGHUP or POST /v1/reload makes it read them.
  func rewrite(_ settings: String, http more: String = "") throws {
    try scene.write(
      Agent.head(port: port, socket: socketPath, more: more, settings, in: scene) + settings, to: "memwarden.conf")
  }

  /// Ends it as an operator does; answers the exit code.
  func stop() throws -> Int { try process.stop() }
}

extension Scene {
  /// Starts the agent and waits until it answers. `settings`: the configuration but for its http section, which the
  /// harness writes; `http`: more keys for that section, such as a token file; `under`: a program, with its arguments,
  /// that starts it; `options`: more words behind `run -c FILE`; `socket`: its unix socket, for a second agent on one scene.
  func startAgent(
    _ settings: String, http more: String = "", socket: String? = nil, under launcher: [String] = [],
    options: [String] = []
  ) throws -> Agent {
    try Agent(settings, http: more, socket: socket, under: launcher, options: options, in: self)
  }
}

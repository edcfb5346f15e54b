// The agent under test: the Embedded binary on a configuration of the test's own.
import Foundation
import Testing

final class Agent {
  let process: StartedProcess
  let port: UInt16
  /// The unix socket, on which root may do everything.
  let socketPath: String
  let configurationPath: String
  private let scene: Scene

  /// What the agent says before an http section of the test's own harness; `settings` are all other sections.
  private static func http(port: UInt16, socket: String, more: String) -> String {
    "http { listen = \"127.0.0.1:\(port)\" socket = \"\(socket)\" \(more) }\n"
  }

  fileprivate init(_ settings: String, http more: String, under launcher: [String], options: [String], in scene: Scene)
    throws
  {
    self.scene = scene
    port = try freePort()
    socketPath = scene.path("agent.sock")
    configurationPath = scene.path("memwarden.conf")
    try scene.write(Agent.http(port: port, socket: socketPath, more: more) + settings, to: "memwarden.conf")
    let words = launcher + [try builtProgram("memwarden"), "run", "-c", configurationPath] + options
    process = try scene.start(words[0], Array(words.dropFirst()))
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

  /// Writes other settings to its configuration; a SIGHUP or POST /v1/reload makes it read them.
  func rewrite(_ settings: String, http more: String = "") throws {
    try scene.write(Agent.http(port: port, socket: socketPath, more: more) + settings, to: "memwarden.conf")
  }

  /// Ends it as an operator does; answers the exit code.
  func stop() throws -> Int { try process.stop() }
}

extension Scene {
  /// Starts the agent and waits until it answers. `settings`: the configuration but for its http section, which the
  /// harness writes; `http`: more keys for that section, such as a token file; `under`: a program, with its arguments,
  /// that starts it; `options`: more words behind `run -c FILE`.
  func startAgent(
    _ settings: String, http more: String = "", under launcher: [String] = [], options: [String] = []
  ) throws -> Agent {
    try Agent(settings, http: more, under: launcher, options: options, in: self)
  }
}

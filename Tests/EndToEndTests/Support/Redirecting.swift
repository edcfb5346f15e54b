// A flooded log that may be redirected, and what is asked of the agent about it.
import Foundation
import Testing

/// Numbers of the whole lines in a text whose lines begin with eight digits.
func numbers(_ text: String) -> [Int] {
  text.split(separator: "\n").compactMap { Int($0.prefix(8)) }
}
func areConsecutive(_ numbers: [Int]) -> Bool { zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 } }

/// Where a process's descriptors lead, by number.
func links(of pid: pid_t) -> [String] {
  let folder = "/proc/\(pid)/fd"
  return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
  }
}

/// What a process has open: number, flags and file.
func descriptorTable(of pid: pid_t) -> [Int: String] {
  var table = [Int: String]()
  for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
    let flags = text(of: "/proc/\(pid)/fdinfo/\(name)").split(separator: "\n").first { $0.hasPrefix("flags") }
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
    if let number = Int(name) { table[number] = "\(flags ?? "") \(link ?? "")" }
  }
  return table
}

extension Agent {
  func redirect(_ path: String, _ act: String = "redirect", body: String = "") throws -> Answer {
    let id = try #require(try log(path).text("id"))
    return try post("/v1/logs/\(id)/\(act)", body: body)
  }
  /// Redirects, and fails the test if that is refused. On a busy machine its processes may take a moment to stop.
  func mustRedirect(_ path: String, body: String = "") throws {
    var answer = try redirect(path, body: body)
    try eventually("it is redirected: \(answer.text), having said:\n\(process.output)") {
      if answer.status == 200 { return true }
      try #require(answer.status == 202, "\(answer.text)")
      switch try log(path).text("state") {
      case "redirected": return true
      // It did not stop in all that time: the machine is very busy.
      case "watched": answer = try redirect(path, body: body)
      default: break
      }
      return false
    }
  }
  func mustUndo(_ path: String) throws {
    let answer = try redirect(path, "undo")
    try #require(answer.status == 200 || answer.status == 202, "\(answer.text)")
    if answer.status == 202 { try awaitState("watched", of: path) }
  }
  func awaitState(_ state: String, of path: String) throws {
    try eventually("it is \(state), having said:\n\(process.output)") { try log(path).text("state") == state }
  }
  func tail(_ path: String, lines: Int) throws -> JSONObject {
    let id = try #require(try log(path).text("id"))
    return try request("GET", "/v1/logs/\(id)/tail?lines=\(lines)", at: rootEndpoint).json()
  }
  func received(_ path: String) throws -> Int {
    try log(path).object("redirect").number("received_lines") ?? 0
  }
}

/// A flooded log, an agent that may redirect it, and the flooder.
func withFlood(
  rate: String = "400K", appends: Bool = true, keys: String = "redirect = ring ring = 1M",
  _ body: (Scene, Agent, StartedProcess, String) throws -> Void
) throws {
  try withScene { scene in
    let path = try scene.mount("tmpfs") + "/flood.log"
    try Data().write(to: URL(fileURLWithPath: path))
    let words = ["flood", "--file", path, "--rate", rate] + (appends ? [] : ["--no-append"])
    let flooder = try scene.start(try builtProgram("leaky"), words)
    try eventually("it writes") { allocatedBytes(path) ?? 0 > 0 }
    let agent = try scene.startAgent(redirectSettings(scene, path, keys))
    try body(scene, agent, flooder, path)
  }
}
func redirectSettings(_ scene: Scene, _ path: String, _ keys: String) -> String {
  "interval = 100ms\nstate = \"\(scene.path("run/state"))\"\nlog \"\(path)\" { budget = 8M \(keys) }\n"
}

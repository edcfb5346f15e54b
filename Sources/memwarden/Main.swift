// The command line: which verb, which options. Every verb but run, check and version asks the running memwarden.
import CLinux
import Report
import Samples

let version: StaticString = "0.1.0"

/// Exit codes.
enum Exit {
  static let done: Int32 = 0, refused: Int32 = 1, usage: Int32 = 100, system: Int32 = 111
}

@main
struct Main {
  static func main() {
    cl_ignore_broken_pipes()
    // Embedded Swift has no CommandLine; /proc is what memwarden lives on anyway.
    guard let text = readWhole(Bytes("/proc/self/cmdline"), maximum: 65_536) else {
      complain("/proc is not mounted: without it there is nothing to watch")
      exit(Exit.system)
    }
    var arguments = [Bytes]()
    for word in text.split(separator: 0, omittingEmptySubsequences: false).dropFirst().dropLast() {
      arguments.append(Bytes(word))
    }
    exit(run(arguments))
  }
}

func run(_ arguments: [Bytes]) -> Int32 {
  guard let name = arguments.first else {
    complain("no verb given")
    printOut(usage)
    return Exit.usage
  }
  if equal(name, "--help") || equal(name, "-h") || equal(name, "help") {
    printOut(usage)
    return Exit.done
  }
  if equal(name, "--version") || equal(name, "-V") { return run([Bytes("version")]) }
  guard let verb = verbs.first(where: { equal(name, $0.name) }) else {
    complain("there is no verb \(name); `memwarden --help` lists them")
    return Exit.usage
  }
  var options = Options()
  switch options.parse(arguments.dropFirst(), of: verb) {
  case .help:
    printOut("usage: memwarden \(verb.name) \(verb.synopsis)\n\n\(verb.help)\n")
    return Exit.done
  case .wrong(let sentence):
    complain("\(verb.name): \(sentence)")
    return Exit.usage
  case .fine: break
  }
  switch verb.kind {
  case .version:
    printOut("memwarden \(version)\n")
    return Exit.done
  case .run: return runAgent(options)
  case .check: return check(options)
  case .log: return pipeLog(options)
  case .ask(let ask): return Client(options).perform(ask)
  }
}

private func runAgent(_ options: Options) -> Int32 {
  do throws(ConfigurationProblems) {
    let configuration = try readConfiguration(path: options.configuration)
    let agent = Agent(
      configuration, path: options.configuration, observes: options.observe, printsLines: !options.quiet)
    return agent.run()
  } catch {
    for problem in error.list { complain("\(problem.text)") }
    return Exit.usage
  }
}

/// To standard output.
func printOut(_ sentence: Sentence) { printOut(sentence.bytes) }
func printOut(_ text: Bytes) { _ = text.withUnsafeBytes { cl_write_all(1, $0.baseAddress, $0.count) } }

/// A small file as it is; nil when it cannot be read or is longer.
func readWhole(_ path: Bytes, maximum: Int) -> Bytes? {
  let fd = path.withCString { cl_open_read($0) }
  guard fd >= 0 else { return nil }
  defer { _ = close(fd) }
  var text = Bytes()
  var piece = Bytes(repeating: 0, count: 4096)
  while text.count <= maximum {
    let n = piece.withUnsafeMutableBytes { cl_read(fd, $0.baseAddress, $0.count) }
    if n < 0 { return nil }
    if n == 0 { return text }
    text.append(contentsOf: piece[..<Int(n)])
  }
  return nil
}

/// One line on standard error.
func complain(_ sentence: Sentence) {
  var text = Bytes("memwarden: ")
  text.say(sentence)
  text.append(0x0A)
  _ = text.withUnsafeBytes { cl_write_all(2, $0.baseAddress, $0.count) }
}

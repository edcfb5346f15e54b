import Foundation
import Samples
import Testing

@testable import memwarden

private func parse(_ words: String...) throws -> (Options, Options.Outcome) {
  let verb = try #require(verbs.first { $0.name.description == words[0] })
  var options = Options()
  let outcome = options.parse(words.dropFirst().map(bytes)[...], of: verb)
  return (options, outcome)
}
private func fine(_ outcome: Options.Outcome) -> Bool { if case .fine = outcome { true } else { false } }
private func complaint(_ outcome: Options.Outcome) -> String? {
  if case .wrong(let sentence) = outcome { String(decoding: sentence.bytes, as: UTF8.self) } else { nil }
}

@Test func optionsOfRunAndCheckAreUnderstood() throws {
  let (run, outcome) = try parse("run", "-c", "/x.conf", "--observe", "--quiet")
  #expect(fine(outcome) && run.configuration == bytes("/x.conf") && run.observe && run.quiet && !run.live)
  let (check, other) = try parse("check", "--live", "--config", "-")
  #expect(fine(other) && check.live && check.configuration == bytes("-"))
  let (none, third) = try parse("run")
  #expect(fine(third) && none.configuration == bytes("/etc/memwarden.conf") && !none.observe)
}

@Test func optionsOfAClientVerbStandBeforeOrBehindItsArgument() throws {
  for words in [["--json", "web", "--socket", "/s"], ["web", "--socket", "/s", "--json"]] {
    let verb = try #require(verbs.first { $0.name.description == "explain" })
    var options = Options()
    #expect(fine(options.parse(words.map(bytes)[...], of: verb)))
    #expect(options.argument == bytes("web") && options.socket == bytes("/s") && options.json)
  }
}

@Test func eventsTakeTheirNumbersAsTheyAreAndLeaveJudgingThemToMemwarden() throws {
  let (options, outcome) = try parse("events", "--after", "-7", "--limit", "x y")
  #expect(fine(outcome) && options.after == bytes("-7") && options.limit == bytes("x y"))
}

@Test(arguments: [
  (["explain"], "NAME is missing"), (["recycle", "--json"], "NAME is missing"), (["cut"], "PATH|ID is missing"),
  (["explain", "a", "b"], "unexpected argument b"), (["status", "x"], "unexpected argument x"),
  (["run", "x"], "unexpected argument x"),
  (["run", "-c"], "-c is unknown or needs a value; see `memwarden run --help`"),
  (["run", "--json"], "--json is unknown or needs a value; see `memwarden run --help`"),
  (["status", "--observe"], "--observe is unknown or needs a value; see `memwarden status --help`"),
  (["status", "--nope", "x"], "unknown option --nope; see `memwarden status --help`"),
  (["status", "--after", "3"], "unknown option --after; see `memwarden status --help`"),
  (["check", "--socket", "/s"], "unknown option --socket; see `memwarden check --help`"),
  (["version", "--x", "y"], "unknown option --x; see `memwarden version --help`"),
  (["status", "\u{1B}[2J"], "unexpected argument \\x1b[2J"),
])
func whatIsWrongIsSaidByName(_ words: [String], _ expected: String) throws {
  let verb = try #require(verbs.first { $0.name.description == words[0] })
  var options = Options()
  #expect(complaint(options.parse(words.dropFirst().map(bytes)[...], of: verb)) == expected)
}

@Test func helpIsGivenWhereverItIsAskedFor() throws {
  for verb in verbs {
    for words in [["--help"], ["-h"], ["--help", "--nope"]] {
      var options = Options()
      guard case .help = options.parse(words.map(bytes)[...], of: verb) else {
        Issue.record("no help for \(verb.name)")
        continue
      }
    }
  }
}

@Test func everyVerbIsListedOnceWithItsHelp() {
  #expect(Set(verbs.map(\.name.description)).count == verbs.count)
  let text = String(decoding: usage.bytes, as: UTF8.self)
  for verb in verbs {
    #expect(text.contains("\n  \(verb.name)") && text.contains(verb.help.description))
    // An argument is shown in the synopsis.
    if let argument = verb.argument { #expect(verb.synopsis.description.contains(argument.description)) }
  }
}

@Test func wrongUsageEndsWithOneHundred() {
  #expect(run([]) == 100)
  #expect(run([bytes("nope")]) == 100)
  #expect(run([bytes("status"), bytes("--nope")]) == 100)
  #expect(run([bytes("run"), bytes("-c"), bytes("/no/such/file")]) == 100)
  #expect(run([bytes("version")]) == 0)
  #expect(run([bytes("explain"), bytes("--help")]) == 0)
}

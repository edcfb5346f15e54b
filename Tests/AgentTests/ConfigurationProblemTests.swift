// What is said of a wrong configuration: file, line, section, key, what was expected and what was found.
import Foundation
import Samples
import Testing

@testable import memwarden

extension ConfigurationTests {
  struct Problems {
    let folder = Folder()

    @Test(arguments: [
      ("interval = 5\n", #"memwarden.conf:1: interval: expected a duration from 100ms to 1h, found "5""#),
      ("# one\n/* two\n three */\n// four\ninterval = 2h", #"memwarden.conf:5: interval: expected a duration"#),
      (
        "worker web {\n  comm = w\n  soft = 24Q\n}\n",
        #"memwarden.conf:3: worker "web": soft: expected a size such as 24M (4K to 1024G) or a share of RAM such as 5%, "#
          + #"found "24Q""#
      ),
      ("worker web {\n\n  sofft = 24M\n}\n", #"memwarden.conf:3: worker "web": no such option 'sofft'"#),
      ("observe = maybe", #"memwarden.conf:1: observe: expected yes or no, found "maybe""#),
      ("interval = 5s\ninterval = 6s", "memwarden.conf:2: interval: expected once, found again"),
      ("worker a { comm = a }\nworker a { comm = b }", "memwarden.conf:2: found duplicate title 'a'"),
      ("log /a { }\nlog /a { }", "memwarden.conf:2: found duplicate title '/a'"),
      ("http { }\nhttp { }", "memwarden.conf:2: http: expected one such section, found another"),
      ("log a { }", #"memwarden.conf:1: log "a": expected a log path that begins with /"#),
      ("log /a {\n keep = 1M }", #"memwarden.conf:2: log "/a": keep: expected at most half of budget"#),
      ("log /a { budget = 15K }", #"log "/a": budget: expected a size such as 1M, from 16K"#),
      ("worker \"a/b\" { comm = a }", #"worker "a/b": expected a worker name"#),
      ("worker a {\n}", #"memwarden.conf:2: worker "a": expected one of comm, exe"#),
      ("worker a {\n restart = {x} }", #"memwarden.conf:2: worker "a": expected one of comm, exe"#),
      ("worker a { run = {} }", #"worker "a": run: expected a command and up to 63 arguments such as"#),
      (
        "worker a { run = {x}\n respawn = yes }", "memwarden.conf:2: worker \"a\": respawn: expected at most one of run"
      ),
      ("worker a { comm = a metric = rss\n of = sum }", "memwarden.conf:2: worker \"a\": of: rss would count shared"),
      (
        "worker a { comm = a hard = 2M\n soft = 3M }",
        "memwarden.conf:2: worker \"a\": soft: expected no more than hard"
      ),
      ("worker a { comm = a backoff = 1h }", "worker \"a\": backoff: expected backoff (default 1s) to be no more than"),
      ("worker a { comm = sixteen-letters- }", "comm: expected 1 to 15 bytes"),
      ("worker a { cmdline = 'a(' }", #"cmdline: expected a POSIX extended regular expression: Unmatched ( or \("#),
      ("worker a { user = nemo }", #"user: expected a user id, or a name that is in /etc/passwd, found "nemo""#),
      ("worker a { comm = a budget = 33/1h }", #"budget: expected a count per time such as 5/1h: 1 to 32"#),
      ("http { listen = 0.0.0.0:80 }", "http: listen: not a loopback address: needs allow_remote = yes"),
      ("http { token_file = /nonexistent/t }", "token_file: /nonexistent/t cannot be read: No such file or directory"),
      (
        "protect = {a, sixteen-letters-}",
        #"protect: expected names of 1 to 15 bytes, as in /proc/PID/comm, found "sixte"#
      ),
      ("interval += 5s", "memwarden.conf:1: attempt to append to non-list option 'interval'"),
      ("worker a {\n comm = a\n", "memwarden.conf:1: a { is opened here and not closed"),
      ("include(conf.d)", "memwarden.conf:1: include: conf.d cannot be read: No such file"),
      ("include(memwarden.conf)", "memwarden.conf:1: include: memwarden.conf is read already"),
    ])
    func `A problem names its place, what was expected and what was found`(text: String, expected: String) {
      let found = complaints(text)
      #expect(found.count == 1)
      #expect(found.first?.contains(expected) == true, "\(found)")
    }

    @Test(arguments: [
      ("\n\nhttp|listen = x", 3, "a value with * or | needs quotes"),
      ("a = /var/log/*.log", 1, "a value with * or | needs quotes"),
      ("a = 5+", 1, "a value with + needs quotes"),
      ("a = \"${HOME}\"", 1, "${...} is not replaced here"),
      ("a = ${HOME}", 1, "${...} is not replaced here"),
      ("a = \"\\0\"", 1, "\\ and a number is not understood"),
      ("\na = \"b\n\n", 2, "a quote is opened here and not closed"),
      ("\na = 'b\n\n", 2, "a quote is opened here and not closed"),
      ("\n /*/\n\n", 2, "a comment begins here and does not end"),
      ("a = \"\u{1B}[2J\"", 1, "a control byte: this is not a text file"),
    ])
    func `What libconfuse would misread in silence is refused`(text: String, line: Int, expected: String) {
      #expect(complaints(text).first?.hasPrefix("memwarden.conf:\(line): \(expected)") == true, "\(complaints(text))")
    }

    @Test func `Every wrong value is told, not only the first`() {
      let found = complaints(
        """
        interval = x
        worker a { soft = y
          hold = z }
        http { listen = w }
        nonsense
        """)
      #expect(found.count == 6)
      #expect(found.last == "memwarden.conf:5: no such option 'nonsense'")
    }

    @Test func `A file that is none is told as what it is`() {
      func complaint(_ file: Bytes) -> String {
        if case .failure(let complaints) = folder.read(file) { complaints.texts.first ?? "" } else { "accepted" }
      }
      #expect(complaint(bytes(folder.path)).hasSuffix(": is a directory, not a file"))
      #expect(complaint(bytes("/dev/zero")) == "/dev/zero: is not a regular file")
      #expect(complaint(bytes(folder.path + "/x")) == "x: cannot be read: No such file or directory")
      #expect(complaint(bytes("")) == ": cannot be read: No such file or directory")
      #expect(complaint(folder.write("", to: "e")) == "e: no setting in this file")
      #expect(complaint(folder.write("# only this\r\n", to: "e")) == "e: no setting in this file")
      #expect(complaint(folder.write("\u{0}\u{1}", to: "b")) == "b:1: a control byte: this is not a text file")
      #expect(complaint(folder.write(Bytes(repeating: 10, count: 262_145), to: "l")) == "l: is larger than 256 KiB")
      #expect(complaint(folder.write(Bytes(repeating: 10, count: 262_144), to: "l")) == "l: no setting in this file")
    }

    @Test func `Sections of equal name in two files are one too many`() {
      folder.write("worker a { comm = b }", to: "b.conf")
      guard case .failure(let found) = folder.read("worker a { comm = a }\ninclude(b.conf)") else {
        Issue.record("accepted")
        return
      }
      #expect(found.texts == ["b.conf:1: worker \"a\": expected one such section, found another"])
    }

    @Test func `A short token is refused and never shown`() {
      folder.write("hunter2hunter2\n", to: "token")
      guard case .failure(let found) = folder.read("http { token_file = \"\(folder.path)/token\" }") else {
        Issue.record("accepted")
        return
      }
      #expect(
        found.texts == [
          "memwarden.conf:1: http: token_file: expected one line of 16 to 256 printable ASCII bytes in token"
        ])
    }

    @Test func `Escapes in a value do not reach the terminal`() {
      #expect(
        complaints(#"interval = "\e[2J\n""#) == [
          "memwarden.conf:1: interval: expected a duration from 100ms to 1h, found \"?[2J?\""
        ])
    }

    /// The right file must still be read rightly after any wrong one: libconfuse's lexer is global.
    @Test func `2000 mutilated files neither crash nor confuse`() throws {
      let good = try sample("demo.conf") + "\nprotect = {\"a\", 'b'} /* c */ // d\nworker w { cmdline = \"x\\\"y\" }\n"
      let expected = try folder.read(good).get()
      let tokens = [
        "\"", "'", "{", "}", "(", ")", "=", ",", "/*", "*/", "#", "\\", "\n", "${", "include(", "\u{0}", "worker ",
      ]
      .map(bytes)
      var random = Lehmer(state: 42)
      for round in 0..<2000 {
        var text = bytes(good)
        for _ in 0...random.below(4) {
          let at = random.below(text.count)
          switch random.below(4) {
          case 0: text[at] = UInt8(random.below(256))
          case 1: text.removeSubrange(at..<min(at + random.below(40), text.count))
          case 2: text.insert(contentsOf: tokens[random.below(tokens.count)], at: at)
          default: text.removeSubrange(at...)
          }
          if text.isEmpty { text = [35] }
        }
        if case .failure(let found) = folder.read(folder.write(text, to: "fuzz.conf")) { #expect(!found.texts.isEmpty) }
        if round % 20 == 0 { #expect(try folder.read(good).get() == expected) }
      }
    }
  }
}

/// Random numbers that are the same on every run.
private struct Lehmer {
  var state: UInt64
  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}

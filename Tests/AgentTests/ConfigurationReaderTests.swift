// From a file to a Configuration: what each key does, and what the samples say.
import Actions
import Foundation
import Kernel
import Policy
import Samples
import Testing

@testable import memwarden

extension ConfigurationTests {
  struct Reading {
    let folder = Folder()

    @Test func `The documented sample says nothing but the defaults`() throws {
      var expected = Configuration()
      expected.protect = [bytes("sshd"), bytes("dropbear")]
      #expect(try folder.read(sample("memwarden.conf")).get() == expected)
    }

    /// The worker and the log in the sample are comments; without the `#` they must be right and say the defaults.
    @Test func `Every commented key of the sample is accepted and shows its default`() throws {
      let lines = try sample("memwarden.conf").split(separator: "\n", omittingEmptySubsequences: false)
      let sections = #"worker .*|log .*|group .*|logs ".*|filesystem ".*|ram_filesystems [{]"#
      let code = try Regex("^# ( *[a-z_]+ = .*|\(sections)|})$")
      let other = try Regex("^# +(restart|respawn|key|list) = ")
      let text = lines.map {
        $0.firstMatch(of: code) != nil && $0.firstMatch(of: other) == nil ? String($0.dropFirst(2)) : String($0)
      }.joined(separator: "\n")
      let configuration = try folder.read(text + "\nworker \"api\" { comm = api }\n").get()
      var group = GroupRules(name: bytes("servers"), workers: [bytes("web"), bytes("api")])
      group.healthy = 1
      #expect(configuration.groups == [group])
      let worker = try #require(configuration.workers.first)
      var rules = WorkerRules()
      rules.soft = .bytes(.mib(24))
      rules.hard = .share(Permyriad(1000))
      rules.triggers = try ["age > 7d and connections < 1", "growth > 1M/1h for 1h", "descriptors > 900 in 3/5"].map {
        try parseTrigger(bytes($0))
      }
      rules.timing.windows = ["Mon-Fri 02:00-05:00", "Sat,Sun 22:00-04:00"].compactMap { parseWindow(bytes($0)) }
      rules.timing.onlyWhen = try parseCondition(bytes("connections < 1 and cpu < 1%"))
      rules.timing.minimumLife = .seconds(60)
      #expect(worker.rules == rules)
      var plan = RecyclePlan()
      plan.means = .child(["/usr/sbin/lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"].map(bytes))
      plan.health = HealthGate(host: [127, 0, 0, 1], port: 8080, path: bytes("/"))
      plan.healthBelow = .mib(16)
      plan.steps.steps = ["trim", "signal USR1", "drain http://127.0.0.1:8080/drain"].map(bytes)
      plan.steps.names = bytes("trim, signal USR1, drain http://127.0.0.1:8080/drain, recycle")
      plan.steps.drains = true
      #expect(worker.plan == plan)
      #expect(worker.selector.cmdline == bytes(#"-f /etc/lighttpd/.*\.conf"#))
      #expect(worker.selector.uid == 33)
      var log = LogRules(path: bytes("/var/log/lighttpd/access.log"), budget: .mib(1))
      log.keep = .kib(512)
      log.reopen = .signal(SIGHUP)
      var archive = ArchiveRules(folder: bytes("/mnt/flash/logs"))
      archive.wear = .kib(512)
      log.archive = archive
      log.redirect = .ring
      #expect(configuration.logs == [log])
      #expect(configuration.budgets.map(\.scope) == [.logs, .fileSystem, .allRAM])
    }

    @Test func `The demo watches three workers and one log`() throws {
      let demo = try folder.read(sample("demo.conf")).get()
      #expect(demo.interval == Milliseconds(500))
      #expect(demo.workers.map { String(decoding: $0.name, as: UTF8.self) } == ["leaker", "retainer", "flooder"])
      #expect(demo.workers.first?.rules.soft == .bytes(.mib(24)))
      #expect(demo.logs == [LogRules(path: bytes("/tmp/memwarden-demo/flood.log"), budget: .kib(256))])
    }

    @Test func `Every setting arrives where it belongs`() throws {
      folder.write("0123456789abcdef\n", to: "token")
      let all = try folder.read(
        """
        interval = 200ms
        observe = yes
        oom_score_adj = -1000
        protect = {sshd}
        protect += {"a b", init}
        http { listen = "[::]:80" allow_remote = yes socket = "" token_file = "\(folder.path)/token"
               allowed_hosts = {Board.LAN} }
        journal { file = /run/journal budget = 64K events = 16 }
        worker a-1 { comm = w exe = /bin/w pidfile = '/run/w.pid' user = www-data cgroup = /w.slice parent = runsv
          metric = pss of = sum soft = 2.5% hard = 5% hold = 0s clear = 90% cooldown = 1m backoff = 2s backoff_max = 1h
          budget = 1/1d observe = yes restart = {/bin/r, w} stop_signal = SIGHUP grace = 0s start_timeout = 1m }
        worker b { user = 1000 respawn = yes }
        log "/run/l o g" { budget = 16K keep = 4K method = put-back observe = yes }
        """
      ).get()
      var http = HTTPSettings()
      http.listen = ListenAddress(host: Bytes(repeating: 0, count: 16), port: 80)
      http.allowRemote = true
      http.socket = nil
      http.tokenFile = bytes(folder.path + "/token")
      http.token = bytes("0123456789abcdef")
      http.allowedHosts = [bytes("board.lan")]
      #expect(all.http == http)
      #expect(all.interval == Milliseconds(200) && all.observe && all.oomScoreAdjust == -1000)
      #expect(all.protect == ["sshd", "a b", "init"].map(bytes))
      #expect(all.journal == JournalSettings(file: bytes("/run/journal"), budget: .kib(64), events: 16))

      var a = WorkerSettings(name: bytes("a-1"))
      a.selector.comm = bytes("w")
      a.selector.exe = bytes("/bin/w")
      a.selector.pidfile = bytes("/run/w.pid")
      a.selector.uid = 33
      a.selector.cgroup = bytes("/w.slice")
      a.selector.parent = bytes("runsv")
      a.rules.metric = .pss
      a.rules.scope = .sum
      a.rules.soft = .share(Permyriad(250))
      a.rules.hard = .share(Permyriad(500))
      a.rules.hold = .zero
      a.rules.clear = Permyriad(9000)
      a.rules.coolDown = .seconds(60)
      a.rules.backoff = .seconds(2)
      a.rules.backoffMaximum = .seconds(3600)
      a.rules.budget = RestartBudget(count: 1, per: .seconds(86_400))
      a.rules.observe = true
      a.plan.means = .command([bytes("/bin/r"), bytes("w")])
      a.plan.stopSignal = 1
      a.plan.grace = .zero
      a.plan.startTimeout = .seconds(60)
      #expect(all.workers.first == a)
      #expect(all.workers.last?.plan.means == .respawn)
      #expect(all.workers.last?.selector.uid == 1000)

      var log = LogRules(path: bytes("/run/l o g"), budget: .kib(16))
      log.keep = .kib(4)
      log.method = .putBack
      log.observe = true
      #expect(all.logs == [log])
    }

    @Test func `An included file counts as part of the one that names it`() throws {
      folder.write("worker b { comm = b }\ninclude(more/c.conf)\n", to: "conf.d/b.conf")
      folder.write("worker c { comm = c }\nobserve = yes\n", to: "conf.d/more/c.conf")
      let all = try folder.read("include('conf.d/b.conf')\nworker a { comm = a }\n").get()
      #expect(all.workers.map(\.name) == ["a", "b", "c"].map(bytes))
      #expect(all.observe)
    }

    @Test func `A wrong file leaves nothing behind that the next one could trip over`() throws {
      let good = try sample("demo.conf")
      let expected = try folder.read(good).get()
      for wrong in ["a = \"x", "a = 'x", "/* x", "worker x { soft = {", "include(", "interval = \"\\400\"", "worker"] {
        guard case .failure = folder.read(wrong) else {
          Issue.record("accepted: \(wrong)")
          continue
        }
        #expect(try folder.read(good).get() == expected, "after \(wrong)")
      }
    }
  }
}

// The sections that bound several logs together.
import Foundation
import Policy
import Samples
import Testing

@testable import memwarden

extension ConfigurationTests {
  struct Budgets {
    @Test func `Every key of a shared budget arrives where it belongs`() throws {
      let budgets = try Folder().read(
        """
        logs "/l/*.log" { budget = 2M each = 1M keep = 64K method = punch protect = {"/l/a", "/l/b*"} observe = yes }
        logs /var/log { }
        filesystem "/l" { budget = 50% observe = yes }
        filesystem /m { budget = 8M }
        ram_filesystems { budget = 10% available_below = 4M pressure = 20% }
        """
      ).get().budgets
      #expect(budgets.count == 5)
      var first = BudgetRules(scope: .logs, name: bytes("/l/*.log"), budget: .bytes(.mib(2)))
      (first.each, first.keep, first.method, first.observe) = (.mib(1), .kib(64), .punch, true)
      first.protect = [bytes("/l/a"), bytes("/l/b*")]
      #expect(budgets[0] == first)
      #expect(budgets[1] == BudgetRules(scope: .logs, name: bytes("/var/log"), budget: .bytes(.mib(4))))
      var third = BudgetRules(scope: .fileSystem, name: bytes("/l"), budget: .share(Permyriad(5000)))
      third.observe = true
      #expect(budgets[2] == third)
      #expect(budgets[3] == BudgetRules(scope: .fileSystem, name: bytes("/m"), budget: .bytes(.mib(8))))
      var last = BudgetRules(scope: .allRAM, name: bytes("ram_filesystems"), budget: .share(Permyriad(1000)))
      (last.availableBelow, last.pressure) = (.bytes(.mib(4)), Permyriad(2000))
      #expect(budgets[4] == last)
      let log = first.logRules(path: bytes("/l/x.log"), budget: .mib(2))
      #expect(log.budget == .mib(1) && log.keep == .kib(64) && log.method == .punch && log.observe)
      #expect(budgets[1].logRules(path: bytes("/var/log/x"), budget: .mib(4)).budget == .mib(4))
    }

    @Test(arguments: [
      ("logs \"log/*\" { }", "memwarden.conf:1: logs \"log/*\": expected a folder or a pattern that begins with /"),
      ("logs \"/a/../b\" { }", "without . and .."),
      ("logs \"/a/[[:digit:]]\" { }", "write [0-9]"),
      ("logs \"/a\" { budget = 1M each = 2M }", "each: expected no more than budget"),
      ("logs \"/a\" { budget = 1M keep = 1M }", "keep: expected at most half of each"),
      ("logs \"/a\" { protect = {\"b\"} }", "protect: expected paths or patterns that begin with /, found \"b\""),
      ("logs \"/a\" { protect = {\"/b/[[:alpha:]]\"} }", "protect: classes"),
      ("logs \"/a\" { budget = 1% }", "budget: expected a size such as 4M"),
      ("filesystem \"x\" { }", "filesystem \"x\": expected a path on the filesystem"),
      ("filesystem \"/x\" { budget = 101% }", "budget: expected a size such as 16M"),
      ("filesystem \"/x\" { keep = 1M }", "keep"),
      (
        "ram_filesystems { pressure = 0.5% }", "ram_filesystems: pressure: expected a share of the time from 1% to 100%"
      ),
      ("ram_filesystems { }\nram_filesystems { }", "ram_filesystems: expected one such section, found another"),
    ])
    func `What is wrong is said by place and key`(text: String, complaint: String) {
      let said = complaints(text)
      #expect(said.count == 1 && said[0].contains(complaint), "\(said)")
    }
  }
}

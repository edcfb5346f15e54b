import Foundation
import Policy
import Samples
import Testing

@testable import Report

@Test func everyEventHasItsClassNameNumbersAndSentence() {
  let all: [(Event.Subject, String?, [Expected])] = [
    (.agent, nil, agentEvents), (.worker, "worker", workerEvents), (.log, "log", logEvents),
    (.budget, "budget", budgetEvents),
  ]
  for (subject, key, table) in all {
    for row in table {
      var event = Event(row.what, subject, name: subject == .agent ? [] : bytes("it"))
      event.number = 17
      var json = JSONWriter()
      event.write(to: &json)
      let common = """
        "id": 17, "time": "2026-01-31T09:05:00.250Z", "clock_synchronised": true, "boot_ms": 100000,
        "class": "\(row.kind)", "event": "\(row.event)"
        """
      let numbers = row.numbers.isEmpty ? "" : ", " + row.numbers
      var expected = parse(bytes("{\(common)\(numbers)}"))
      expected["message"] = row.message
      if let key { expected[key] = "it" }
      #expect(NSDictionary(dictionary: parse(json.text)) == NSDictionary(dictionary: expected))
      #expect(string(event.message.bytes) == row.message)
    }
  }
}

@Test func noKindOfEventIsLeftOutAboveAndNoTwoShareAName() {
  // Exhaustive: a new kind does not compile until it is counted here, and fails until it has its row.
  func number(_ what: Happening) -> Int {
    switch what {
    case .started: 0
    case .stopping: 1
    case .reloaded: 2
    case .reloadRefused: 3
    case .featureMissing: 4
    case .clockStepped: 5
    case .appeared: 6
    case .vanished: 7
    case .childStarted: 8
    case .childEnded: 9
    case .childNotStarted: 10
    case .childAdopted: 45
    case .recycleResumed: 46
    case .overSoft: 11
    case .overHard: 12
    case .backBelow: 13
    case .settled: 14
    case .wouldRecycle: 15
    case .blocked: 16
    case .recycleBegan: 17
    case .killedAfterGrace: 18
    case .recycled: 19
    case .recycleFailed: 20
    case .parked: 21
    case .unparked: 22
    case .paused: 23
    case .resumed: 24
    case .logGrows: 25
    case .logWouldCut: 26
    case .logCut: 27
    case .logRefused: 28
    case .logBackInBudget: 29
    case .triggerDue: 30
    case .budget: 31
    case .deletedFileHeld: 32
    case .deletedLogCut: 33
    case .outputFloods: 34
    case .logSparse: 35
    case .archiveFailed: 36
    case .archiveRecovered: 37
    case .renameFailed: 38
    case .redirected: 39
    case .redirectedToo: 40
    case .redirectRefused: 41
    case .redirectUndone: 42
    case .redirectKept: 43
    case .stateUnusable: 44
    case .trimmed: 45
    case .trimRefused: 46
    case .redirectStuck: 47
    case .stepTaken: 48
    case .remedyUseless: 49
    }
  }
  let rows = agentEvents + workerEvents + logEvents + budgetEvents
  #expect(Set(rows.map { number($0.what) }) == Set(0..<50))
  #expect(Set(rows.map(\.event)).count == 51 + budgetEvents.count)
}

@Test func aNameInAnEventIsTheNameAsItIs() throws {
  for name in hostileNames {
    var json = JSONWriter()
    Event(.paused, .worker, name: name).write(to: &json)
    let said = try #require(parse(json.text)["worker"] as? String)
    if let valid = String(validating: name, as: UTF8.self) { #expect(said == valid) }
  }
}

@Test func aLineSaysWhenWhoAndWhatAndMarksAnUncertainClock() {
  func line(_ event: Event) -> String {
    var out = Bytes()
    event.writeLine(to: &out)
    return string(out)
  }
  var event = Event(.paused, .worker, name: bytes("we\u{1B}b"))
  #expect(line(event) == "2026-01-31T09:05:00.250Z acted we\\x1bb: paused: watched, and nothing is done to it\n")
  event.isSynchronised = false
  event.wall = 12_345
  #expect(line(event).hasPrefix("1970-01-01T00:00:12.345Z? acted "))
  #expect(line(Event(.stopping(endsWorkers: true), .agent)).contains(" seen memwarden: stopping"))
}

@Test func everyObstacleAndReasonHasItsOwnNameAndWords() {
  let obstacles: [Obstacle] = [
    .paused, .parked(.budgetUsedUp), .coolingDown(until: at(1)), .backingOff(until: at(1)), .acting, .noMeans,
    .outsideWindow, .clockUnset, .young(until: at(1)), .busy, .groupBusy, .groupThin, .stepsSpent,
    .parked(.remedyUseless),
  ]
  #expect(Set(obstacles.map { $0.name.description }).count == 13)
  #expect(Set(obstacles.map { string($0.words(now: at(0)).bytes) }).count == 14)
  let reasons: [Reason] = [.softLimitHeld, .hardLimit, .trigger, .asked, .crashed]
  #expect(Set(reasons.map { $0.name.description }).count == 5)
  // A wait that is over is said as none, not as a negative one.
  #expect(string(Obstacle.backingOff(until: at(1)).words(now: at(9)).bytes).hasSuffix(" 0 ms"))
}

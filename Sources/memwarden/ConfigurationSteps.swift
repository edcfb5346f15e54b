// The steps of a worker: `{"trim", "signal USR1", "hook /usr/bin/x -v", "drain http://127.0.0.1:8080/drain", "recycle"}`.
import Actions
import CLinux
import Samples

func readSteps(_ settings: SettingReader, _ plan: inout RecyclePlan) {
  settings.read(
    "step_timeout", &plan.steps.timeout, "a duration from 100ms to 1h",
    parseDuration(Milliseconds(100)...(.seconds(3600))))
  guard let setting = settings.setting("steps") else { return }
  var texts = setting.values
  plan.steps.endsWithRecycle = texts.last.map { equal($0, "recycle") } ?? false
  if plan.steps.endsWithRecycle {
    texts.removeLast()
    if plan.means == .none { settings.report(setting, Bytes("recycle needs one of run, restart and respawn")) }
  } else if texts.isEmpty {
    settings.refuse(setting, "one step at least")
  }
  if texts.count > 8 { settings.report(setting, Bytes("expected at most 8 steps, and recycle as the last")) }
  for text in texts {
    // What is drained takes no work any more: only a recycle helps then.
    if plan.steps.drains { settings.refuse(setting, "recycle as the last and right after drain", found: text) }
    var expected: StaticString = "cut, trim, signal NAME, hook PROGRAM, drain URL, or recycle as the last"
    guard let act = parseStep(text, &expected) else { return settings.refuse(setting, expected, found: text) }
    if case .drain = act { plan.steps.drains = true }
  }
  if plan.steps.drains, !plan.steps.endsWithRecycle {
    settings.refuse(setting, "recycle after drain", found: texts.last)
  }
  plan.steps.steps = texts
}

/// Words parted by blanks; there is no way to write a blank within a word. nil: `expected` says what it should be.
func parseStep(_ text: Bytes, _ expected: inout StaticString) -> StepAct? {
  var words = [Bytes](), word = Bytes()
  for byte in text + [0x20] {
    if byte != 0x20 {
      word.append(byte)
    } else if !word.isEmpty {
      words.append(word)
      word = []
    }
  }
  guard let name = words.first else { return nil }
  if words.count == 1, equal(name, "cut") { return .cut }
  if words.count == 1, equal(name, "trim") { return .trim }
  if words.count == 2, equal(name, "signal") {
    expected = "signal and one that can be caught: TERM, INT, QUIT, HUP, USR1, USR2, ABRT or a number from 1 to 64"
    let signal = parseSignal(words[1]) ?? SIGKILL
    return signal == SIGKILL || signal == SIGSTOP ? nil : .signal(signal)
  }
  if words.count == 2, equal(name, "drain") {
    expected = "drain and a URL on loopback such as http://127.0.0.1:8080/drain"
    guard let gate = parseHealth(words[1]), gate.path != nil,
      ListenAddress(host: gate.host, port: gate.port).isLoopback
    else { return nil }
    return .drain(gate)
  }
  guard words.count > 1, equal(name, "hook") else { return nil }
  expected = "hook, the absolute path of a program and up to 63 arguments"
  words.removeFirst()
  return words[0][0] == UInt8(ascii: "/") && words.count <= 64 ? .hook(words) : nil
}

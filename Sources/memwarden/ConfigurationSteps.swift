// The steps of a worker: `{"trim", "signal USR1", "hook /usr/bin/x -v", "drain http://127.0.0.1:8080/drain", "recycle"}`.
import Actions
import CLinux
import Samples

func readSteps(_ settings: SettingReader, _ plan: inout RecyclePlan) {
  settings.read(
    "step_timeout", &plan.steps.timeout, "a duration from 100ms to 1h",
    parseDuration(Milliseconds(100)...(.seconds(3600))))
  guard let setting = settings.setting("steps") else { return }
  var found = Bytes()
  let problem = plan.steps.take(setting.values, &found, canRecycle: plan.means != .none)
  if let problem { settings.refuse(setting, problem, found: found) }
}

extension StepPlan {
  /// nil, or what was expected instead of `found`.
  fileprivate mutating func take(_ texts: [Bytes], _ found: inout Bytes, canRecycle: Bool) -> StaticString? {
    endsWithRecycle = false
    for text in texts {
      found = text
      if endsWithRecycle { return "nothing after recycle" }
      if !names.isEmpty { names.write(", ") }
      names.write(text)
      if equal(text, "recycle") {
        endsWithRecycle = true
        if !canRecycle { return "one of run, restart and respawn for a recycle" }
        continue
      }
      // What is drained takes no work any more: only a recycle helps then.
      if drains { return "recycle right after drain" }
      if steps.count == 8 { return "at most 8 steps and recycle" }
      var expected: StaticString = "cut, trim, signal NAME, hook PROGRAM, drain URL, or recycle as the last"
      guard let act = parseStep(text, &expected) else { return expected }
      if case .drain = act { drains = true }
      steps.append(text)
    }
    if drains, !endsWithRecycle { return "recycle right after drain" }
    if steps.isEmpty { names = [] }
    return texts.isEmpty ? "one step at least" : nil
  }
}

/// nil: `expected` says what it should be. There is no way to write a blank within a word of a hook.
func parseStep(_ text: Bytes, _ expected: inout StaticString) -> StepAct? {
  if equal(text, "cut") { return .cut }
  if equal(text, "trim") { return .trim }
  var s = ByteScanner(text.span)
  let isSignal = s.accept("signal "), isDrain = s.accept("drain ")
  guard isSignal || isDrain || s.accept("hook ") else { return nil }
  let rest = text[s.position...]
  if isSignal {
    expected = "signal and one that can be caught: TERM, INT, QUIT, HUP, USR1, USR2, ABRT or a number from 1 to 64"
    guard let signal = parseSignal(Bytes(rest)), signal != SIGKILL, signal != SIGSTOP else { return nil }
    return .signal(signal)
  }
  if isDrain {
    expected = "drain and a URL on loopback such as http://127.0.0.1:8080/drain"
    guard let gate = parseHealth(Bytes(rest)), gate.path != nil,
      ListenAddress(host: gate.host, port: gate.port).isLoopback
    else { return nil }
    return .drain(gate)
  }
  expected = "hook, the absolute path of a program and up to 63 arguments"
  var words = [Bytes]()
  for word in rest.split(separator: 0x20) { words.append(Bytes(word)) }
  return rest.first == UInt8(ascii: "/") && words.count <= 64 ? .hook(words) : nil
}

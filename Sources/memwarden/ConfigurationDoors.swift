// The parts of the configuration that open a door or stop a process: section http, and how a worker is recycled.
import Actions
import Policy
import Samples

func readHTTP(_ settings: SettingReader) -> HTTPSettings {
  var http = HTTPSettings()
  settings.read("allow_remote", &http.allowRemote, "yes or no", parseYes)
  settings.readOptional(
    "listen", &http.listen, none: "", "an address and port such as 127.0.0.1:8741 or [::1]:8741, or \"\"", parseAddress)
  if let listen = http.listen, !listen.isLoopback, !http.allowRemote {
    settings.report(settings.setting("listen"), Bytes("not a loopback address: needs allow_remote = yes"))
  }
  // sun_path of unix(7) holds 108 bytes with its NUL.
  settings.readOptional(
    "socket", &http.socket, none: "", "a path of at most 107 bytes that begins with /, or \"\"", parsePath(107))
  settings.readOptional(
    "token_file", &http.tokenFile, none: "", "a path that begins with /, or \"\"", parsePath(4095))
  if let path = http.tokenFile, let setting = settings.setting("token_file") {
    do throws(FileTrouble) {
      http.token = parseToken(try readSmallFile(path))
      // Never shows what it found: it may be most of a secret.
      if http.token == nil {
        settings.report(setting, Bytes("expected one line of 16 to 256 printable ASCII bytes in ") + path)
      }
    } catch {
      settings.report(setting, path + Bytes(" ") + error.message)
    }
  }
  settings.readList("allowed_hosts", &http.allowedHosts, "host names without port") { text in
    parseWord(253, others: ".-:[]")(text)?.map { $0 >= 65 && $0 <= 90 ? $0 | 0x20 : $0 }
  }
  return http
}

/// The first and only line of a token file.
private func parseToken(_ text: Bytes) -> Bytes? {
  var token = text[...]
  if token.last == 0x0A { token = token.dropLast() }
  if token.last == 0x0D { token = token.dropLast() }
  guard token.count >= 16, token.count <= 256, token.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
  return Bytes(token)
}

func readPlan(_ settings: SettingReader) -> RecyclePlan {
  var plan = RecyclePlan()
  var modes: [Setting] = []
  if let argv = readArguments("run", settings) {
    plan.means = .child(argv.values)
    modes.append(argv)
  }
  if let argv = readArguments("restart", settings) {
    plan.means = .command(argv.values)
    modes.append(argv)
  }
  var respawn = false
  settings.read("respawn", &respawn, "yes or no", parseYes)
  if respawn, let setting = settings.setting("respawn") {
    plan.means = .respawn
    modes.append(setting)
  }
  if modes.count > 1 {
    settings.report(modes.last, Bytes("expected at most one of run, restart and respawn"))
  }
  readSteps(settings, &plan)
  settings.readOptional(
    "health", &plan.health, "tcp://127.0.0.1:8080 or http://127.0.0.1:8080/path, with a numeric address", parseHealth)
  settings.read("health_after", &plan.settle, "a duration from 0s to 10m", parseDuration(.zero...(.seconds(600))))
  settings.readOptional(
    "health_below", &plan.healthBelow, "a size such as 16M", parseSize(.kib(4)...ByteCount(1 << 40)))
  settings.read("stop_signal", &plan.stopSignal, "a signal such as TERM or 15", parseSignal)
  settings.read("grace", &plan.grace, "a duration from 0s to 1h", parseDuration(.zero...(.seconds(3600))))
  settings.read(
    "start_timeout", &plan.startTimeout, "a duration from 1s to 1h", parseDuration(.seconds(1)...(.seconds(3600))))
  return plan
}

/// `tcp://127.0.0.1:8080` or `http://127.0.0.1:8080/health`.
func parseHealth(_ text: Bytes) -> HealthGate? {
  var scanner = ByteScanner(text.span)
  let isHTTP = scanner.accept("http://")
  guard isHTTP || scanner.accept("tcp://") else { return nil }
  let rest = text[scanner.position...]
  let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
  guard isHTTP || slash == rest.endIndex, let address = parseAddress(Bytes(rest[..<slash])), address.port > 0 else {
    return nil
  }
  let path = slash == rest.endIndex ? Bytes("/") : Bytes(rest[slash...])
  guard path.count <= 255, path.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
  return HealthGate(host: address.host, port: address.port, path: isHTTP ? path : nil)
}

/// Which workers there are is not known yet: `resolve` sees to that.
func readGroup(_ settings: SettingReader) -> GroupRules {
  var group = GroupRules(name: settings.section.title, workers: [])
  settings.readList("workers", &group.workers, "names of workers") { $0.isEmpty ? nil : $0 }
  if group.workers.count < 2 { settings.report(settings.setting("workers"), Bytes("expected at least two workers")) }
  let most = max(group.workers.count, 1)
  settings.read("at_once", &group.atOnce, "a number from 1 to that of its workers", parseNumber(1...most))
  settings.read("healthy", &group.healthy, "a number from 0 to one less than its workers", parseNumber(0...(most - 1)))
  return group
}

/// A command and its arguments; nil where the key is not given or wrong.
private func readArguments(_ key: StaticString, _ settings: SettingReader) -> Setting? {
  guard let setting = settings.setting(key) else { return nil }
  guard let command = setting.values.first, !command.isEmpty, setting.values.count <= 64 else {
    settings.refuse(setting, "a command and up to 63 arguments such as {\"/usr/bin/x\", \"-v\"}")
    return nil
  }
  return setting
}

// The client verbs: one HTTP/1.0 request over the unix socket, or over TCP with --url; the answer to standard output.
import CLinux
import Policy
import Report
import Samples

struct Client {
  private let options: Options
  private let isTerminal: Bool
  init(_ options: Options) {
    self.options = options
    isTerminal = cl_is_terminal(1)
  }

  func perform(_ ask: Ask) -> Int32 {
    switch ask {
    case .get(let path): return show(Bytes("GET"), Bytes(path) + query)
    case .worker(let suffix, let posts):
      guard let name = options.argument else { return show(Bytes("GET"), Bytes("/v1/workers")) }
      return show(Bytes(posts ? "POST" : "GET"), Bytes("/v1/workers/") + escaped(name) + Bytes(suffix) + query)
    case .log(let suffix, let posts): return askLog(suffix, posts: posts)
    case .process(let suffix):
      return show(Bytes("GET"), Bytes("/v1/processes/") + escaped(options.argument ?? []) + Bytes(suffix))
    case .reload: return show(Bytes("POST"), Bytes("/v1/reload"))
    case .top: return top()
    }
  }

  /// `PATH` has the id that memwarden gives it; an id is taken as it is.
  private func askLog(_ suffix: StaticString, posts: Bool) -> Int32 {
    guard let wanted = options.argument else { return Exit.usage }
    let isPath = wanted.first == UInt8(ascii: "/")
    let id = isPath ? LogRecord(rules: LogRules(path: wanted, budget: .zero)).id : wanted
    var body = Bytes()
    if let target = options.target {
      var json = JSONWriter()
      json.object { $0.field("to", target) }
      body = json.text
    }
    return show(Bytes(posts ? "POST" : "GET"), Bytes("/v1/logs/") + escaped(id) + Bytes(suffix) + query, body: body)
  }

  private func top() -> Int32 {
    while true {
      guard let (status, workers) = ask(Bytes("GET"), Bytes("/v1/workers"), text: true),
        let (_, logs) = ask(Bytes("GET"), Bytes("/v1/logs"), text: true),
        let (_, board) = ask(Bytes("GET"), Bytes("/v1/status"), text: true)
      else { return Exit.system }
      if isTerminal { printOut("\u{1B}[H\u{1B}[2J") }
      printOut(board)
      printOut("\n")
      printOut(isTerminal ? coloured(workers) : workers)
      printOut("\n")
      printOut(isTerminal ? coloured(logs) : logs)
      if status >= 400 || !isTerminal { return status >= 400 ? Exit.refused : Exit.done }
      _ = sleep(2)
    }
  }

  private func show(_ method: Bytes, _ path: Bytes, body sent: Bytes = []) -> Int32 {
    guard let (status, body) = ask(method, path, text: !options.json, body: sent) else { return Exit.system }
    if status >= 400 {
      _ = body.withUnsafeBytes { cl_write_all(2, $0.baseAddress, $0.count) }
      return Exit.refused
    }
    printOut(isTerminal && !options.json ? coloured(body) : body)
    return Exit.done
  }

  private var query: Bytes {
    var text = Bytes()
    if let after = options.after { text += Bytes("?after=") + escaped(after) }
    if let limit = options.limit { text += Bytes(text.isEmpty ? "?limit=" : "&limit=") + escaped(limit) }
    if let lines = options.lines { text += Bytes("?lines=") + escaped(lines) }
    return text
  }

  // MARK: HTTP

  private func ask(_ method: Bytes, _ path: Bytes, text: Bool, body: Bytes = []) -> (status: Int, body: Bytes)? {
    guard let fd = connect() else { return nil }
    defer { _ = close(fd) }
    var request = method + Bytes(" ") + path
    request.write(" HTTP/1.0\r\nHost: localhost\r\nContent-Length: ")
    request.write(body.count)
    request.write("\r\n")
    if text { request.write("Accept: text/plain\r\n") }
    if let file = options.tokenFile {
      guard let token = readWhole(file, maximum: 4096) else {
        complain("\(file): the token cannot be read")
        return nil
      }
      request.write("Authorization: Bearer ")
      for byte in token where byte > 0x20 { request.append(byte) }
      request.write("\r\n")
    }
    request.write("\r\n")
    request.append(contentsOf: body)
    guard request.withUnsafeBytes({ cl_write_all(fd, $0.baseAddress, $0.count) }) > 0 else {
      complain("memwarden hung up")
      return nil
    }
    return split(receive(fd))
  }

  private func receive(_ fd: Int32) -> Bytes {
    var all = Bytes()
    var piece = Bytes(repeating: 0, count: 16_384)
    while all.count < 8 << 20 {
      let n = piece.withUnsafeMutableBytes { cl_read(fd, $0.baseAddress, $0.count) }
      if n <= 0 { break }
      all.append(contentsOf: piece[..<Int(n)])
    }
    return all
  }

  private func split(_ answer: Bytes) -> (Int, Bytes)? {
    var scanner = ByteScanner(answer.span)
    var status: UInt64?
    if scanner.accept("HTTP/1.") {
      scanner.skipField()
      status = scanner.number()
    }
    guard let status else {
      complain("what answered is not memwarden")
      return nil
    }
    for i in answer.indices.dropLast(3)
    where answer[i] == 13 && answer[i + 1] == 10 && answer[i + 2] == 13 && answer[i + 3] == 10 {
      return (Int(clamping: status), Bytes(answer[(i + 4)...]))
    }
    complain("the answer was cut short")
    return nil
  }

  private func connect() -> Int32? {
    if let url = options.url {
      guard let address = address(of: url) else {
        complain("--url: expected http://ADDRESS:PORT with a numeric address or localhost, found \(url)")
        return nil
      }
      let fd = address.host.withUnsafeBufferPointer { cl_connect_tcp($0.baseAddress, $0.count, address.port, 10_000) }
      if fd < 0 { complain("\(url): cannot connect, errno \(-fd); is memwarden running?") }
      return fd < 0 ? nil : fd
    }
    let fd = options.socket.withCString { cl_connect_unix($0, 10_000) }
    if fd < 0 { complain("\(options.socket): cannot connect, errno \(-fd); is memwarden running, and are you root?") }
    return fd < 0 ? nil : fd
  }

  private func address(of url: Bytes) -> ListenAddress? {
    var scanner = ByteScanner(url.span)
    guard scanner.accept("http://") else { return nil }
    var rest = Bytes(url[scanner.position...])
    if rest.last == UInt8(ascii: "/") { rest.removeLast() }
    var local = ByteScanner(rest.span)
    if local.accept("localhost") { rest = Bytes("127.0.0.1") + Bytes(rest[local.position...]) }
    return parseAddress(rest)
  }

  /// Everything but letters, digits and `._-` as %XX.
  private func escaped(_ text: Bytes) -> Bytes {
    var out = Bytes()
    for byte in text {
      let letter = byte | 0x20
      if (letter >= 97 && letter <= 122) || (byte >= 48 && byte <= 57) || byte == 45 || byte == 46 || byte == 95 {
        out.append(byte)
      } else {
        let digits = Bytes("0123456789ABCDEF")
        out.append(UInt8(ascii: "%"))
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
      }
    }
    return out
  }

  // MARK: Colour

  /// Words that say how things stand, in green, yellow or red: on a terminal only.
  private func coloured(_ text: Bytes) -> Bytes {
    var out = Bytes()
    for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if !out.isEmpty { out.append(0x0A) }
      for (i, word) in line.split(separator: 0x20, omittingEmptySubsequences: false).enumerated() {
        if i > 0 { out.append(0x20) }
        let colour = colour(of: Bytes(word))
        if colour > 0 { out += Bytes("\u{1B}[") + [UInt8(ascii: "3"), 48 + colour, UInt8(ascii: "m")] }
        out.append(contentsOf: word)
        if colour > 0 { out.write("\u{1B}[0m") }
      }
    }
    return out
  }
  private func colour(of word: Bytes) -> UInt8 {
    for good: StaticString in ["ok", "recovered", "watched"] where equal(word, good) { return 2 }
    for odd: StaticString in ["over_soft", "acted", "paused", "recycling", "backing_off"] where equal(word, odd) {
      return 3
    }
    for bad: StaticString in ["over_hard", "failed", "parked", "refused"] where equal(word, bad) { return 1 }
    return 0
  }
}

// What an operator asks for the lines that cuts remove, and how much may be written for them in a day. Values only.
public import Samples

/// How the writers of a renamed log are made to open the new one.
public enum Reopen: Equatable, Sendable {
  /// A signal to each process that has it open for writing.
  case signal(Int32)
  /// A command and its arguments.
  case command([Bytes])
}

public struct ArchiveRules: Equatable, Sendable {
  /// Absolute, of a folder on another filesystem than the log's.
  public var folder: Bytes
  /// Files, and bytes of all of them; the oldest go first, the newest always stays.
  public var keep = 5
  public var budget = ByteCount.mib(1)
  public var gzip = true
  /// Bytes that may be written to the archive's filesystem in a day; nil: any.
  public var wear: ByteCount?
  public init(folder: Bytes) { self.folder = folder }
}

/// How much was written in the present day. A day begins with the first write after the one before is over: no wall
/// clock, which starts in 1970.
public struct WearMeter: Equatable, Sendable {
  public private(set) var written = ByteCount.zero
  private var since: Instant?
  private static let day = Milliseconds.seconds(86_400)
  public init() {}

  public mutating func add(_ bytes: ByteCount, now: Instant) {
    renew(now: now)
    if since == nil { since = now }
    written += bytes
  }

  /// What may still be written today.
  public mutating func room(_ cap: ByteCount?, now: Instant) -> ByteCount {
    renew(now: now)
    return cap.map { $0 - written } ?? ByteCount(.max)
  }

  private mutating func renew(now: Instant) {
    guard let since, now - since >= Self.day else { return }
    self.since = nil
    written = .zero
  }
}

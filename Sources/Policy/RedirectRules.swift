// Where a log's lines may be sent instead of its file. Values only.
public import Samples

public enum RedirectTarget: Equatable, Sendable {
  /// /dev/null.
  case null
  /// A FIFO that memwarden reads into a ring of lines.
  case ring
  /// The same, and each line goes on to syslog(3).
  case syslog
  /// Another file, absolute.
  case file(Bytes)

  /// Whether the lines come to memwarden.
  public var usesPipe: Bool { self == .ring || self == .syslog }
}

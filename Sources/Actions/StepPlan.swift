// The steps that come before a recycle, as values from the configuration.
public import Samples

/// What one step does.
public enum StepAct: Equatable, Sendable {
  /// Cuts every watched log that a process of the worker writes.
  case cut
  /// Gives an allocator's free memory back.
  case trim
  /// To the main process, where it catches it.
  case signal(Int32)
  /// argv, executed without a shell.
  case hook([Bytes])
  /// An HTTP GET to loopback, then until the worker's connections are gone; the recycle follows in any case.
  case drain(HealthGate)
}

/// At most 8 steps, cheapest first, then the recycle or not.
public struct StepPlan: Equatable, Sendable {
  /// As they stand in the configuration, which is what they are called in events; each was understood when that was read.
  public var steps: [Bytes] = []
  public var endsWithRecycle = true
  /// The last of them is a drain.
  public var drains = false
  /// For each step.
  public var timeout = Milliseconds.seconds(10)
  /// `trim, signal USR1, recycle`; empty for a recycle alone.
  public var names = Bytes()
  public init() {}
}

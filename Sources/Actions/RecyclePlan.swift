// How one worker is replaced: values from the configuration.
public import Samples

/// The way a worker comes up again.
public enum RecycleMeans: Equatable, Sendable {
  /// Watched only: there is no way to recycle it.
  case none
  /// memwarden runs it: argv, executed without a shell.
  case child([Bytes])
  /// A command that stops and starts it (its init's own restart): argv, without a shell.
  case command([Bytes])
  /// Its parent starts another when it ends: stop it and wait for the new one.
  case respawn
}

public struct RecyclePlan: Equatable, Sendable {
  public var means = RecycleMeans.none
  /// What is tried before it.
  public var steps = StepPlan()
  /// Signal number asked of the process first.
  public var stopSignal: Int32 = 15
  /// From the stop signal to SIGKILL.
  public var grace = Milliseconds.seconds(10)
  /// From the start (or the restart command) until a new identity must be up; a command that runs longer is killed.
  public var startTimeout = Milliseconds.seconds(30)
  /// How long a replacement must live before it counts as up.
  public var settle = Milliseconds(500)
  /// What it must answer before it counts as up.
  public var health: HealthGate?
  /// What it must hold less than when it has settled.
  public var healthBelow: ByteCount?
  public init() {}
}

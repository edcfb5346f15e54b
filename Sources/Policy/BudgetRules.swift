// What an operator asks for several logs together. Values only; BudgetWatch judges when, Eviction what goes first.
public import Samples

public struct BudgetRules: Equatable, Sendable {
  public enum Scope: UInt8, Equatable, Sendable {
    /// The files that a pattern means, or that are below a folder: found by themselves, bounded one by one as well.
    case logs
    /// Everything on one RAM filesystem.
    case fileSystem
    /// Everything on all of them.
    case allRAM
  }
  public var scope: Scope
  /// The pattern or folder; a path on the filesystem; `ram_filesystems`.
  public var name: Bytes
  /// What all of it may hold in RAM. A share: of the filesystem's size, of RAM where it has none.
  public var budget: Limit
  /// Say what would have been done, do nothing.
  public var observe = false

  /// Of scope `logs`: as in LogRules, for each file. `each` nil: the whole budget.
  public var each: ByteCount?
  public var keep: ByteCount?
  public var method: CutMethod?
  /// Paths or patterns of files that no budget of several files ever touches.
  public var protect: [Bytes] = []

  /// Of scope `allRAM`: also act while MemAvailable is below this, or while tasks wait for memory (PSI, some avg10) for
  /// this share of the time.
  public var availableBelow: Limit?
  public var pressure: Permyriad?

  public init(scope: Scope, name: Bytes, budget: Limit) {
    self.scope = scope
    self.name = name
    self.budget = budget
  }

  /// The rules of one file that was found.
  public func logRules(path: Bytes, budget: ByteCount) -> LogRules {
    var rules = LogRules(path: path, budget: each ?? budget)
    rules.keep = keep
    rules.method = method
    rules.observe = observe
    return rules
  }
}

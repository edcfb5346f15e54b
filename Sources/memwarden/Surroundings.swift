// What acting on workers needs from the agent, and what it says of failures.
import Actions
import Kernel
import Policy
import Report
import Samples

/// What acting on workers needs from the agent.
struct Surroundings {
  let reader: KernelReader
  let calls: ProcessCalls
  let teller: Teller
  let finder: ProcessFinder
  let store: WorkerStore
  /// Of the loop.
  var epoll: Int32 = -1

  func startTime(_ pid: Int32) -> UInt64? {
    do throws(Absence) {
      let stat = try reader.stat(pid)
      // A leader that exited while its threads live is not gone.
      return stat.isDead && stat.threads <= 1 ? nil : stat.startTicks
    } catch { return nil }
  }
  func target(_ identity: Identity) -> Target? {
    Target(identity, calls: calls, startTime: { startTime($0) })
  }
}

extension RecycleFailure {
  /// For the journal: words and the number that goes with them.
  var words: (StaticString, Int32) {
    switch self {
    case .unkillable: ("the process is still there after SIGKILL; it hangs in the kernel", 0)
    case .signalFailed(let errno): ("the stop signal could not be sent, errno", errno)
    case .spawnFailed(let errno): ("the program could not be started, errno", errno)
    case .commandFailed(.unknown):
      ("the restart command ended while memwarden did not run, and the old process lives on", 0)
    case .commandFailed(let status) where status.signal != 0: ("the restart command was ended by signal", status.signal)
    case .commandFailed(let status): ("the restart command failed, exit code", status.code)
    case .commandTimedOut: ("the restart command ran longer than start_timeout and was killed", 0)
    case .noReplacement: ("no new process came up within start_timeout", 0)
    case .noAnswer: ("the new process came up and did not answer its health gate within start_timeout", 0)
    case .stillLarge: ("the new process came up and holds more than health_below allows", 0)
    case .replacementDied: ("the new process came up and ended again at once", 0)
    }
  }
}

// How long one turn of the loop takes, and which part of it took most: nothing in the loop may keep it from the rest for
// longer than about 20 ms, and when something does, it should be known what.
import CLinux
import Report

struct TurnClock {
  private let start = cl_boottime_us()
  private var last: Int64, most: Int64 = -1
  /// The part that took most so far.
  private(set) var part = TurnPart.tick

  init() { last = start }

  /// What was done since the last call was this part.
  mutating func lap(_ part: TurnPart) {
    let now = cl_boottime_us()
    if now - last > most { (most, self.part) = (now - last, part) }
    last = now
  }
  /// From the start of the turn to the end of the last part.
  var microseconds: Int64 { last - start }
}

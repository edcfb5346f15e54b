// `Mon-Fri 02:00-05:00`: when a worker may be recycled. Of the wall clock, so it counts only while that is synchronised;
// the caller knows the clock and the time zone.

/// A stretch of the week. One that ends before it begins goes over midnight, and belongs to the day on which it begins.
public struct MaintenanceWindow: Equatable, Sendable {
  /// Bit 0 is Sunday, as tm_wday counts.
  public var days: UInt8
  /// Minutes after midnight; `end` is the first minute outside. 0 to 1440.
  public var start: Int, end: Int
  public init(days: UInt8, start: Int, end: Int) {
    self.days = days
    self.start = start
    self.end = end
  }

  /// `weekday` 0 to 6 from Sunday, `minute` of the day.
  public func contains(weekday: Int, minute: Int) -> Bool {
    if start < end { return isOn(weekday) && minute >= start && minute < end }
    return (isOn(weekday) && minute >= start) || (isOn((weekday + 6) % 7) && minute < end)
  }
  private func isOn(_ weekday: Int) -> Bool { days >> UInt8(weekday) & 1 != 0 }
}

/// What the wall clock shows, in the board's time zone; nil in the caller's hands while it is not synchronised.
public struct WallTime: Equatable, Sendable {
  public var weekday: Int, minute: Int
  public init(weekday: Int, minute: Int) {
    self.weekday = weekday
    self.minute = minute
  }
}

// One process is asked to give its allocator's free memory back, by the library it preloaded, and what came back is measured.
// It chooses nothing: it is told. The protocol is in Sources/trim/trim.h.
import Kernel
public import Samples

/// Why nothing was given back. The process goes on as it was.
public enum TrimRefusal: Error, Equatable, Sendable {
  case notPreloaded
  /// The allocator in use is another: malloc_trim would not reach it.
  case foreign(Allocator)
  /// The C library has no malloc_trim.
  case noTrim
  case unknownProcessor
  /// It has no handler (any more) for the signal it would be asked by.
  case notCaught
  /// Each time it was asked, its main thread was at work or in a handler of another signal.
  case busy
  /// It did not answer: it is stopped, or blocks the signal.
  case silent
  case unreadable(Absence)
  case signalFailed(errno: Int32)

  public var words: StaticString {
    switch self {
    case .notPreloaded:
      "libmemwarden-trim.so is not preloaded: start it with LD_PRELOAD=/usr/lib/memwarden/libmemwarden-trim.so"
    case .foreign: "its allocator is not glibc's: malloc_trim would not reach what it keeps"
    case .noTrim: "its C library has no malloc_trim: musl gives free memory back by itself"
    case .unknownProcessor: "the library does not know this processor"
    case .notCaught: "it does not handle the signal by which the library is asked"
    case .busy: "its main thread was at work each time it was asked within five seconds; nothing was done to it"
    case .silent: "it does not answer: it is stopped, or blocks the signal by which the library is asked"
    case .unreadable(.denied): "its memory may not be read: memwarden needs root with CAP_SYS_PTRACE"
    case .unreadable(.gone), .unreadable(.zombie): "it has ended"
    case .unreadable: "its memory cannot be read"
    case .signalFailed: "it could not be sent the signal by which the library is asked"
    }
  }
}

/// What a trim brought.
public struct Trimmed: Equatable, Sendable {
  /// Resident, by smaps_rollup, before and after.
  public var before: ByteCount, after: ByteCount
  /// Free in the allocator before and after; in use.
  public var freeBefore: ByteCount, freeAfter: ByteCount, inUse: ByteCount
  /// malloc_trim and mallinfo2, in the process itself.
  public var microseconds: UInt64
}

public final class Trim {
  public enum Progress: Equatable, Sendable {
    case wait(until: Instant)
    case done(Trimmed)
    case refused(TrimRefusal)
  }
  public let identity: Identity
  private let reader: KernelReader
  private let target: Target
  private let began: Instant
  private var library: TrimLibrary?
  private var before = ByteCount.zero
  /// What had been asked before, while an answer is awaited.
  private var awaited: UInt32?
  private var sentAt: Instant

  static let pollTime = Milliseconds(5), busyTime = Milliseconds(13)
  static let patience = Milliseconds.seconds(5), silence = Milliseconds.seconds(3)

  public init(_ target: Target, _ reader: KernelReader, now: Instant) {
    identity = target.identity
    self.target = target
    self.reader = reader
    began = now
    sentAt = now
  }

  /// Goes as far as it can now. To be called again at the instant it gives.
  public func step(now: Instant) -> Progress {
    do throws(TrimRefusal) {
      let library = try found()
      let page = try read(library)
      guard let awaited else { return try ask(page, now) }
      guard page.answered != awaited, page.answered == page.asked else {
        if now - sentAt > Trim.silence { throw .silent }
        return .wait(until: now + Trim.pollTime)
      }
      switch page.state {
      case .done: return .done(try measured(page))
      case .none: throw .noTrim
      case .unknownProcessor: throw .unknownProcessor
      case .busy, .idle:
        if now - began > Trim.patience { throw .busy }
        self.awaited = nil
        return .wait(until: now + Trim.busyTime)
      }
    } catch { return .refused(error) }
  }

  private func found() throws(TrimRefusal) -> TrimLibrary {
    if let library { return library }
    do throws(Absence) {
      guard let new = try reader.trimLibrary(identity.pid) else { throw Absence.notRead }
      library = new
      before = try resident()
    } catch { throw error == .notRead ? .notPreloaded : .unreadable(error) }
    guard let library else { throw .notPreloaded }
    guard library.allocator == .glibc || library.allocator == .musl else { throw .foreign(library.allocator) }
    return library
  }

  private func ask(_ page: TrimPage, _ now: Instant) throws(TrimRefusal) -> Progress {
    // Right before: a program that was exec'd meanwhile has no handler, and the signal would end it.
    do throws(Absence) {
      guard try reader.catches(identity.pid, page.signal) else { throw Absence.notRead }
    } catch { throw error == .notRead ? .notCaught : .unreadable(error) }
    switch target.send(page.signal) {
    case .sent: break
    case .gone: throw .unreadable(.gone)
    case .failed(let errno): throw .signalFailed(errno: errno)
    }
    awaited = page.answered
    sentAt = now
    return .wait(until: now + Trim.pollTime)
  }

  private func read(_ library: TrimLibrary) throws(TrimRefusal) -> TrimPage {
    do throws(Absence) { return try library.read() } catch { throw .unreadable(error) }
  }

  private func resident() throws(Absence) -> ByteCount {
    guard let rss = try reader.footprint(of: identity).rss.bytes else { throw .unsupported }
    return rss
  }

  private func measured(_ page: TrimPage) throws(TrimRefusal) -> Trimmed {
    do throws(Absence) {
      return Trimmed(
        before: before, after: try resident(), freeBefore: page.freeBefore, freeAfter: page.freeAfter,
        inUse: page.inUse, microseconds: page.microseconds)
    } catch { throw .unreadable(error) }
  }
}

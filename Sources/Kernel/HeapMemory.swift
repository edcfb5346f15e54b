// A process's memory as the heap walk sees it: bytes that are resident. Reading faults nothing in and stops nothing.
import CLinux
public import Samples

public enum HeapRead: Equatable, Sendable {
  /// From the address on; fewer than asked where a page is not resident.
  case bytes(Int)
  /// The first page is in swap.
  case swapped
  /// Nothing is mapped there, or the page was never touched.
  case nothing
  /// The process is gone, or may not be read any more.
  case failed(Absence)
}

/// Where the walk gets its bytes: a process, or what a test made up.
public protocol HeapMemory: AnyObject {
  var pageSize: UInt64 { get }
  /// The text of /proc/PID/maps, piece by piece: 0 at its end, or -errno.
  func readMaps(into buffer: UnsafeMutableRawBufferPointer) -> Int
  func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> HeapRead
  /// Bytes of resident pages from one page boundary to another.
  func resident(from: UInt64, to: UInt64) -> UInt64
}

/// A live process, by process_vm_readv(2) and /proc/PID/pagemap.
public final class ProcessMemory: HeapMemory {
  public let pageSize: UInt64
  private let pid: Int32
  private let maps: Descriptor, pagemap: Descriptor
  private let states = UnsafeMutablePointer<UInt64>.allocate(capacity: ProcessMemory.statesMaximum)
  private static let statesMaximum = 512
  private static let present: UInt64 = 1 << 63, swapped: UInt64 = 1 << 62

  /// Opens both files. `denied`: needs root with CAP_SYS_PTRACE; `unsupported`: no pagemap (CONFIG_PROC_PAGE_MONITOR)
  /// or no process_vm_readv.
  init(_ reader: KernelReader, _ pid: Int32) throws(Absence) {
    self.pid = pid
    pageSize = reader.pageSize
    reader.setPath(pid, "/maps")
    maps = try reader.openPath()
    reader.setPath(pid, "/pagemap")
    do throws(Absence) { pagemap = try reader.openPath() } catch {
      throw error == .gone ? .unsupported : error
    }
    // An address that nobody has: permission is checked first.
    var byte: UInt8 = 0
    let result = heap_read(pid, 0, &byte, 1)
    if result < 0, result != -Int64(EFAULT) { throw Absence(errno: Int32(-result)) }
  }
  deinit { states.deallocate() }

  public func readMaps(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    Int(reading_read(maps.number, buffer.baseAddress, buffer.count))
  }

  public func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> HeapRead {
    let (last, overflow) = address.addingReportingOverflow(UInt64(max(buffer.count, 1) - 1))
    guard !overflow, !buffer.isEmpty else { return .nothing }
    let first = address / pageSize
    let pages = Int(min(last / pageSize - first + 1, UInt64(Self.statesMaximum)))
    let known = heap_page_states(pagemap.number, first, states, pages)
    if known < 0 { return .failed(Absence(errno: Int32(-known))) }
    // Of addresses without a mapping it tells too, but nothing of a process that gave up its memory.
    guard known > 0 else { return .failed(.gone) }
    var run = 0
    while run < Int(known), states[run] & Self.present != 0 { run += 1 }
    if run == 0 { return states[0] & Self.swapped != 0 ? .swapped : .nothing }
    let count = min(UInt64(buffer.count), (first + UInt64(run)) * pageSize - address)
    let n = heap_read(pid, address, buffer.baseAddress, Int(count))
    if n == -Int64(EFAULT) || n == 0 { return .nothing }
    return n < 0 ? .failed(Absence(errno: Int32(-n))) : .bytes(Int(n))
  }

  public func resident(from: UInt64, to: UInt64) -> UInt64 {
    var page = from / pageSize
    // A page table entry costs 5 to 15 ns: more than this in one go would be felt.
    let end = min(to / pageSize, page &+ 1 << 18)
    var count: UInt64 = 0
    while page < end {
      let n = heap_page_states(pagemap.number, page, states, Int(min(end - page, UInt64(Self.statesMaximum))))
      guard n > 0 else { break }
      for i in 0..<Int(n) where states[i] & Self.present != 0 { count += 1 }
      page += UInt64(n)
    }
    return count * pageSize
  }
}

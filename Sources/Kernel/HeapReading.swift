// How a walk over a live process's heap begins. What it finds is in HeapWalk.
import CLinux
public import Samples

extension KernelReader {
  /// Begins a walk over the heap of a process. `denied`: root with CAP_SYS_PTRACE may; `unsupported`: this kernel lets
  /// nobody (CONFIG_CROSS_MEMORY_ATTACH, CONFIG_PROC_PAGE_MONITOR).
  public func heapWalk(_ pid: Int32) throws(Absence) -> HeapWalk {
    _ = try memoryOwner(pid, try stat(pid))
    let memory = try ProcessMemory(self, pid)
    return HeapWalk(memory, try heapLayout(pid))
  }

  /// Of the start of /proc/PID/exe: EI_CLASS at 4, e_machine at 18.
  private func heapLayout(_ pid: Int32) throws(Absence) -> HeapLayout {
    setPath(pid, "/exe")
    let n = try loadStart(20)
    return try parsed(n) { header in
      guard header.count == 20, header[0] == 0x7F, header[1] == UInt8(ascii: "E"), header[4] == 1 || header[4] == 2
      else { return nil }
      let isLittle = header[5] == 1
      let machine = UInt16(header[isLittle ? 18 : 19]) | UInt16(header[isLittle ? 19 : 18]) << 8
      return HeapLayout(is64Bit: header[4] == 2, machine: machine)
    }
  }
}

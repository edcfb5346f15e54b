// x86-64: see remote_processor.h. struct user_regs_struct of asm/ptrace.h.
#include "remote_processor.h"

#if defined __x86_64__ && !defined __ILP32__
#include <errno.h>
#include <sys/syscall.h>

enum { R10 = 7, R9 = 8, R8 = 9, RAX = 10, RDX = 12, RSI = 13, RDI = 14, ORIG_RAX = 15, RIP = 16, WORDS = 27 };
// include/linux/errno.h: go on unless a handler runs, then EINTR.
enum { ERESTARTNOHAND = 514 };

size_t remote_registers_size(void) { return WORDS * sizeof(unsigned long); }

uintptr_t remote_find_instruction(const struct remote_registers *own, const uint8_t *bytes, size_t count,
                                  uintptr_t address) {
  (void)own;
  for (size_t i = 0; i + 1 < count; i++)
    if (bytes[i] == 0x0f && bytes[i + 1] == 0x05) return address + i;
  return 0;
}

void remote_set_call(struct remote_registers *r, uintptr_t instruction, long number, const unsigned long arguments[6]) {
  const int places[6] = {RDI, RSI, RDX, R10, R8, R9};
  for (int i = 0; i < 6; i++) r->word[places[i]] = arguments[i];
  r->word[RAX] = (unsigned long)number;
  // Not in a call: nothing is restarted on the way there.
  r->word[ORIG_RAX] = (unsigned long)-1;
  r->word[RIP] = instruction;
}

long remote_result(const struct remote_registers *r) { return (long)r->word[RAX]; }
uintptr_t remote_program_counter(const struct remote_registers *r) { return r->word[RIP]; }

void remote_go_on(struct remote_registers *r) {
  // Calls that the kernel ends with EINTR at every stop, though no handler runs (signal(7)). All others carry their
  // restart code in RAX, and the kernel acts on it after we let go.
  if ((long)r->word[RAX] != -EINTR) return;
  switch ((long)r->word[ORIG_RAX]) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case 441 /* epoll_pwait2 */:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_io_getevents: r->word[RAX] = (unsigned long)-ERESTARTNOHAND; break;
    default: break;
  }
}
#endif

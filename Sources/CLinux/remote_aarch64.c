// aarch64: see remote_processor.h. struct user_pt_regs of asm/ptrace.h. The kernel winds an interrupted call back before
// it stops the thread, so that it simply runs again: one with a relative timeout begins that anew.
#include "remote_processor.h"

#if defined __aarch64__
#include <string.h>

enum { X8 = 8, PC = 32, PSTATE = 33, WORDS = 34 };
static const unsigned long branch_type = 3ul << 10;

size_t remote_registers_size(void) { return WORDS * sizeof(unsigned long); }

uintptr_t remote_find_instruction(const struct remote_registers *own, const uint8_t *bytes, size_t count,
                                  uintptr_t address) {
  for (size_t i = 0; i + 4 <= count; i += 4) {
    uint32_t instruction;
    memcpy(&instruction, bytes + i, 4);
    // svc #0
    if (instruction == 0xd4000001 && address + i != own->word[PC]) return address + i;
  }
  return 0;
}

void remote_set_call(struct remote_registers *r, uintptr_t instruction, long number, const unsigned long arguments[6]) {
  for (int i = 0; i < 6; i++) r->word[i] = arguments[i];
  r->word[X8] = (unsigned long)number;
  r->word[PC] = instruction;
  // It was not branched to: no landing pad is wanted.
  r->word[PSTATE] &= ~branch_type;
}

long remote_result(const struct remote_registers *r) { return (long)r->word[0]; }
uintptr_t remote_program_counter(const struct remote_registers *r) { return r->word[PC]; }
void remote_go_on(struct remote_registers *r) { (void)r; }
#endif

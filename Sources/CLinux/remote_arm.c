// armv7, ARM and Thumb: see remote_processor.h. struct pt_regs of asm/ptrace.h. Interrupted calls as in remote_aarch64.c.
#include "remote_processor.h"

#if defined __arm__
#include <string.h>

enum { R7 = 7, PC = 15, CPSR = 16, WORDS = 18 };
static const unsigned long thumb = 1ul << 5, if_then = 0x0600fc00ul;

size_t remote_registers_size(void) { return WORDS * sizeof(unsigned long); }

uintptr_t remote_find_instruction(const struct remote_registers *own, const uint8_t *bytes, size_t count,
                                  uintptr_t address) {
  for (size_t i = 0; i + 4 <= count; i += 2) {
    uint32_t instruction;
    memcpy(&instruction, bytes + i, 4);
    if (address + i == own->word[PC]) continue;
    // svc #0, in ARM and in Thumb
    if (i % 4 == 0 && instruction == 0xef000000) return address + i;
    if ((instruction & 0xffff) == 0xdf00) return (address + i) | 1;
  }
  return 0;
}

void remote_set_call(struct remote_registers *r, uintptr_t instruction, long number, const unsigned long arguments[6]) {
  for (int i = 0; i < 6; i++) r->word[i] = arguments[i];
  r->word[R7] = (unsigned long)number;
  r->word[PC] = instruction & ~1ul;
  r->word[CPSR] &= ~(thumb | if_then);
  if (instruction & 1) r->word[CPSR] |= thumb;
}

long remote_result(const struct remote_registers *r) { return (long)r->word[0]; }
uintptr_t remote_program_counter(const struct remote_registers *r) { return r->word[PC]; }
void remote_go_on(struct remote_registers *r) { (void)r; }
#endif

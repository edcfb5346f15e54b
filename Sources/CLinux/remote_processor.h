// What remote.c must know of a processor: one file remote_PROCESSOR.c each. All work on the registers of NT_PRSTATUS, as
// ptrace gives them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remote_registers {
  unsigned long word[40];
};

// The length of NT_PRSTATUS of a process of our own width; 0: not supported.
size_t remote_registers_size(void);
// Where in `bytes`, which stand at `address`, there is a system call instruction at another place than the thread's own:
// the kernel takes a return to that for the restart of an interrupted call. Its address, or 0. The lowest bit: Thumb.
uintptr_t remote_find_instruction(const struct remote_registers *own, const uint8_t *bytes, size_t count, uintptr_t address);
// The thread's registers, to run the call at that instruction.
void remote_set_call(struct remote_registers *r, uintptr_t instruction, long number, const unsigned long arguments[6]);
long remote_result(const struct remote_registers *r);
uintptr_t remote_program_counter(const struct remote_registers *r);
// Registers that were saved when the thread was stopped, made ready to be given back: a call that ended with EINTR only
// because we stopped it is to go on.
void remote_go_on(struct remote_registers *r);

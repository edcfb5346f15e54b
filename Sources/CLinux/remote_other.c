// Any other processor: nothing is run in another process. See remote_processor.h.
#include "remote_processor.h"

#if !(defined __x86_64__ && !defined __ILP32__) && !defined __aarch64__ && !defined __arm__
size_t remote_registers_size(void) { return 0; }
uintptr_t remote_find_instruction(const struct remote_registers *own, const uint8_t *bytes, size_t count,
                                  uintptr_t address) {
  (void)own, (void)bytes, (void)count, (void)address;
  return 0;
}
void remote_set_call(struct remote_registers *r, uintptr_t instruction, long number, const unsigned long arguments[6]) {
  (void)r, (void)instruction, (void)number, (void)arguments;
}
long remote_result(const struct remote_registers *r) { return (void)r, -1; }
uintptr_t remote_program_counter(const struct remote_registers *r) { return (void)r, 0; }
void remote_go_on(struct remote_registers *r) { (void)r; }
#endif

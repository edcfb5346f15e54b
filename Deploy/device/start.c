/* Where the static, position-independent program starts, in place of musl 1.2.3's rcrt1.o, which does not know packed
 * relative relocations (DT_RELR of the ELF specification): they take 1 kB where a table of entries takes 36 kB, all of
 * which is read at the start. Nothing may be called here that was not relocated itself. */
#include <elf.h>
#include <stddef.h>

#define START "_start"
#include "crt_arch.h" /* musl's, of this processor: calls _start_c with the stack and the dynamic section */

enum { WORD_BITS = 8 * sizeof(size_t), RELR = 36, RELR_BYTES = 35 };

extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* at address 0 of the file */
/* Hidden, so that their addresses are known without a table that is not corrected yet. */
__attribute__((visibility("hidden"))) int main(int, char **, char **);
__attribute__((visibility("hidden"))) void _init(void), _fini(void);
_Noreturn int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                                void (*)(void));

__attribute__((visibility("hidden"), used)) _Noreturn void _start_c(size_t *stack, const size_t *dynamic) {
  size_t base = (size_t)__ehdr_start, packed = 0, bytes = 0;
  for (; dynamic[0] != DT_NULL; dynamic += 2) {
    if (dynamic[0] == RELR) packed = base + dynamic[1];
    if (dynamic[0] == RELR_BYTES) bytes = dynamic[1];
  }
  /* An even entry is the place of a word; an odd one says which of the next 63 (31) words are meant too. */
  size_t *place = NULL;
  for (const size_t *entry = (const size_t *)packed; bytes; entry++, bytes -= sizeof *entry) {
    if (*entry & 1) {
      for (size_t bits = *entry >> 1, i = 0; bits; bits >>= 1, i++)
        if (bits & 1) place[i] += base;
      place += WORD_BITS - 1;
    } else {
      place = (size_t *)(base + *entry);
      *place++ += base;
    }
  }
  __libc_start_main(main, (int)*stack, (char **)(stack + 1), _init, _fini, NULL);
}

// What Embedded Swift 6.3.1 leaves undone: an object whose initializer fails or throws is not freed. A log that is not
// there, tried every ten seconds, would cost a board 2 MB a day. In the place of the runtime's weak symbol; no part of
// ordinary builds, whose runtime does it.
#ifdef CL_EMBEDDED
#include <stddef.h>
#include <stdlib.h>

void swift_deallocPartialClassInstance(void *object, const void *metadata, size_t size, size_t alignment_mask);

// Its initialized variables were let go of by the caller; no class of memwarden has a superclass, which may have more.
void swift_deallocPartialClassInstance(void *object, const void *metadata, size_t size, size_t alignment_mask) {
  (void)metadata, (void)size, (void)alignment_mask;
  free(object);
}
#else
typedef int partial_is_not_empty; // ISO C forbids an empty file
#endif

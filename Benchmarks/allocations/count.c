// Preloaded into a program, counts its allocations in a file that others can read while it runs.
// ALLOCATIONS=FILE LD_PRELOAD=count.so PROGRAM: the first 8 bytes of FILE are the number of calls that allocate.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static unsigned long *counter;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("ALLOCATIONS");
  int fd = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
  if (fd < 0 || ftruncate(fd, sizeof *counter) < 0)
    return;
  void *page = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  counter = page == MAP_FAILED ? NULL : page;
  close(fd);
}

static void count(void) {
  if (counter)
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t n) {
  count();
  return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
void *realloc(void *old, size_t n) {
  count();
  return __libc_realloc(old, n);
}
void *aligned_alloc(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}
int posix_memalign(void **out, size_t alignment, size_t n) {
  count();
  *out = __libc_memalign(alignment, n);
  return *out ? 0 : ENOMEM;
}

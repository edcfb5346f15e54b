// Reading the memory of another process. Contracts are in heap.h.
#define _GNU_SOURCE
#include "heap.h"

#include <sys/uio.h>
#include <time.h>

int64_t heap_read(int32_t pid, uint64_t address, void *into, size_t count) {
  // A 32-bit build cannot name what lies higher.
  if (address > UINTPTR_MAX) return -EFAULT;
  struct iovec ours = {into, count}, theirs = {(void *)(uintptr_t)address, count};
  ssize_t n = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
  return n < 0 ? -errno : n;
}

int64_t heap_page_states(int pagemap, uint64_t page, uint64_t *into, size_t count) {
  if (page > INT64_MAX / 8 - count) return -EFAULT;
  ssize_t n = pread(pagemap, into, count * 8, (off_t)(page * 8));
  return n < 0 ? -errno : n / 8;
}

int64_t heap_microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

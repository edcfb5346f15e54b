// Reading the memory of another process. Every call returns -errno on failure.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/// process_vm_readv(2) of one piece: the bytes read, which may be fewer. -ENOSYS without CONFIG_CROSS_MEMORY_ATTACH.
int64_t heap_read(int32_t pid, uint64_t address, void *into, size_t count);
/// The 64-bit entries of /proc/PID/pagemap from `page` on: how many were read, 0 behind the last mapping.
int64_t heap_page_states(int pagemap, uint64_t page, uint64_t *into, size_t count);
/// CLOCK_MONOTONIC in microseconds: for the length of a slice only.
int64_t heap_microseconds(void);

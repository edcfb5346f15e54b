#pragma once
// How much of a file another process has open is in the page cache. Every call returns -errno on failure.
#include <stdint.h>

// Bytes of it that are in RAM, by cachestat(2) (Linux 6.5), else by mincore(2) of its first 256 MiB at most; the file is
// borrowed by pidfd_getfd(2) (Linux 5.6), never opened: opening breaks leases and asks remote filesystems.
int64_t caching_bytes(int32_t pid, int32_t descriptor, uint64_t size);

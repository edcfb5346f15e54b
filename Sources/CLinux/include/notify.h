// The service manager's socket: sd_notify(3) without libsystemd. Every call returns -errno on failure.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A variable of the environment, which is then removed from it: children must not take it for theirs. Its length in
/// `into`; -ENOENT when there is none, -ENAMETOOLONG when it is longer than `capacity` - 1.
int cl_take_environment(const char *name, void *into, size_t capacity);
/// Sends one datagram to the AF_UNIX socket at `path` (`length` bytes; a leading @ stands for the abstract NUL). Waits at
/// most 50 ms for room. 0 or -errno.
int cl_notify(const void *path, size_t length, const void *text, size_t count);
/// CLOCK_MONOTONIC in microseconds, as the service manager counts.
int64_t cl_monotonic_us(void);

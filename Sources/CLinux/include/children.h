// Own workers that outlive memwarden: the record of who was started last, their output, their end. Every call returns
// -errno on failure.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The record of who was started last, opened or made (mode 0600) and locked: -EWOULDBLOCK while another holds it, -EPERM
/// when it is not a regular file of ours.
int child_open_record(const char *path);
/// In the child, between vfork and exec: "NUMBER STAT" at the start of the record, STAT being its /proc/self/stat.
int child_record_self(int record, uint64_t number);
/// The pipe behind a descriptor of another process: an end to read without waiting, and one to hand to children as
/// pipe_for_output does. -EINVAL when it is no pipe.
int child_open_pipe(int32_t pid, int descriptor, int *read_end, int *write_end);
/// Gives `tag` once when the process behind the pidfd ends.
int child_watch(int epoll, int pidfd, uint32_t tag);

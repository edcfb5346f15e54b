// Pipes that memwarden reads, and the folder of the pipe logger. Every call returns -errno on failure.
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A pipe for a worker's stdout and stderr. The read end never blocks. The write end is opened for reading too: who
/// holds it is its own reader, so the end of memwarden costs a worker no SIGPIPE, and whoever may open
/// /proc/PID/fd/1 can read on from there. Both are closed on exec.
int pipe_for_output(int *read_end, int *write_end);
/// A pipe whose write end never blocks. Both are closed on exec.
int pipe_to_child(int *read_end, int *write_end);
/// A word that a process shares with its children; 0 at first. NULL when there is no memory. Ends with the processes.
int32_t *pipe_shared_word(void);
/// fork(2). 0 in the child. For a process of one thread.
int32_t pipe_fork(void);
/// Puts /dev/null in the place of standard input.
int pipe_drop_input(void);
/// One read(2), write(2), repeated on EINTR.
int64_t pipe_read(int fd, void *into, size_t count);
int64_t pipe_write(int fd, const void *from, size_t count);

/// Opens a folder, made (0750) when it is not there and its parent is. Its last name must be no link (-ELOOP or
/// -ENOTDIR), it must be root's or our own, and not writable by others without the sticky bit (-EPERM).
int folder_open(const char *path);
/// Opens a file in it to read and append, made (0640) when it is not there: a regular file with one name, root's or our
/// own (-EPERM); no link (-ELOOP).
int folder_open_file(int folder, const char *name);
/// flock(2), exclusive; -EWOULDBLOCK when another holds it. Ends with the process.
int folder_lock(int fd);
/// To its first entry.
int folder_rewind(int folder);
/// The size; -ENOENT when the file has no name any more.
int64_t folder_file_size(int fd);
/// lstat(2) of one name: its size when it is a regular file, -EINVAL when not.
int64_t folder_size_of(int folder, const char *name);
/// The byte at an offset, or -errno; -ENODATA behind the end.
int folder_byte(int fd, uint64_t offset);
/// fdatasync(2).
int folder_sync(int fd);
int folder_rename(int folder, const char *from, const char *to);
int folder_remove(int folder, const char *name);
/// A number at the head of a file, in decimal; 0 when there is none.
uint64_t folder_read_number(int fd);
int folder_write_number(int fd, uint64_t number);

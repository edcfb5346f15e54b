#pragma once
// What the Kernel floor needs of libc and cannot import: variadic open, errno, structs whose layout depends on
// _FILE_OFFSET_BITS, raw system calls, POSIX regular expressions. Only fixed-width types cross this border, so that
// Swift and C agree on 32-bit boards. Every function returns -errno on failure unless it says otherwise.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

// Read-only, close-on-exec, never blocks on a FIFO.
int reading_open(const uint8_t *path);
// The same, O_DIRECTORY and O_NOFOLLOW: a link in place of the directory is an error. `directory` is a descriptor, or
// -1 for the working directory.
int reading_open_directory(int directory, const uint8_t *name);
// read(2) and pread(2) at offset 0, repeated on EINTR.
int64_t reading_read(int fd, void *buffer, size_t size);
int64_t reading_read_start(int fd, void *buffer, size_t size);
// Opens, reads, closes. One read when `whole` is 0; until the end or until the buffer is full otherwise: a kernel file
// made of records gives about a page per read, however large the buffer.
int64_t reading_file(const uint8_t *path, void *buffer, size_t size, int whole);
int64_t reading_link(const uint8_t *path, void *buffer, size_t size);

struct reading_status {
  uint64_t inode, links, size, blocks;
  uint32_t major, minor, mode, uid;
};
// fstatat(2). `directory` is a descriptor or -1; a last link is followed only when `follow` is not 0.
int reading_stat(int directory, const uint8_t *name, int follow, struct reading_status *out);
// fstat(2).
int reading_stat_open(int fd, struct reading_status *out);

struct reading_stamp {
  uint64_t device, inode, size;
  int64_t changed_ns;
};
// What differs when the file at `path` (links followed) is another one or was written meanwhile. 1 when nothing can be
// said: it was changed within the last 2 s, and a file's clock is coarse.
int reading_stamp(const uint8_t *path, struct reading_stamp *out);

struct reading_filesystem {
  uint64_t magic, block_size, blocks, blocks_free, files, files_free;
};
// statfs(2).
int reading_statfs(const uint8_t *path, struct reading_filesystem *out);

// getdents64(2): bytes filled, 0 at the end. Its records have one layout on every Linux: see reading_entry.
int64_t reading_entries(int fd, void *buffer, size_t size);
struct reading_entry {
  const uint8_t *name;
  // DT_DIR is 4, DT_UNKNOWN is 0.
  uint32_t type;
  // Where the next record begins.
  size_t next;
};
struct reading_entry reading_entry_at(const void *buffer, size_t offset);

size_t reading_page_size(void);
// 1 when the running kernel has pidfd_open and pidfd_send_signal (5.3), and lets us use them.
int reading_has_pidfd(void);
// 1 when the kernel's shared-memory filesystem can punch holes; tried on an anonymous file.
int reading_has_hole_punch(void);

// POSIX extended regular expression. NULL on failure, then `message` holds the reason, NUL-terminated.
void *reading_pattern_new(const uint8_t *text, uint8_t *message, size_t size);
// 1 when the pattern is found anywhere in the NUL-terminated text.
int reading_pattern_found(const void *pattern, const uint8_t *text);
void reading_pattern_free(void *pattern);

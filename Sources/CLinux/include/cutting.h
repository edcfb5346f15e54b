// Opening and cutting one log file. Every call returns -errno on failure; offsets are 64 bits on every board.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

struct cut_status {
  uint32_t major, minor;
  uint64_t inode, links;
  uint32_t mode, uid;
  // st_size, and st_blocks * 512.
  uint64_t size, allocated;
};

// openat(2) O_PATH|O_NOFOLLOW of one name (length bytes, not terminated) in a folder: a link is opened itself, and
// opening has no effect on a device or FIFO. -ENAMETOOLONG above NAME_MAX.
int cut_open_name(int folder, const void *name, size_t length);
// open(2) O_PATH of /, the start of every walk.
int cut_open_root(void);
// Opens for reading and writing the very inode that an O_PATH descriptor stands for, through /proc/self/fd.
int cut_reopen(int path_descriptor);
// Opens the file behind a descriptor of another process by O_PATH: no file is read or written by that.
int cut_open_held(int pid, int descriptor);
// readlinkat(2) of an O_PATH descriptor of a link: bytes written; -ENAMETOOLONG when the buffer is too small.
int cut_read_link(int link_descriptor, void *into, size_t capacity);
// fstat(2).
int cut_stat(int descriptor, struct cut_status *out);
// fstatfs(2) f_type: 0 ramfs, 1 tmpfs, 2 any other (the raw values of Mount.Kind).
int cut_filesystem(int descriptor);
uint32_t cut_effective_uid(void);

// pread(2): bytes read, 0 at the end of the file.
int64_t cut_read(int descriptor, void *into, size_t count, uint64_t offset);
// pwrite(2): bytes written, which may be fewer than asked.
int64_t cut_write(int descriptor, const void *from, size_t count, uint64_t offset);
// ftruncate(2).
int64_t cut_truncate(int descriptor, uint64_t size);
// fallocate(2) FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE; -EOPNOTSUPP on ramfs.
int64_t cut_punch(int descriptor, uint64_t offset, uint64_t length);
// lseek(2) SEEK_DATA: the first offset at or after this one that holds data; -ENXIO when there is none. ramfs knows no
// holes and gives the offset back.
int64_t cut_seek_data(int descriptor, uint64_t offset);
// unlinkat(2) of one name (length bytes, not terminated) in a folder; never a folder itself.
int cut_unlink(int folder, const void *name, size_t length);
// CLOCK_MONOTONIC in microseconds: for the length of an act only.
uint64_t cut_microseconds(void);

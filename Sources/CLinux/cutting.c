// See cutting.h. Thin: one system call each, errno turned into the result.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "cutting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>

// linux/falloc.h and linux/magic.h: musl's headers lack some of them.
enum { PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01 };
#define RAMFS 0x858458f6u
#define TMPFS 0x01021994u
#ifndef SEEK_DATA
#define SEEK_DATA 3
#endif

int cut_open_name(int folder, const void *name, size_t length) {
  char text[NAME_MAX + 1];
  if (length > NAME_MAX) return -ENAMETOOLONG;
  memcpy(text, name, length);
  text[length] = 0;
  int fd = openat(folder, text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int cut_open_root(void) {
  int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int cut_reopen(int path_descriptor) {
  char text[32];
  snprintf(text, sizeof text, "/proc/self/fd/%d", path_descriptor);
  int fd = open(text, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int cut_open_held(int pid, int descriptor) {
  char text[48];
  snprintf(text, sizeof text, "/proc/%d/fd/%d", pid, descriptor);
  int fd = open(text, O_PATH | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int cut_read_link(int link_descriptor, void *into, size_t capacity) {
  ssize_t n = readlinkat(link_descriptor, "", into, capacity);
  if (n < 0) return -errno;
  return (size_t)n == capacity ? -ENAMETOOLONG : (int)n;
}

int cut_stat(int descriptor, struct cut_status *out) {
  struct stat s;
  if (fstat(descriptor, &s) < 0) return -errno;
  out->major = major(s.st_dev);
  out->minor = minor(s.st_dev);
  out->inode = s.st_ino;
  out->links = s.st_nlink;
  out->mode = s.st_mode;
  out->uid = s.st_uid;
  out->size = (uint64_t)s.st_size;
  out->allocated = (uint64_t)s.st_blocks * 512;
  return 0;
}

int cut_filesystem(int descriptor) {
  struct statfs s;
  if (fstatfs(descriptor, &s) < 0) return -errno;
  // f_type is signed and 32 bits wide on some boards.
  uint32_t type = (uint32_t)s.f_type;
  return type == RAMFS ? 0 : type == TMPFS ? 1 : 2;
}

uint32_t cut_effective_uid(void) { return geteuid(); }

int64_t cut_read(int descriptor, void *into, size_t count, uint64_t offset) {
  ssize_t n = pread(descriptor, into, count, (off_t)offset);
  return n < 0 ? -errno : n;
}

int64_t cut_write(int descriptor, const void *from, size_t count, uint64_t offset) {
  ssize_t n = pwrite(descriptor, from, count, (off_t)offset);
  return n < 0 ? -errno : n;
}

int64_t cut_truncate(int descriptor, uint64_t size) { return ftruncate(descriptor, (off_t)size) < 0 ? -errno : 0; }

int64_t cut_punch(int descriptor, uint64_t offset, uint64_t length) {
  return fallocate(descriptor, PUNCH_HOLE_KEEP_SIZE, (off_t)offset, (off_t)length) < 0 ? -errno : 0;
}

int64_t cut_seek_data(int descriptor, uint64_t offset) {
  off_t found = lseek(descriptor, (off_t)offset, SEEK_DATA);
  return found < 0 ? -errno : found;
}

int cut_unlink(int folder, const void *name, size_t length) {
  char text[NAME_MAX + 1];
  if (length > NAME_MAX) return -ENAMETOOLONG;
  memcpy(text, name, length);
  text[length] = 0;
  return unlinkat(folder, text, 0) < 0 ? -errno : 0;
}

uint64_t cut_microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

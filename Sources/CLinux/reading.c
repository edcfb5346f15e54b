// Thin calls for the Kernel floor. Contracts are in reading.h.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "reading.h"

#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>

int reading_open(const uint8_t *path) {
  int fd = open((const char *)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return fd < 0 ? -errno : fd;
}
int reading_open_directory(int directory, const uint8_t *name) {
  int fd = openat(directory < 0 ? AT_FDCWD : directory, (const char *)name,
                  O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
  return fd < 0 ? -errno : fd;
}
int64_t reading_read(int fd, void *buffer, size_t size) {
  ssize_t n;
  do n = read(fd, buffer, size);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}
int64_t reading_read_start(int fd, void *buffer, size_t size) {
  ssize_t n;
  do n = pread(fd, buffer, size, 0);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}
int64_t reading_file(const uint8_t *path, void *buffer, size_t size, int whole) {
  int fd = reading_open(path);
  if (fd < 0) return fd;
  int64_t sum = 0, n;
  do {
    n = reading_read(fd, (char *)buffer + sum, size - (size_t)sum);
    if (n > 0) sum += n;
  } while (whole && n > 0 && (size_t)sum < size);
  close(fd);
  return n < 0 ? n : sum;
}
int64_t reading_link(const uint8_t *path, void *buffer, size_t size) {
  ssize_t n = readlink((const char *)path, buffer, size);
  return n < 0 ? -errno : n;
}

static int status_of(const struct stat *s, struct reading_status *out) {
  out->inode = s->st_ino;
  out->links = s->st_nlink;
  out->size = s->st_size < 0 ? 0 : (uint64_t)s->st_size;
  out->blocks = (uint64_t)s->st_blocks;
  out->major = major(s->st_dev);
  out->minor = minor(s->st_dev);
  out->mode = s->st_mode;
  out->uid = s->st_uid;
  return 0;
}
int reading_stat(int directory, const uint8_t *name, int follow, struct reading_status *out) {
  struct stat s;
  if (fstatat(directory < 0 ? AT_FDCWD : directory, (const char *)name, &s, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    return -errno;
  return status_of(&s, out);
}
int reading_stat_open(int fd, struct reading_status *out) {
  struct stat s;
  return fstat(fd, &s) != 0 ? -errno : status_of(&s, out);
}
int reading_stamp(const uint8_t *path, struct reading_stamp *out) {
  struct stat s;
  struct timespec now;
  if (stat((const char *)path, &s) != 0) return -errno;
  clock_gettime(CLOCK_REALTIME, &now);
  out->device = s.st_dev;
  out->inode = s.st_ino;
  out->size = s.st_size < 0 ? 0 : (uint64_t)s.st_size;
  out->changed_ns = (int64_t)s.st_ctim.tv_sec * 1000000000 + s.st_ctim.tv_nsec;
  // Also when it lies in the future: the clock was set back.
  return (int64_t)s.st_ctim.tv_sec + 2 > (int64_t)now.tv_sec;
}
int reading_statfs(const uint8_t *path, struct reading_filesystem *out) {
  struct statfs s;
  if (statfs((const char *)path, &s) != 0) return -errno;
  // f_type is signed and 32 bits wide on some boards: the magic is the low 32 bits everywhere.
  out->magic = (uint32_t)s.f_type;
  out->block_size = (uint64_t)s.f_bsize;
  out->blocks = s.f_blocks;
  out->blocks_free = s.f_bfree;
  out->files = s.f_files;
  out->files_free = s.f_ffree;
  return 0;
}

int64_t reading_entries(int fd, void *buffer, size_t size) {
  long n = syscall(SYS_getdents64, fd, buffer, size);
  return n < 0 ? -errno : n;
}
struct reading_entry reading_entry_at(const void *buffer, size_t offset) {
  // struct linux_dirent64: u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type, d_name.
  const uint8_t *record = (const uint8_t *)buffer + offset;
  uint16_t length;
  memcpy(&length, record + 16, sizeof length);
  return (struct reading_entry){.name = record + 19, .type = record[18], .next = offset + length};
}

size_t reading_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

int reading_has_pidfd(void) {
#if defined SYS_pidfd_open && defined SYS_pidfd_send_signal
  int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (fd < 0) return 0;
  int ok = syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0;
  close(fd);
  return ok;
#else
  return 0;
#endif
}
int reading_has_hole_punch(void) {
#if defined SYS_memfd_create && defined FALLOC_FL_PUNCH_HOLE
  int fd = (int)syscall(SYS_memfd_create, "probe", 1u /* MFD_CLOEXEC */);
  if (fd < 0) return 0;
  int ok = ftruncate(fd, 8192) == 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0;
  close(fd);
  return ok;
#else
  return 0;
#endif
}

void *reading_pattern_new(const uint8_t *text, uint8_t *message, size_t size) {
  regex_t *pattern = malloc(sizeof *pattern);
  if (size > 0) message[0] = 0;
  if (!pattern) return NULL;
  int code = regcomp(pattern, (const char *)text, REG_EXTENDED | REG_NOSUB);
  if (code == 0) return pattern;
  regerror(code, pattern, (char *)message, size);
  free(pattern);
  return NULL;
}
int reading_pattern_found(const void *pattern, const uint8_t *text) {
  return regexec(pattern, (const char *)text, 0, NULL, 0) == 0;
}
void reading_pattern_free(void *pattern) {
  regfree(pattern);
  free(pattern);
}

// See archiving.h. Thin: one system call each, errno turned into the result.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "archiving.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int ar_open_folder(int path_descriptor) {
  int fd = openat(path_descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int ar_create(int folder, const char *name) {
  int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  return fd < 0 ? -errno : fd;
}

int ar_create_like(int folder, const char *name, int like) {
  struct stat s;
  if (fstat(like, &s) < 0) return -errno;
  // Nobody else may open it before it is theirs.
  int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  int error = 0;
  if ((s.st_uid != geteuid() || s.st_gid != getegid()) && fchown(fd, s.st_uid, s.st_gid) < 0) error = -errno;
  if (!error && fchmod(fd, s.st_mode & 07777) < 0) error = -errno;
  if (error) unlinkat(folder, name, 0);
  close(fd);
  return error;
}

int ar_open(int folder, const char *name) {
  struct stat s;
  int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_nlink == 1) return fd;
  close(fd);
  return -EINVAL;
}

enum { NO_REPLACE = 1, EXCHANGE = 2 };

int ar_exchange(int folder, const char *one, const char *other) {
#ifdef SYS_renameat2
  return syscall(SYS_renameat2, folder, one, folder, other, EXCHANGE) < 0 ? -errno : 0;
#else
  return (void)folder, (void)one, (void)other, -ENOSYS;
#endif
}

int ar_rename(int folder, const char *from, const char *to) {
#ifdef SYS_renameat2
  if (syscall(SYS_renameat2, folder, from, folder, to, NO_REPLACE) == 0) return 0;
  if (errno != ENOSYS && errno != EINVAL) return -errno;
#endif
  struct stat s;
  if (fstatat(folder, to, &s, AT_SYMLINK_NOFOLLOW) == 0) return -EEXIST;
  return ar_replace(folder, from, to);
}

int ar_replace(int folder, const char *from, const char *to) {
  return renameat(folder, from, folder, to) < 0 ? -errno : 0;
}

int ar_remove(int folder, const char *name) { return unlinkat(folder, name, 0) < 0 ? -errno : 0; }

int64_t ar_write(int descriptor, const void *from, size_t count) {
  ssize_t n = write(descriptor, from, count);
  return n < 0 ? -errno : n;
}

int ar_sync_now(int descriptor) { return fsync(descriptor) < 0 ? -errno : 0; }

// The kernel's own asynchronous I/O (linux/aio_abi.h, which musl's headers lack) does an fsync in a kernel thread since
// Linux 4.18. On a slow card fsync takes tenths of a second.
struct control_block {
  uint64_t data;
  uint32_t key, flags_of_request;
  uint16_t opcode;
  int16_t priority;
  uint32_t descriptor;
  uint64_t buffer, count;
  int64_t offset;
  uint64_t reserved;
  uint32_t flags, event_descriptor;
};
struct completion {
  uint64_t data, block;
  int64_t result, second_result;
};
enum { FSYNC = 2 };

static unsigned long aio;
// Whose fsync is under way, or -1; whether its owner still asks for the result.
static int owner = -1;
static bool orphaned;

// 0: it is not done yet. Else its result, 1 or -errno, and there is none under way any more.
static int reap(void) {
  struct completion done;
  long at_once[2] = {0, 0};
  long n = syscall(SYS_io_getevents, aio, 0L, 1L, &done, at_once);
  if (n == 0) return 0;
  owner = -1;
  if (n < 0) return -errno;
  return done.result < 0 ? (int)done.result : 1;
}

int ar_sync(int descriptor) {
  if (owner >= 0 && (!orphaned || reap() == 0)) return -EBUSY;
  struct control_block block = {.opcode = FSYNC, .descriptor = (uint32_t)descriptor}, *blocks[] = {&block};
  if (aio || syscall(SYS_io_setup, 4, &aio) == 0)
    if (syscall(SYS_io_submit, aio, 1L, blocks) == 1) {
      owner = descriptor;
      orphaned = false;
      return 0;
    }
  return fsync(descriptor) < 0 ? -errno : 1;
}

int ar_sync_done(int descriptor) { return owner == descriptor && !orphaned ? reap() : -EBADF; }

void ar_sync_forget(int descriptor) {
  if (owner == descriptor) orphaned = true;
}

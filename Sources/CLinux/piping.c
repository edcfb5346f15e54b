// See piping.h. Thin: errno turned into the result.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "piping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

static int set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int pipe_for_output(int *read_end, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
  int both = open(path, O_RDWR | O_CLOEXEC);
  int result = both < 0 ? -errno : set_nonblocking(ends[0]);
  close(ends[1]);
  if (result < 0) {
    if (both >= 0) close(both);
    close(ends[0]);
    return result;
  }
  *read_end = ends[0];
  *write_end = both;
  return 0;
}

int pipe_to_child(int *read_end, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  int result = set_nonblocking(ends[1]);
  if (result < 0) {
    close(ends[0]);
    close(ends[1]);
    return result;
  }
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

int32_t *pipe_shared_word(void) {
  void *page = mmap(NULL, sizeof(int32_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

int32_t pipe_fork(void) {
  pid_t pid = fork();
  return pid < 0 ? -errno : pid;
}

int pipe_drop_input(void) {
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return -errno;
  if (dup2(null, 0) < 0) return failed(null);
  if (null != 0) close(null);
  return 0;
}

int64_t pipe_read(int fd, void *into, size_t count) {
  ssize_t n;
  do n = read(fd, into, count);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

int64_t pipe_write(int fd, const void *from, size_t count) {
  ssize_t n;
  do n = write(fd, from, count);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

static bool is_ours(const struct stat *s) { return s->st_uid == 0 || s->st_uid == geteuid(); }

int folder_open(const char *path) {
  if (mkdir(path, 0750) < 0 && errno != EEXIST) return -errno;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct stat s;
  if (fstat(fd, &s) < 0) return failed(fd);
  if (is_ours(&s) && ((s.st_mode & S_IWOTH) == 0 || (s.st_mode & S_ISVTX) != 0)) return fd;
  close(fd);
  return -EPERM;
}

int folder_open_file(int folder, const char *name) {
  // Not to wait for the other end of a FIFO.
  int fd = openat(folder, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
  if (fd < 0) return -errno;
  struct stat s;
  if (fstat(fd, &s) < 0) return failed(fd);
  if (S_ISREG(s.st_mode) && s.st_nlink == 1 && is_ours(&s)) return fd;
  close(fd);
  return -EPERM;
}

int folder_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0; }

int folder_rewind(int folder) { return lseek(folder, 0, SEEK_SET) < 0 ? -errno : 0; }

int64_t folder_file_size(int fd) {
  struct stat s;
  if (fstat(fd, &s) < 0) return -errno;
  return s.st_nlink == 0 ? -ENOENT : (int64_t)s.st_size;
}

int64_t folder_size_of(int folder, const char *name) {
  struct stat s;
  if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return S_ISREG(s.st_mode) ? (int64_t)s.st_size : -EINVAL;
}

int folder_byte(int fd, uint64_t offset) {
  unsigned char byte;
  ssize_t n = pread(fd, &byte, 1, (off_t)offset);
  return n < 0 ? -errno : n == 0 ? -ENODATA : byte;
}

int folder_sync(int fd) { return fdatasync(fd) < 0 ? -errno : 0; }

int folder_rename(int folder, const char *from, const char *to) {
  return renameat(folder, from, folder, to) < 0 ? -errno : 0;
}

int folder_remove(int folder, const char *name) { return unlinkat(folder, name, 0) < 0 ? -errno : 0; }

uint64_t folder_read_number(int fd) {
  char text[24] = {0};
  return pread(fd, text, sizeof text - 1, 0) > 0 ? strtoull(text, NULL, 10) : 0;
}

// On Linux pwrite to a descriptor opened with O_APPEND appends: shortened first.
int folder_write_number(int fd, uint64_t number) {
  char text[24];
  int n = snprintf(text, sizeof text, "%" PRIu64 "\n", number);
  if (ftruncate(fd, 0) < 0) return -errno;
  return write(fd, text, (size_t)n) == n ? 0 : -errno;
}

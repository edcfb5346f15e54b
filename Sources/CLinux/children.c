// See children.h.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

int child_open_record(const char *path) {
  struct stat s;
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  if (fstat(fd, &s) < 0) return failed(fd);
  if (!S_ISREG(s.st_mode) || s.st_nlink != 1 || s.st_uid != geteuid() || (s.st_mode & 022)) {
    close(fd);
    return -EPERM;
  }
  return flock(fd, LOCK_EX | LOCK_NB) < 0 ? failed(fd) : fd;
}

int child_record_self(int record, uint64_t number) {
  char text[1024];
  int head = snprintf(text, sizeof text, "%" PRIu64 " ", number);
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t n = read(fd, text + head, sizeof text - (size_t)head);
  if (n <= 0) return failed(fd);
  close(fd);
  n += head;
  return pwrite(record, text, (size_t)n, 0) == n ? 0 : -ENOSPC;
}

int child_open_pipe(int32_t pid, int descriptor, int *read_end, int *write_end) {
  char path[48];
  struct stat s;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
  // Not to wait: the descriptor may be anything by now. A pipe opened both ways always opens at once.
  int in = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (in < 0) return -errno;
  if (fstat(in, &s) < 0) return failed(in);
  if (!S_ISFIFO(s.st_mode)) {
    close(in);
    return -EINVAL;
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", in);
  int both = open(path, O_RDWR | O_CLOEXEC);
  if (both < 0) return failed(in);
  *read_end = in;
  *write_end = both;
  return 0;
}

int child_watch(int epoll, int pidfd, uint32_t tag) {
  struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = tag};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, pidfd, &e) < 0 ? -errno : 0;
}

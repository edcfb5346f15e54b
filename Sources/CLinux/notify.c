#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int cl_take_environment(const char *name, void *into, size_t capacity) {
  const char *value = getenv(name);
  if (!value) return -ENOENT;
  size_t length = strlen(value);
  int result = length < capacity ? (int)length : -ENAMETOOLONG;
  if (result >= 0) memcpy(into, value, length + 1);
  unsetenv(name);
  return result;
}

int cl_notify(const void *path, size_t length, const void *text, size_t count) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (length < 2 || length > sizeof a.sun_path) return -ENAMETOOLONG;
  memcpy(a.sun_path, path, length);
  if (a.sun_path[0] == '@') a.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct timeval wait = {.tv_usec = 50000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  int result = sendto(fd, text, count, MSG_NOSIGNAL, (struct sockaddr *)&a, size) < 0 ? -errno : 0;
  close(fd);
  return result;
}

int64_t cl_monotonic_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// See redirecting.h.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "redirecting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// What the kernel keeps while we are at something else; its pages are taken when they are filled.
enum { PIPE_SIZE = 256 * 1024 };

static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

int redirect_make_folder(const char *path) {
  struct stat s;
  // Others pass through to their own FIFO and see no names.
  if (mkdir(path, 0711) == 0) return chmod(path, 0711) < 0 ? -errno : 0;
  if (errno != EEXIST) return -errno;
  if (lstat(path, &s) < 0) return -errno;
  return S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 022) ? 0 : -EPERM;
}

int redirect_open_pipe(const char *path) {
  struct stat s;
  int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode)) return fd;
  close(fd);
  return -EINVAL;
}

int redirect_make_pipe(const char *path, uint32_t uid) {
  if (unlink(path) < 0 && errno != ENOENT) return -errno;
  if (mkfifo(path, 0600) < 0) return -errno;
  int fd = redirect_open_pipe(path);
  if (fd < 0) return fd;
  if (fchown(fd, uid, (gid_t)-1) < 0) return failed(fd);
  // Without the right to more it stays at 64 KiB.
  fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
  return fd;
}

int redirect_connect_syslog(void) {
  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  return connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? failed(fd) : fd;
}

int redirect_send(int socket, const void *bytes, size_t count) {
  return send(socket, bytes, count, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

uint64_t redirect_log_flags(uint64_t flags) {
  return (flags & ~(uint64_t)(O_ACCMODE | O_NONBLOCK)) | O_WRONLY | O_APPEND;
}

int64_t redirect_append(int descriptor, const void *bytes, size_t count) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_APPEND) < 0) return -errno;
  for (size_t done = 0; done < count;) {
    ssize_t n = write(descriptor, (const char *)bytes + done, count - done);
    if (n <= 0) return n < 0 ? -errno : -EIO;
    done += (size_t)n;
  }
  return (int64_t)count;
}

int redirect_replace_file(const char *path, const char *temporary, const void *bytes, size_t count) {
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  for (size_t done = 0; done < count;) {
    ssize_t n = write(fd, (const char *)bytes + done, count - done);
    if (n <= 0) return n < 0 ? failed(fd) : -EIO;
    done += (size_t)n;
  }
  // No fsync, which may take seconds: after a power cut the state is that of another boot.
  close(fd);
  return rename(temporary, path) < 0 ? -errno : 0;
}

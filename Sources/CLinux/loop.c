#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "loop.h"

#include <link.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <time.h>

// The soak build runs its clock this many times as fast: a week of sampling in minutes.
#ifndef CL_CLOCK_SPEED
#define CL_CLOCK_SPEED 1
#endif

static int64_t microseconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
int64_t cl_boottime_us(void) { return microseconds(CLOCK_BOOTTIME) * CL_CLOCK_SPEED; }
int64_t cl_boottime_ms(void) { return cl_boottime_us() / 1000; }
int64_t cl_wall_ms(void) { return microseconds(CLOCK_REALTIME) / 1000 * CL_CLOCK_SPEED; }
int64_t cl_cpu_us(void) { return microseconds(CLOCK_PROCESS_CPUTIME_ID); }
struct cl_local_time cl_local_time(int64_t seconds) {
  struct tm tm = {0};
  time_t t = seconds;
  localtime_r(&t, &tm);
  return (struct cl_local_time){tm.tm_wday, tm.tm_hour * 60 + tm.tm_min};
}
bool cl_wall_synchronised(void) {
  struct timex t;
  memset(&t, 0, sizeof t);
  int state = adjtimex(&t);
  return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

int cl_signal_fd(void) {
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGTERM);
  sigaddset(&s, SIGINT);
  sigaddset(&s, SIGHUP);
  sigaddset(&s, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &s, NULL) < 0) return -errno;
  int fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}
void cl_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }
int cl_next_signal(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int cl_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}
int cl_epoll_add(int epoll, int fd, uint32_t tag) {
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}
int cl_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0; }
int cl_epoll_wait(int epoll, uint32_t *tags, int capacity, int milliseconds) {
  struct epoll_event events[16];
  if (capacity > 16) capacity = 16;
#if CL_CLOCK_SPEED > 1
  int64_t ns = milliseconds * 1000000LL / CL_CLOCK_SPEED;
  struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  struct pollfd p = {.fd = epoll, .events = POLLIN};
  ppoll(&p, 1, milliseconds < 0 ? NULL : &t, NULL);
  milliseconds = 0;
#endif
  int n = epoll_wait(epoll, events, capacity, milliseconds);
  if (n < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < n; i++) tags[i] = events[i].data.u32;
  return n;
}

int cl_inotify_create(void) {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return fd < 0 ? -errno : fd;
}
int cl_inotify_arm(int inotify, int fd) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int watch = inotify_add_watch(inotify, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB | IN_ONESHOT);
  return watch < 0 ? -errno : watch;
}
int cl_inotify_arm_folder(int inotify, const char *path) {
  int watch = inotify_add_watch(inotify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_ONESHOT);
  return watch < 0 ? -errno : watch;
}
int cl_inotify_read(int inotify, int32_t *watches, int capacity) {
  char buffer[1024] __attribute__((aligned(__alignof__(struct inotify_event))));
  int found = 0;
  ssize_t n = read(inotify, buffer, sizeof buffer);
  for (ssize_t at = 0; at < n && found < capacity;) {
    const struct inotify_event *e = (const struct inotify_event *)(buffer + at);
    if (!(e->mask & IN_IGNORED)) watches[found++] = e->wd;
    at += (ssize_t)(sizeof *e + e->len);
  }
  return found;
}

// 4 bytes are an IPv4 address, 16 an IPv6 one. No names: a resolver would cost more than the rest of the program.
static socklen_t address(const uint8_t *host, size_t length, uint16_t port, struct sockaddr_storage *out) {
  struct sockaddr_in *four = (struct sockaddr_in *)out;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
  memset(out, 0, sizeof *out);
  if (length == 4) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    memcpy(&four->sin_addr, host, 4);
    return sizeof *four;
  }
  if (length == 16) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    memcpy(&six->sin6_addr, host, 16);
    return sizeof *six;
  }
  return 0;
}
static socklen_t unix_address(const char *path, struct sockaddr_un *out) {
  memset(out, 0, sizeof *out);
  out->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof out->sun_path) return 0;
  strcpy(out->sun_path, path);
  return sizeof *out;
}
static int failed(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

int cl_listen_tcp(const uint8_t *host, size_t host_length, uint16_t port) {
  struct sockaddr_storage a;
  socklen_t length = address(host, host_length, port, &a);
  if (length == 0) return -EINVAL;
  int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, length) < 0 || listen(fd, 256) < 0) return failed(fd);
  return fd;
}
int cl_listen_unix(const char *path) {
  struct sockaddr_un a;
  struct stat s;
  socklen_t length = unix_address(path, &a);
  if (length == 0) return -ENAMETOOLONG;
  if (lstat(path, &s) == 0) {
    if (!S_ISSOCK(s.st_mode)) return -EEXIST;
    int probe = cl_connect_unix(path, 200);
    if (probe >= 0) {
      close(probe);
      return -EADDRINUSE;
    }
    unlink(path);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  mode_t before = umask(0117);
  int bound = bind(fd, (struct sockaddr *)&a, length);
  int error = errno;
  umask(before);
  errno = error;
  if (bound < 0 || listen(fd, 256) < 0) return failed(fd);
  return fd;
}

static int connected(int fd, const struct sockaddr *a, socklen_t length, int timeout_ms) {
  struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
  return connect(fd, a, length) < 0 ? failed(fd) : fd;
}
int cl_connect_tcp(const uint8_t *host, size_t host_length, uint16_t port, int timeout_ms) {
  struct sockaddr_storage a;
  socklen_t length = address(host, host_length, port, &a);
  if (length == 0) return -EINVAL;
  return connected(socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&a, length, timeout_ms);
}
int cl_connect_unix(const char *path, int timeout_ms) {
  struct sockaddr_un a;
  socklen_t length = unix_address(path, &a);
  if (length == 0) return -ENAMETOOLONG;
  return connected(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&a, length, timeout_ms);
}
int cl_connect_begin(const uint8_t *host, size_t host_length, uint16_t port) {
  struct sockaddr_storage a;
  socklen_t length = address(host, host_length, port, &a);
  if (length == 0) return -EINVAL;
  int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  return connect(fd, (struct sockaddr *)&a, length) < 0 && errno != EINPROGRESS ? failed(fd) : fd;
}
int cl_connect_state(int fd) {
  struct pollfd p = {fd, POLLOUT, 0};
  int error = 0;
  socklen_t length = sizeof error;
  if (poll(&p, 1, 0) <= 0) return 0;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return error ? -error : 1;
}
int64_t cl_send_now(int fd, const void *bytes, size_t count) {
  ssize_t n = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n < 0 ? -errno : n;
}
int64_t cl_receive_now(int fd, void *buffer, size_t count) {
  ssize_t n = recv(fd, buffer, count, MSG_DONTWAIT);
  return n < 0 ? -errno : n;
}
int64_t cl_peer_uid(int fd) {
  struct ucred c;
  socklen_t length = sizeof c;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &length) < 0 ? -errno : (int64_t)c.uid;
}

int cl_open_read(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}
int cl_open_append(const char *path) {
  struct stat s;
  // Not to wait for the reader of a FIFO.
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
  if (fd < 0) return -errno;
  if (fstat(fd, &s) < 0) return failed(fd);
  if (S_ISREG(s.st_mode) && s.st_nlink == 1) return fd;
  close(fd);
  return -EINVAL;
}
int64_t cl_read(int fd, void *buffer, size_t count) {
  ssize_t n;
  do n = read(fd, buffer, count);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}
int64_t cl_write_all(int fd, const void *bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
    ssize_t n = write(fd, (const char *)bytes + done, count - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -errno : -EIO;
    done += (size_t)n;
  }
  return (int64_t)done;
}
int64_t cl_write_if_ready(int fd, const void *bytes, size_t count) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) ? cl_write_all(fd, bytes, count) : -EAGAIN;
}
int64_t cl_file_size(int fd) {
  struct stat s;
  return fstat(fd, &s) < 0 ? -errno : (int64_t)s.st_size;
}
int cl_rename(const char *from, const char *to) { return rename(from, to) < 0 ? -errno : 0; }
bool cl_is_terminal(int fd) { return isatty(fd) == 1; }

void cl_let_go_of_code(void) {
  extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); // from the linker: the first byte of the file
  const uintptr_t file = (uintptr_t)&__ehdr_start, page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const ElfW(Phdr) *part = (const void *)(file + __ehdr_start.e_phoff);
  // Part by part: in the holes between them, which are large where pages may be, lies memory of others.
  for (int i = 0; i < __ehdr_start.e_phnum; i++) {
    if (part[i].p_type != PT_LOAD || (part[i].p_flags & PF_W)) continue;
    uintptr_t from = (file + part[i].p_vaddr) & ~(page - 1);
    uintptr_t to = (file + part[i].p_vaddr + part[i].p_filesz) & ~(page - 1);
    if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
  }
}

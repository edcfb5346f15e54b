// Processes that are hard to touch: one that waits in a system call while another of its threads writes a log, one that
// runs under seccomp, one whose memory is nobody's business, one in state D, one that traces another.
#define _GNU_SOURCE
#include "leaky.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t how_long;
static const char *log_path;
// What the other thread does when the time is over: connects here, or writes a byte there.
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length;
static int wake_fd = -1;

static void *write_log(void *nothing) {
  int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  char line[32];
  if (fd < 0)
    fail("open", log_path);
  for (uint64_t start = now_ms(), number = 1, woken = 0;; number++) {
    int length = snprintf(line, sizeof line, "%08llu a line\n", (unsigned long long)number);
    while (write(fd, line, (size_t)length) < 0 && errno == EAGAIN)
      sleep_ms(1);
    sleep_ms(2);
    if (woken || now_ms() - start < how_long)
      continue;
    woken = 1;
    if (wake_fd >= 0 && write(wake_fd, "x", 1) != 1)
      fail("write", "a pipe");
    if (address_length > 0 && connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, address_length) < 0)
      fail("connect", "its own socket");
  }
  return nothing;
}

// Waits in the call; 1 when it ended as it does when nobody interferes.
static bool wait_in(const char *call, int fd) {
  char byte;
  struct timespec time = {(time_t)(how_long / 1000), (long)(how_long % 1000) * 1000000};
  struct pollfd p = {.fd = fd, .events = POLLIN};
  struct epoll_event e = {.events = EPOLLIN};
  int word = 0;
  if (!strcmp(call, "read"))
    return read(fd, &byte, 1) == 1;
  if (!strcmp(call, "accept"))
    return accept(fd, NULL, NULL) >= 0;
  if (!strcmp(call, "nanosleep"))
    return nanosleep(&time, NULL) == 0;
  if (!strcmp(call, "poll"))
    return poll(&p, 1, (int)how_long) == 0;
  if (!strcmp(call, "futex"))
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0) < 0 && errno == ETIMEDOUT;
  if (!strcmp(call, "epoll")) {
    int epoll = epoll_create1(0);
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(epoll, &e, 1, -1) == 1;
  }
  fprintf(stderr, "leaky: there is no call \"%s\"\n", call);
  exit(EXIT_USAGE);
}

void block(int count, char **words) {
  const char *call = count > 0 ? words[0] : "";
  const struct option options[] = {{"--file", TEXT, &log_path, true}, {"--for", DURATION, &how_long, true}};
  take_all_options(count - 1, words + 1, options, 2);
  int ends[2] = {-1, -1};
  if (!strcmp(call, "accept")) {
    ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    address_length = sizeof address;
    // An abstract name, which the kernel chooses.
    if (bind(ends[0], (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 || listen(ends[0], 1) < 0
        || getsockname(ends[0], (struct sockaddr *)&address, &address_length) < 0)
      fail("listen", "a socket");
  } else if (pipe(ends) < 0) {
    fail("make", "a pipe");
  } else if (strcmp(call, "poll")) {
    wake_fd = ends[1];
  }
  pthread_t thread;
  uint64_t start = now_ms();
  if (pthread_create(&thread, NULL, write_log, NULL) != 0)
    fail("start", "a thread");
  bool ok = wait_in(call, ends[0]);
  int error = errno;
  uint64_t took = now_ms() - start;
  // Late is the machine's affair, early never is.
  ok = ok && took + 1 >= how_long;
  printf("%s: %s after %llu ms (%s)\n", call, ok ? "ok" : "disturbed", (unsigned long long)took, strerror(error));
  fflush(stdout);
  if (!ok)
    exit(EXIT_SYSTEM);
  stay();
}

void sandbox(int count, char **words) {
  bool strict = count > 0 && !strcmp(words[0], "--strict");
  // What opens a log with O_CREAT may go on; who is made to open it again, or to exchange it, is ended.
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup3, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, strict ? SECCOMP_RET_KILL : SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    fail("enter", "seccomp");
  misbehave(count - strict, words + strict);
}

void undumpable(int count, char **words) {
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    fail("leave", "the dumpable");
  misbehave(count, words);
}

void hang(int count, char **words) {
  const struct option options[] = {{"--file", TEXT, &log_path, true}, {"--for", DURATION, &how_long, true}};
  take_all_options(count, words, options, 2);
  int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0)
    fail("open", log_path);
  for (unsigned long long number = 1;; number++) {
    char line[32];
    int length = snprintf(line, sizeof line, "%08llu a line\n", number);
    while (write(fd, line, (size_t)length) < 0 && errno == EAGAIN)
      sleep_ms(1);
    // The parent of a vforked child is in state D until that one is gone.
    pid_t child = vfork();
    if (child == 0) {
      struct timespec time = {(time_t)(how_long / 1000), (long)(how_long % 1000) * 1000000};
      nanosleep(&time, NULL);
      _exit(0);
    }
    if (child < 0)
      fail("fork", "a child");
    waitpid(child, NULL, 0);
    sleep_ms(20);
  }
}

void trace(int count, char **words) {
  uint64_t pid = 0;
  const struct option options[] = {{"--pid", COUNT, &pid, true}};
  take_all_options(count, words, options, 1);
  // PTRACE_SEIZE: it runs on, but nobody else can trace it.
  if (syscall(SYS_ptrace, 0x4206, (long)pid, 0, 0) < 0)
    fail("trace", "the process");
  puts("traced");
  fflush(stdout);
  stay();
}

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "acting.h"
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

extern char **environ;

int cl_pidfd_open(int32_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : fd;
}

int cl_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int cl_kill(int32_t pid, int signal) { return kill(pid, signal) < 0 ? -errno : 0; }

int cl_pidfd_exited(int pidfd) {
  struct pollfd p = {.fd = pidfd, .events = POLLIN};
  return poll(&p, 1, 0) == 1 && p.revents != 0;
}

// In the child, which borrows the parent's memory until it execs or ends. Returns only an errno.
static int become(
  char *const argv[], pid_t parent, bool ends_with_us, int output, int record, uint64_t number) {
  sigset_t none;
  sigemptyset(&none);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  if (setsid() < 0) return errno;
  // A successor would not know of one that is not recorded: unwatched, beside the one it starts, it would be worse than
  // none. A restart command is carried through.
  bool recorded = record >= 0 && child_record_self(record, number) == 0;
  if (!recorded && ends_with_us && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) return errno;
  // After the record: a successor that has looked there and found nothing will start another.
  if (getppid() != parent) return ESRCH;
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || (null > 0 && (dup2(null, 0) < 0 || close(null) < 0))) return errno;
  if (output == -2) output = 0;
  if (output >= 0 && (dup2(output, 1) < 0 || dup2(output, 2) < 0)) return errno;
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(argv[0], argv);
  return errno;
}

int32_t cl_spawn(char *const argv[], bool ends_with_us, int output, int record, uint64_t number) {
  volatile int error = 0;
  pid_t parent = getpid(), pid = vfork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    error = become(argv, parent, ends_with_us, output, record, number);
    _exit(127);
  }
  if (error == 0) return pid;
  waitpid(pid, NULL, 0);
  return -error;
}

int cl_child_ended(int32_t pid, int32_t *code, int32_t *signal) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
    if (errno != ECHILD) return -errno;
    // It was reaped while its threads were traced; how it ended is not known.
    *code = -1;
    *signal = 0;
    return 1;
  }
  if (info.si_pid == 0) return 0;
  *code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

int cl_reap(int32_t pid) { return waitpid(pid, NULL, WNOHANG) == pid ? 0 : -errno; }

int cl_set_oom_score_adjust(int32_t pid, int32_t value) {
  char path[48], text[16];
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
  int n = snprintf(text, sizeof text, "%d", value);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = write(fd, text, (size_t)n) == n ? 0 : -errno;
  close(fd);
  return result;
}

void cl_wait_for_child(int milliseconds) {
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGCHLD);
  struct timespec t = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  sigtimedwait(&s, NULL, &t);
}

// Processes: pidfds, signals, spawning. Every call returns -errno on failure.
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// pidfd_open(2), Linux 5.3.
int cl_pidfd_open(int32_t pid);
/// pidfd_send_signal(2), Linux 5.1. 0 or -errno.
int cl_pidfd_signal(int pidfd, int signal);
/// kill(2). 0 or -errno.
int cl_kill(int32_t pid, int signal);
/// 1 when the process behind the pidfd has exited (it may still be a zombie), 0 while it lives.
int cl_pidfd_exited(int pidfd);
/// Starts argv[0] without a shell, in a session of its own, standard input from /dev/null, signals at their defaults,
/// no descriptor of ours but stdout and stderr. `output`: what becomes its stdout and stderr, or -1: ours, or -2: /dev/null.
/// `record`, unless it is negative: there it writes `number` and who it is (child_record_self) before its program begins;
/// its program does not begin if we ended before that. `ends_with_us`: where it is not recorded, it gets SIGTERM when we
/// end. The pid, or -errno.
int32_t cl_spawn(char *const argv[], bool ends_with_us, int output, int record, uint64_t number);
/// Has this child of ours ended? 0 no; 1 yes, not reaped yet, with its status split in two; -errno.
int cl_child_ended(int32_t pid, int32_t *code, int32_t *signal);
/// Reaps a child that has ended. 0 or -errno.
int cl_reap(int32_t pid);
/// Writes the figure to /proc/PID/oom_score_adj. 0 or -errno.
int cl_set_oom_score_adjust(int32_t pid, int32_t value);
/// Sleeps until a child ends, or for that many milliseconds. SIGCHLD must be blocked.
void cl_wait_for_child(int milliseconds);

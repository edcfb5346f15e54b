// Misbehaviours of process trees: a prefork master whose workers leak, a daemon that leaves its parent.
#include "leaky.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORKERS = 256 };

static pid_t start_worker(const sigset_t *outside, int count, char **words) {
  pid_t pid = fork();
  if (pid < 0)
    fail("fork", "worker");
  if (pid == 0) {
    // A master that is killed takes its workers along, so that a failed test leaves nothing behind.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, outside, NULL);
    leak(count, words);
  }
  return pid;
}

void prefork(int count, char **words) {
  uint64_t workers = count > 0 ? size_from("N", words[0]) : 0;
  if (workers < 1 || workers > MOST_WORKERS) {
    fprintf(stderr, "leaky: fork: expected 1 to %d workers\n", MOST_WORKERS);
    exit(EXIT_USAGE);
  }
  sigset_t awaited, outside;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGTERM);
  sigaddset(&awaited, SIGINT);
  sigaddset(&awaited, SIGCHLD);
  sigprocmask(SIG_BLOCK, &awaited, &outside);

  pid_t worker[MOST_WORKERS];
  for (uint64_t i = 0; i < workers; i++)
    worker[i] = start_worker(&outside, count - 1, words + 1);
  int received, status;
  while (sigwait(&awaited, &received) == 0 && received == SIGCHLD)
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      // Wrong options end every worker at once: starting them again would never end.
      if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE)
        exit(EXIT_USAGE);
      for (uint64_t i = 0; i < workers; i++)
        if (worker[i] == ended)
          worker[i] = start_worker(&outside, count - 1, words + 1);
    }
  for (uint64_t i = 0; i < workers; i++)
    kill(worker[i], SIGTERM);
  while (wait(NULL) > 0) {
  }
}

void daemonize(int count, char **words) {
  const char *pidfile = NULL;
  int taken = take_options(count, words, &(struct option){"--pidfile", TEXT, &pidfile, true}, 1);
  pid_t middle = fork();
  if (middle > 0) {
    // The middle process ends when the pidfile is complete: whoever waits for us may read it.
    int status;
    waitpid(middle, &status, 0);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SYSTEM);
  }
  if (middle < 0 || setsid() < 0)
    fail("daemonize", "fork");
  pid_t daemon = fork();
  if (daemon < 0)
    fail("daemonize", "fork");
  if (daemon > 0) {
    FILE *file = fopen(pidfile, "w");
    if (!file || fprintf(file, "%d\n", (int)daemon) < 0 || fclose(file)) {
      kill(daemon, SIGKILL);
      fail("write", pidfile);
    }
    exit(EXIT_DONE);
  }
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3 && null >= 0; fd++)
    dup2(null, fd);
  for (int fd = 3; fd < 1024; fd++)
    close(fd);
  misbehave(count - taken, words + taken);
}

// The misbehaviour of a log: numbered lines without end. Each line is one write, so a reader can tell lost from torn.
#define _FILE_OFFSET_BITS 64
#include "leaky.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SHORTEST_LINE = 16, LONGEST_LINE = 65536, STEP_MS = 10, LONGEST_DEBT_MS = 100, FULL_MS = 10 };

// The number is written over the first 8 bytes of each line.
static void put_number(char *line, uint64_t number) {
  for (int i = 7; i >= 0; i--, number /= 10)
    line[i] = (char)('0' + number % 10);
}

// On a full filesystem, or pipe, it tries again, as a daemon does that cannot stop to live; what was written stays written.
static void write_line(int fd, const char *path, const char *line, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = write(fd, line + done, length - done);
    if (n > 0)
      done += (size_t)n;
    else if (n == 0 || errno == ENOSPC || errno == EDQUOT || errno == EAGAIN)
      sleep_ms(FULL_MS);
    else if (errno != EINTR)
      fail("write", path);
  }
}

static volatile sig_atomic_t must_reopen;
static void ask_to_reopen(int signal) {
  (void)signal;
  must_reopen = 1;
}

static int open_log(const char *path, bool no_append) {
  // Without O_APPEND a daemon truncates at its start, as `>` does.
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (no_append ? O_TRUNC : O_APPEND), 0644);
  if (fd < 0)
    fail("open", path);
  return fd;
}

void flood(int count, char **words) {
  const char *path = NULL;
  uint64_t rate = 0, total = UINT64_MAX, length = 80;
  bool no_append = false, reopen = false;
  const struct option options[] = {{"--file", TEXT, &path, true}, {"--rate", SIZE, &rate, true},
    {"--total", SIZE, &total, false}, {"--line", SIZE, &length, false}, {"--no-append", FLAG, &no_append, false},
    {"--reopen", FLAG, &reopen, false}};
  take_all_options(count, words, options, 6);
  if (length < SHORTEST_LINE || length > LONGEST_LINE) {
    fprintf(stderr, "leaky: --line: expected %d to %d bytes\n", SHORTEST_LINE, LONGEST_LINE);
    exit(EXIT_USAGE);
  }
  if (reopen)
    signal(SIGHUP, ask_to_reopen);
  int fd = open_log(path, no_append);

  static const char text[] = " the quick brown fox jumps over the lazy dog";
  char *line = malloc((size_t)length);
  if (!line)
    fail("hold", "--line");
  for (size_t i = 0; i < length; i++)
    line[i] = text[i < 8 ? 0 : (i - 8) % (sizeof text - 1)];
  line[length - 1] = '\n';

  // In thousandths of a byte, so that a slow rate is not rounded down to nothing.
  uint64_t allowance = 0, cost = rate ? length * 1000 : 0;
  for (uint64_t written = 0, number = 0, then = now_ms(); written < total; written += length) {
    while (allowance < cost) {
      sleep_ms(STEP_MS);
      uint64_t now = now_ms();
      // Time spent waiting on a full filesystem is not made up for by a burst.
      allowance += rate * (now - then < LONGEST_DEBT_MS ? now - then : LONGEST_DEBT_MS);
      then = now;
    }
    allowance -= cost;
    if (must_reopen) {
      must_reopen = 0;
      close(fd);
      fd = open_log(path, no_append);
    }
    put_number(line, ++number);
    write_line(fd, path, line, (size_t)length);
  }
  // Asked between two signals it would be missed: a daemon that is idle reopens as well.
  while (reopen) {
    sleep_ms(STEP_MS);
    if (must_reopen) {
      must_reopen = 0;
      close(fd);
      fd = open_log(path, no_append);
    }
  }
  stay();
}

void map_log(int count, char **words) {
  const char *path = NULL;
  uint64_t size = 0;
  const struct option options[] = {{"--file", TEXT, &path, true}, {"--size", SIZE, &size, true}};
  take_all_options(count, words, options, 2);
  static char line[4096];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\n';
  // Mapped, a file is read as well.
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0644);
  if (fd < 0)
    fail("open", path);
  for (uint64_t written = 0; written < size; written += sizeof line)
    write_line(fd, path, line, sizeof line);
  volatile char *map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED)
    fail("map", path);
  for (uint64_t i = 0; i < size; i += 4096)
    (void)map[i];
  stay();
}

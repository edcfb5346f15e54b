// What every misbehaviour of leaky shares: options, time, held memory and the clean end.
#include "leaky.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void wrong(const char *name, const char *expected) {
  fprintf(stderr, "leaky: %s: expected %s (see leaky --help)\n", name, expected);
  exit(EXIT_USAGE);
}

static uint64_t number_from(const char *name, const char *text, const char **rest, const char *expected) {
  errno = 0;
  unsigned long long value = strtoull(text, (char **)rest, 10);
  if (*rest == text || *text == '-' || errno)
    wrong(name, expected);
  return value;
}

uint64_t size_from(const char *name, const char *text) {
  static const char expected[] = "a size such as 4096, 64K, 24M or 1G";
  const char *rest;
  uint64_t value = number_from(name, text, &rest, expected);
  int shift = *rest == 'K' ? 10 : *rest == 'M' ? 20 : *rest == 'G' ? 30 : 0;
  if (rest[shift != 0] || (value << shift) >> shift != value)
    wrong(name, expected);
  return value << shift;
}

static uint64_t duration_from(const char *name, const char *text) {
  const char *rest;
  uint64_t value = number_from(name, text, &rest, "a time such as 200ms, 5s or 1m");
  if (!strcmp(rest, "ms"))
    return value;
  if (!strcmp(rest, "s") || !*rest)
    return value * 1000;
  if (!strcmp(rest, "m"))
    return value * 60000;
  wrong(name, "a time such as 200ms, 5s or 1m");
}

static void set_option(const struct option *option, const char *text) {
  const char *rest;
  switch (option->kind) {
  case SIZE: *(uint64_t *)option->into = size_from(option->name, text); break;
  case DURATION: *(uint64_t *)option->into = duration_from(option->name, text); break;
  case COUNT:
    *(uint64_t *)option->into = number_from(option->name, text, &rest, "a number");
    if (*rest)
      wrong(option->name, "a number");
    break;
  case TEXT: *(const char **)option->into = text; break;
  case FLAG: *(bool *)option->into = true; break;
  }
}

int take_options(int count, char **words, const struct option *options, size_t known) {
  bool given[16] = {false};
  int at = 0;
  while (at < count && !strncmp(words[at], "--", 2)) {
    size_t i = 0;
    while (i < known && strcmp(words[at], options[i].name))
      i++;
    if (i == known)
      wrong(words[at], "an option of this misbehaviour");
    bool has_value = options[i].kind != FLAG;
    if (has_value && at + 1 == count)
      wrong(words[at], "a value");
    set_option(&options[i], words[at + has_value]);
    given[i] = true;
    at += 1 + has_value;
  }
  for (size_t i = 0; i < known; i++)
    if (options[i].required && !given[i])
      wrong(options[i].name, "to be given");
  return at;
}

void take_all_options(int count, char **words, const struct option *options, size_t known) {
  int taken = take_options(count, words, options, known);
  if (taken < count)
    wrong(words[taken], "an option");
}

void fail(const char *what, const char *on) {
  fprintf(stderr, "leaky: %s %s: %s\n", what, on, strerror(errno));
  exit(EXIT_SYSTEM);
}

static void end(int signal) {
  (void)signal;
  _exit(EXIT_DONE);
}

void end_cleanly_when_asked(void) {
  signal(SIGTERM, end);
  signal(SIGINT, end);
}

void stay(void) {
  for (;;)
    pause();
}

uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sleep_ms(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

void *hold(uint64_t bytes) {
  void *block = bytes <= SIZE_MAX ? malloc((size_t)bytes) : NULL;
  if (block)
    memset(block, 0x5a, (size_t)bytes);
  return block;
}

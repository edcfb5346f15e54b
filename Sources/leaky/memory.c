// Misbehaviours of a process's own memory: leak, idle, retain, spike, stubborn, crash.
#include "leaky.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { STEP_MS = 10 };

// Smaller steps than a page would cost more in malloc's headers than in what is asked for.
enum { SMALLEST_STEP = 4096 };

static void leak_for_ever(uint64_t rate, uint64_t start, uint64_t max) {
  uint64_t held = start && hold(start) ? start : 0;
  for (uint64_t begun = now_ms(); held < max; sleep_ms(STEP_MS)) {
    uint64_t target = start + rate * (now_ms() - begun) / 1000;
    uint64_t due = target < max ? target - held : max - held;
    if ((due >= SMALLEST_STEP || held + due == max) && hold(due))
      held += due;
  }
  stay();
}

static void leak_with_rate(int count, char **words, bool required) {
  uint64_t rate = 0, start = 0, max = UINT64_MAX;
  const struct option options[] = {
    {"--rate", SIZE, &rate, required}, {"--start", SIZE, &start, false}, {"--max", SIZE, &max, false}};
  take_all_options(count, words, options, 3);
  leak_for_ever(rate, start, max);
}

void leak(int count, char **words) { leak_with_rate(count, words, true); }

void stubborn(int count, char **words) {
  signal(SIGTERM, SIG_IGN);
  leak_with_rate(count, words, false);
}

static uint64_t take_size(int count, char **words) {
  uint64_t size = 0;
  take_all_options(count, words, &(struct option){"--size", SIZE, &size, true}, 1);
  return size;
}

void idle(int count, char **words) {
  if (!hold(take_size(count, words)))
    fail("hold", "--size");
  stay();
}

static void *shed_block;
static uint64_t shed_size;
static void shed_it(int signal) {
  (void)signal;
  munmap(shed_block, (size_t)shed_size);
}

// The memory is there before the signal is caught: who sees it caught may send it.
void shed(int count, char **words) {
  shed_size = take_size(count, words);
  shed_block = mmap(NULL, (size_t)shed_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (shed_block == MAP_FAILED)
    fail("hold", "--size");
  memset(shed_block, 1, (size_t)shed_size);
  struct sigaction action = {.sa_handler = shed_it, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  stay();
}

// Blocks of 1000 bytes fill `--size`; of the first nine tenths one in 32 is kept, of the last tenth none. The allocator
// gives back only what is above the last kept one: about 90 % of the size stays until malloc_trim. musl keeps it too: it
// gives back groups of up to 32 equal blocks once the whole group is free.
void retain(int count, char **words) {
  size_t blocks = (size_t)(take_size(count, words) / 1000), top = blocks - blocks / 10;
  void **block = calloc(blocks + 1, sizeof *block);
  if (!block)
    fail("retain", "--size");
  for (size_t i = 0; i < blocks; i++)
    block[i] = hold(1000);
  for (size_t i = 0; i < blocks; i++)
    if (i % 32 || i >= top)
      free(block[i]);
  free(block);
  stay();
}

void spike(int count, char **words) {
  uint64_t size = 0, hold_ms = 0, every_ms = 0;
  const struct option options[] = {
    {"--size", SIZE, &size, true}, {"--for", DURATION, &hold_ms, true}, {"--every", DURATION, &every_ms, true}};
  take_all_options(count, words, options, 3);
  for (;;) {
    void *block = hold(size);
    sleep_ms(hold_ms);
    free(block);
    sleep_ms(every_ms > hold_ms ? every_ms - hold_ms : 0);
  }
}

void crash(int count, char **words) {
  uint64_t size = 0, after_ms = 0;
  const struct option options[] = {{"--after", DURATION, &after_ms, true}, {"--size", SIZE, &size, false}};
  take_all_options(count, words, options, 2);
  // A crash on demand must not fill the disk with cores.
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  hold(size);
  sleep_ms(after_ms);
  abort();
}

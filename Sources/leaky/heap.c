// Misbehaviours that are about the allocator: threads with arenas of their own, a heap under steady load, a peak that
// leaves crumbs. Each can say what malloc itself thinks of it.
#include "leaky.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 20000, MOST_THREADS = 64, BATCH = 64 };

static atomic_ullong operations;

// A small pseudo-random number per thread: the same shape of heap at every start.
static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}
// Mostly small, some of some kilobytes, few of more than a page.
static size_t any_size(uint32_t *state) {
  uint32_t r = next_random(state);
  return r % 100 < 80 ? 16 + r / 128 % 500 : r % 100 < 98 ? 512 + r / 128 % 4000 : 8192 + r / 128 % 60000;
}

// musl has no mallinfo2, and does not know the question.
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 33)
#define HAS_MALLINFO2 1
#endif
#endif

// What malloc says, into `path`: arena, in use, free, mapped bytes and chunks, operations so far, clock. The file is
// whole whenever it is there.
static void report(const char *path) {
#ifdef HAS_MALLINFO2
  // What was done when malloc is asked, at least.
  unsigned long long done = operations;
  struct mallinfo2 m = mallinfo2();
  char made[4096];
  snprintf(made, sizeof made, "%s.new", path);
  FILE *file = fopen(made, "w");
  if (!file)
    fail("write", made);
  fprintf(file, "arena %zu\nin_use %zu\nfree %zu\nfast %zu\nmapped %zu\nmapped_chunks %zu\noperations %llu\nms %llu\n",
          m.arena, m.uordblks, m.fordblks, m.fsmblks, m.hblkhd, m.hblks, done, (unsigned long long)now_ms());
  if (fclose(file) || rename(made, path))
    fail("write", path);
#else
  (void)path;
  errno = ENOSYS;
  fail("ask for", "mallinfo2");
#endif
}

// Ends on SIGTERM; says what malloc thinks now and at every SIGUSR1, which all threads block.
static _Noreturn void stay_and_report(const char *path, const sigset_t *asked) {
  for (int received;;) {
    if (path)
      report(path);
    sigwait(asked, &received);
  }
}
static sigset_t block_reports(void) {
  sigset_t asked;
  sigemptyset(&asked);
  sigaddset(&asked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &asked, NULL);
  return asked;
}

struct load {
  uint64_t bytes, rate;
  uint32_t seed;
};

// Fills an arena of its own and frees two blocks of three, here and there.
static void *fill(void *context) {
  struct load load = *(struct load *)context;
  uint32_t random = load.seed;
  size_t count = (size_t)(load.bytes / 700) + 1;
  void **block = calloc(count, sizeof *block);
  for (size_t i = 0; block && i < count; i++)
    block[i] = hold(any_size(&random));
  for (size_t i = 0; block && i < count; i++)
    if (i % 3)
      free(block[i]);
  atomic_fetch_add(&operations, 1);
  stay();
}

void arenas(int count, char **words) {
  uint64_t threads = count > 0 ? size_from("N", words[0]) : 0, bytes = 4 << 20;
  const char *path = NULL;
  const struct option options[] = {{"--size", SIZE, &bytes, false}, {"--report", TEXT, &path, false}};
  if (threads < 1 || threads > MOST_THREADS) {
    fprintf(stderr, "leaky: arenas: expected 1 to %d threads\n", MOST_THREADS);
    exit(EXIT_USAGE);
  }
  take_all_options(count - 1, words + 1, options, 2);
  sigset_t asked = block_reports();
  struct load loads[MOST_THREADS];
  for (uint64_t i = 0; i < threads; i++) {
    loads[i] = (struct load){.bytes = bytes, .seed = (uint32_t)i * 7919 + 1};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, fill, &loads[i]);
    if (errno)
      fail("start", "thread");
  }
  stay_and_report(path, &asked);
}

// Replaces blocks at random, `rate` a second, 0 for as fast as it can.
static void *churn_for_ever(void *context) {
  struct load load = *(struct load *)context;
  uint32_t random = load.seed;
  void **block = calloc(SLOTS, sizeof *block);
  uint64_t done = 0, begun = now_ms();
  while (block) {
    for (int i = 0; i < BATCH; i++) {
      void **slot = &block[next_random(&random) % SLOTS];
      free(*slot);
      *slot = hold(any_size(&random));
    }
    done += BATCH;
    atomic_fetch_add_explicit(&operations, BATCH, memory_order_relaxed);
    while (load.rate && done * 1000 > load.rate * (now_ms() - begun + 1))
      sleep_ms(1);
  }
  fail("hold", "the slots");
}

void churn(int count, char **words) {
  uint64_t threads = 1, rate = 0;
  const char *path = NULL;
  const struct option options[] = {
    {"--threads", COUNT, &threads, false}, {"--rate", COUNT, &rate, false}, {"--report", TEXT, &path, false}};
  take_all_options(count, words, options, 3);
  if (threads < 1 || threads > MOST_THREADS) {
    fprintf(stderr, "leaky: --threads: expected 1 to %d\n", MOST_THREADS);
    exit(EXIT_USAGE);
  }
  sigset_t asked = block_reports();
  struct load loads[MOST_THREADS];
  for (uint64_t i = 0; i < threads; i++) {
    loads[i] = (struct load){.rate = rate / threads, .seed = (uint32_t)i * 7919 + 1};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, churn_for_ever, &loads[i]);
    if (errno)
      fail("start", "thread");
  }
  stay_and_report(path, &asked);
}

// 100 000 blocks, every 10 000th of 100 bytes and kept, the others of 1000 bytes and freed: ten small blocks hold 90 MB.
void crumbs(int count, char **words) {
  enum { BLOCKS = 100000 };
  static void *block[BLOCKS];
  const char *path = NULL;
  take_all_options(count, words, &(struct option){"--report", TEXT, &path, false}, 1);
  sigset_t asked = block_reports();
  for (int i = 0; i < BLOCKS; i++)
    block[i] = hold(i % 10000 ? 1000 : 100);
  for (int i = 0; i < BLOCKS; i++)
    if (i % 10000)
      free(block[i]);
  atomic_fetch_add(&operations, 1);
  stay_and_report(path, &asked);
}

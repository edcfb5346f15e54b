// leaky: a worker that misbehaves on demand, for the demo, the benchmarks and the end-to-end tests.
// What every misbehaviour shares: options, time, held memory and the clean end. No libraries but libc.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_USAGE = 100, EXIT_SYSTEM = 111 };

// One option of a misbehaviour. SIZE: bytes with K, M or G (powers of 1024) into a uint64_t. DURATION: `200ms`,
// `5s`, `1m` or plain seconds, milliseconds into a uint64_t. COUNT: a plain number into a uint64_t. TEXT: into a
// const char *. FLAG: takes no value, into a bool.
enum option_kind { SIZE, DURATION, COUNT, TEXT, FLAG };
struct option {
  const char *name;
  enum option_kind kind;
  void *into;
  bool required;
};

// Fills the options from `words`, up to the first word that is not an option; returns the count of words taken.
// Wrong or missing ones are told on stderr and end the process with EXIT_USAGE.
int take_options(int count, char **words, const struct option *options, size_t known);
// The same, where nothing but options may follow.
void take_all_options(int count, char **words, const struct option *options, size_t known);
// Like strtoull with a K, M or G behind; ends the process with EXIT_USAGE when `text` is not one.
uint64_t size_from(const char *name, const char *text);

// Says what failed on what and why (errno), and ends the process with EXIT_SYSTEM.
_Noreturn void fail(const char *what, const char *on);
// From now on SIGTERM and SIGINT end this process with exit code 0.
void end_cleanly_when_asked(void);
// Sleeps until a signal ends the process.
_Noreturn void stay(void);
// Milliseconds of CLOCK_MONOTONIC.
uint64_t now_ms(void);
void sleep_ms(uint64_t ms);
// Allocates and touches; NULL when the system refuses.
void *hold(uint64_t bytes);

// The misbehaviours; `words` are what follows their name on the command line. Those that return end with EXIT_DONE.
void leak(int count, char **words);
void idle(int count, char **words);
void retain(int count, char **words);
void spike(int count, char **words);
void stubborn(int count, char **words);
void prefork(int count, char **words);
void flood(int count, char **words);
void daemonize(int count, char **words);
void crash(int count, char **words);
void slab(int count, char **words);
void silent_server(int count, char **words);
void arenas(int count, char **words);
void churn(int count, char **words);
void crumbs(int count, char **words);
void shed(int count, char **words);
void map_log(int count, char **words);
void serve_prefork(int count, char **words);

void block(int count, char **words);
void sandbox(int count, char **words);
void undumpable(int count, char **words);
void hang(int count, char **words);
void trace(int count, char **words);

// Does the misbehaviour named by the first word.
void misbehave(int count, char **words);

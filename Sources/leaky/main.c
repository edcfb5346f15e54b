// The command line of leaky: which misbehaviour, and the help. Holds no misbehaviour itself.
#include "leaky.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *options, *does;
  void (*run)(int count, char **words);
} modes[] = {
  {"leak", "--rate BYTES [--start BYTES] [--max BYTES]",
   "allocates and touches BYTES per second, in steps of 10 ms", leak},
  {"idle", "--size BYTES", "holds a fixed amount", idle},
  {"retain", "--size BYTES",
   "frees nearly all of many small blocks: the allocator keeps the memory", retain},
  {"shed", "--size BYTES", "holds a fixed amount until SIGUSR1, then nearly nothing", shed},
  {"spike", "--size BYTES --for TIME --every TIME", "holds BYTES for a TIME, again and again", spike},
  {"fork", "N --rate BYTES [--start BYTES] [--max BYTES]",
   "a master and N leaking workers; ended ones are replaced", prefork},
  {"flood", "--file PATH --rate BYTES [--total BYTES] [--line BYTES] [--no-append] [--reopen]",
   "writes numbered lines, BYTES per second (0: all it can), then stays; --reopen: opens PATH again on SIGHUP", flood},
  {"map-log", "--file PATH --size BYTES", "writes BYTES to PATH and keeps them mapped, as journals do", map_log},
  {"stubborn", "[--rate BYTES] [--start BYTES] [--max BYTES]", "leaks and ignores SIGTERM", stubborn},
  {"daemonize", "--pidfile PATH MODE ...",
   "does MODE in the background, its pid in PATH (which is left behind)", daemonize},
  {"crash", "--after TIME [--size BYTES]", "aborts after a TIME", crash},
  {"slab", "--size BYTES", "pins kernel memory in the queues of unread sockets", slab},
  {"silent-server", "--log PATH --port PORT",
   "listens on loopback; logs exactly 70 bytes for each connection closed without data", silent_server},
  {"serve", "N --port PORT --drain PORT --grow BYTES --pids DIR",
   "a master and N servers on PORT that hold BYTES more after each request; on port --drain + i the i-th is told to take"
   " no more, and its pid is in DIR/i", serve_prefork},
  {"arenas", "N [--size BYTES] [--report PATH]",
   "N threads that fill BYTES each and free two blocks of three", arenas},
  {"churn", "[--threads N] [--rate COUNT] [--report PATH]", "replaces blocks at random, COUNT per second", churn},
  {"crumbs", "[--report PATH]", "frees 90 MB but for ten small blocks: the allocator keeps the memory", crumbs},
  {"block", "CALL --file PATH --for TIME",
   "waits in read, accept, nanosleep, poll, epoll or futex while a thread writes to PATH; says if it was disturbed", block},
  {"sandbox", "[--strict] MODE ...",
   "does MODE under a seccomp filter that allows everything; --strict: but to open a file again, or dup3", sandbox},
  {"undumpable", "MODE ...", "does MODE so that only CAP_SYS_PTRACE may look into it", undumpable},
  {"hang", "--file PATH --for TIME",
   "writes a line to PATH, is in state D for TIME and awake for 20 ms, again and again", hang},
  {"trace", "--pid PID", "traces another process as a debugger does, so that nobody else can", trace},
};
enum { MODES = sizeof modes / sizeof *modes };

static void print_help(FILE *to) {
  fputs("leaky: a worker that misbehaves on demand\n\n", to);
  for (int i = 0; i < MODES; i++)
    fprintf(to, "  leaky %s %s\n      %s\n", modes[i].name, modes[i].options, modes[i].does);
  fputs("\nBYTES take K, M or G; TIME is 200ms, 5s or 1m.\n"
        "SIGUSR1 makes those with --report write there what malloc says (mallinfo2).\n"
        "On SIGTERM all but stubborn end with exit code 0.\n", to);
}

void misbehave(int count, char **words) {
  for (int i = 0; count > 0 && i < MODES; i++)
    if (!strcmp(words[0], modes[i].name)) {
      modes[i].run(count - 1, words + 1);
      exit(EXIT_DONE);
    }
  if (count > 0)
    fprintf(stderr, "leaky: there is no misbehaviour \"%s\"\n", words[0]);
  print_help(stderr);
  exit(EXIT_USAGE);
}

int main(int argc, char **argv) {
  if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
    print_help(stdout);
    return EXIT_DONE;
  }
  end_cleanly_when_asked();
  misbehave(argc - 1, argv + 1);
}

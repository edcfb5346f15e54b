// libmemwarden-trim.so: gives malloc's free memory back when memwarden asks. See trim.h. Linked with no C library: it takes
// the one of the program that preloads it, glibc or musl.
#define _GNU_SOURCE
#include "trim.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// glibc's; absent in others.
struct figures { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost; };
extern struct figures mallinfo2(void) __attribute__((weak));
extern int malloc_trim(size_t) __attribute__((weak));

static struct memwarden_trim page __attribute__((aligned(64), used)) = {.magic = MEMWARDEN_TRIM_MAGIC};

// Calls in which a thread waits, and none of which malloc makes. No futex: malloc waits for its locks in it. No write:
// malloc_stats holds a lock meanwhile.
static bool is_wait(unsigned long number) {
  static const unsigned short waits[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_select
    SYS_select,
#endif
#ifdef SYS__newselect
    SYS__newselect,
#endif
#ifdef SYS_pause
    SYS_pause,
#endif
#ifdef SYS_accept
    SYS_accept,
#endif
#ifdef SYS_ppoll_time64
    SYS_ppoll_time64, SYS_pselect6_time64, SYS_clock_nanosleep_time64, SYS_rt_sigtimedwait_time64,
#endif
#ifdef SYS_ppoll
    SYS_ppoll, SYS_pselect6, SYS_rt_sigtimedwait,
#endif
#ifdef SYS_nanosleep
    SYS_nanosleep,
#endif
#ifdef SYS_clock_nanosleep
    SYS_clock_nanosleep,
#elif defined SYS_clock_nanosleep_time32 // musl's name on 32 bits
    SYS_clock_nanosleep_time32,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
#ifdef SYS_wait4
    SYS_wait4,
#endif
    SYS_epoll_pwait, SYS_accept4, SYS_rt_sigsuspend, SYS_waitid, SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg,
  };
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
    if (waits[i] == number) return true;
  return false;
}

// Whether the interrupted thread waits in such a call: the kernel has set it to begin the call anew (the instruction is
// ahead) or to return EINTR from it (the instruction is behind).
enum place { AT_WORK, WAITING, UNKNOWN };
static enum place place_of(const ucontext_t *context) {
#if defined __x86_64__
  const unsigned char *at = (const unsigned char *)context->uc_mcontext.gregs[REG_RIP];
  long result = context->uc_mcontext.gregs[REG_RAX];
  if (at[0] == 0x0f && at[1] == 0x05 && is_wait((unsigned long)result)) return WAITING;
  // Which call it was is not known any more. None of malloc's returns EINTR but to a process that is being killed.
  return result == -EINTR && at[-2] == 0x0f && at[-1] == 0x05 ? WAITING : AT_WORK;
#elif defined __aarch64__
  const uint32_t *at = (const uint32_t *)context->uc_mcontext.pc;
  if (!is_wait(context->uc_mcontext.regs[8])) return AT_WORK;
  if (at[0] == 0xd4000001u) return WAITING;
  return at[-1] == 0xd4000001u && (long)context->uc_mcontext.regs[0] == -EINTR ? WAITING : AT_WORK;
#elif defined __arm__
  unsigned long pc = context->uc_mcontext.arm_pc;
  if (!is_wait(context->uc_mcontext.arm_r7)) return AT_WORK;
  bool ended = (long)context->uc_mcontext.arm_r0 == -EINTR;
  if (context->uc_mcontext.arm_cpsr & 0x20) {
    const uint16_t *at = (const uint16_t *)(pc & ~1ul);
    return at[0] == 0xdf00 || (ended && at[-1] == 0xdf00) ? WAITING : AT_WORK;
  }
  const uint32_t *at = (const uint32_t *)pc;
  return at[0] == 0xef000000u || (ended && at[-1] == 0xef000000u) ? WAITING : AT_WORK;
#elif defined __riscv && __riscv_xlen == 64
  const uint16_t *at = (const uint16_t *)context->uc_mcontext.__gregs[0];
  if (!is_wait(context->uc_mcontext.__gregs[17])) return AT_WORK;
  if (at[0] == 0x0073 && at[1] == 0) return WAITING;
  return at[-2] == 0x0073 && at[-1] == 0 && (long)context->uc_mcontext.__gregs[10] == -EINTR ? WAITING : AT_WORK;
#else
  (void)context;
  return UNKNOWN;
#endif
}

// A handler of another signal may have interrupted malloc and wait itself: while one runs, its signal is blocked.
static bool may_be_in_handler(const sigset_t *blocked) {
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (number == (int)page.signal || sigismember(blocked, number) != 1) continue;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) return true;
  }
  return false;
}

// By the bare call, whose name is the same in every C library: clock_gettime's is not, on 32 bits.
static uint64_t microseconds(void) {
#ifdef SYS_clock_gettime
  const long call = SYS_clock_gettime;
#else
  const long call = SYS_clock_gettime32; // musl's name on 32 bits
#endif
  struct { long seconds, nanoseconds; } t = {0, 0};
  syscall(call, CLOCK_MONOTONIC, &t);
  return (uint64_t)t.seconds * 1000000 + (unsigned long)t.nanoseconds / 1000;
}

static enum memwarden_trim_state trim(const ucontext_t *context) {
  if (!malloc_trim) return MEMWARDEN_TRIM_NONE;
  enum place place = place_of(context);
  if (place == UNKNOWN) return MEMWARDEN_TRIM_UNKNOWN_PROCESSOR;
  if (place == AT_WORK || may_be_in_handler(&context->uc_sigmask)) return MEMWARDEN_TRIM_BUSY;
  uint64_t start = microseconds();
  if (mallinfo2) page.free_before = mallinfo2().fordblks;
  malloc_trim(0);
  if (mallinfo2) {
    struct figures now = mallinfo2();
    page.free_after = now.fordblks;
    page.in_use = now.uordblks;
    page.arena = now.arena;
    page.mapped = now.hblkhd;
  }
  page.microseconds = microseconds() - start;
  return MEMWARDEN_TRIM_DONE;
}

static void take_request(int number, siginfo_t *info, void *context) {
  int saved = errno;
  (void)number, (void)info;
  uint32_t asked = page.asked + 1;
  page.asked = asked;
  page.state = trim(context);
  __atomic_store_n(&page.answered, asked, __ATOMIC_RELEASE);
  errno = saved;
}

// Takes a signal that nobody has, from 61 down: the highest are popular.
__attribute__((constructor)) static void begin(void) {
  for (int number = 61; number > 40; number--) {
    struct sigaction old, ours = {.sa_sigaction = take_request, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL) continue;
    // Nothing may interrupt the handler, whose thread then waits for malloc's locks.
    sigfillset(&ours.sa_mask);
    if (sigaction(number, &ours, NULL) != 0) continue;
    page.signal = (uint32_t)number;
    return;
  }
}

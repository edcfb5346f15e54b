// See remote.h.
//
// The order: seize; interrupt; wait until it stops in the kernel's signal path; save its registers and its signal mask
// and block all signals, so that none is taken out of its queue meanwhile; map a page for paths and run the calls at a
// system call instruction that the process has anyway (the vdso's); unmap. Then interrupt once more, for only a thread
// that is stopped in the signal path has its interrupted call restarted: there it gets registers and mask back.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "remote.h"
#include "remote_processor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// linux/ptrace.h and sys/ptrace.h do not go together, and musl's lacks the last.
enum {
  CONT = 7,
  DETACH = 17,
  SYSCALL = 24,
  GETREGSET = 0x4204,
  SETREGSET = 0x4205,
  SEIZE = 0x4206,
  INTERRUPT = 0x4207,
  GETSIGMASK = 0x420a,
  SETSIGMASK = 0x420b,
  GET_RSEQ = 0x420f,
  O_TRACESYSGOOD_ = 1,
  EVENT_STOP = 128,
#ifdef SYS_mmap2
  MAP = SYS_mmap2
#else
  MAP = SYS_mmap
#endif
};
// All calls of a stand-still take a third of a millisecond; on a busy machine each stop waits for a processor.
enum { PAGE = 4096, MASK = 8, CALLS_US = 15000, END_US = 3000, OPENED_MAX = 16 };

struct remote_thread {
  int32_t tid;
  // It has ended; nothing is left to give back.
  bool gone;
  // Stopped, as far as we know.
  bool stopped;
  // It was interrupted, and has not stopped since.
  bool interrupted;
  // Its registers are not its own.
  bool borrowed;
  // remote_end had to put it off.
  bool late;
  // Of the call under way; 0: there is none.
  int stops_left;
  long number;
  // A signal that cannot be blocked came meanwhile, or 0.
  int stop_signal;
  // Descriptors that were opened in it, to be closed at the end.
  int opened_count;
  int32_t opened[OPENED_MAX];
  uintptr_t instruction, page;
  // Until when it is waited for.
  int64_t deadline;
  struct remote_registers own;
  uint64_t mask;
};

static long trace(long request, const struct remote_thread *t, uintptr_t address, const void *data) {
  return syscall(SYS_ptrace, request, (long)t->tid, address, data) < 0 ? -errno : 0;
}

// Not whether it could: one that was killed in its stop is awaited like one that runs.
static void resume(struct remote_thread *t, long request, int signal) {
  t->stopped = false;
  trace(request, t, 0, (void *)(long)signal);
}

static void interrupt(struct remote_thread *t) {
  if (!t->interrupted) trace(INTERRUPT, t, 0, NULL);
  t->interrupted = true;
}

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// What the thread stopped for.
enum stop { IN_SIGNAL_PATH = 1, AT_CALL = 2, FOR_SIGNAL = 3 };

// Waits until it stops. -EAGAIN when it does not in time, -ESRCH when it has ended.
static int await(struct remote_thread *t, int *signal) {
  const int64_t start = now_us();
  for (;;) {
    int status = 0;
    pid_t found = waitpid(t->tid, &status, __WALL | WNOHANG);
    if (found == t->tid) {
      if (!WIFSTOPPED(status)) {
        t->gone = true;
        return -ESRCH;
      }
      t->stopped = true;
      // Any stop takes a pending interrupt with it.
      t->interrupted = false;
      // It came after all: now it is not let wait.
      if (t->late) t->deadline = now_us() + END_US;
      t->late = false;
      *signal = WSTOPSIG(status);
      if (status >> 16 == EVENT_STOP) return IN_SIGNAL_PATH;
      return *signal == (SIGTRAP | 0x80) ? AT_CALL : FOR_SIGNAL;
    }
    if (found < 0 && errno != EINTR) {
      t->gone = true;
      return -ESRCH;
    }
    int64_t now = now_us();
    if (now >= t->deadline) return -EAGAIN;
    struct timespec pause = {.tv_nsec = 20000};
    if (now - start > 200) nanosleep(&pause, NULL);
    else sched_yield();
  }
}

static int get_registers(const struct remote_thread *t, struct remote_registers *r) {
  struct iovec v = {r, sizeof *r};
  long result = trace(GETREGSET, t, NT_PRSTATUS, &v);
  // A shorter set is that of a 32-bit process.
  return result < 0 ? (int)result : v.iov_len == remote_registers_size() ? 0 : -ENOTSUP;
}
static int set_registers(const struct remote_thread *t, struct remote_registers *r) {
  struct iovec v = {r, remote_registers_size()};
  return (int)trace(SETREGSET, t, NT_PRSTATUS, &v);
}

static int64_t read_memory(const struct remote_thread *t, uintptr_t from, void *into, size_t count) {
  struct iovec here = {into, count}, there = {(void *)from, count};
  return process_vm_readv(t->tid, &here, 1, &there, 1, 0);
}

// A restartable sequence (rseq(2)) would go on behind our back where the kernel should have aborted it.
static bool in_sequence(const struct remote_thread *t, uintptr_t pc) {
  struct { uint64_t area; uint32_t size, signature, flags, pad; } where = {0};
  struct { uint32_t version, flags; uint64_t start, length, abort; } section;
  uint64_t pointer = 0;
  if (trace(GET_RSEQ, t, sizeof where, &where) < 0 || where.area == 0) return false;
  if (read_memory(t, (uintptr_t)where.area + 8, &pointer, 8) != 8 || pointer == 0) return false;
  if (read_memory(t, (uintptr_t)pointer, &section, sizeof section) != sizeof section) return false;
  return pc - section.start < section.length;
}

// From any stop into the one in the signal path, where the thread's own registers can be read and given back.
static int stop_in_signal_path(struct remote_thread *t) {
  for (;;) {
    int signal = 0, stop = await(t, &signal);
    if (stop < 0 || stop == IN_SIGNAL_PATH) return stop < 0 ? stop : 0;
    interrupt(t);
    if (stop == FOR_SIGNAL && t->borrowed) {
      t->stop_signal = signal;
      resume(t, CONT, 0);
    } else {
      // A signal that came before us is delivered as if we were not there.
      resume(t, CONT, stop == FOR_SIGNAL ? signal : 0);
    }
  }
}

// Looks through the executable mappings, the kernel's own page first.
static uintptr_t find_instruction(const struct remote_thread *t) {
  char path[48], line[512];
  static uint8_t bytes[16 * 1024];
  snprintf(path, sizeof path, "/proc/%d/maps", t->tid);
  uintptr_t found = 0;
  for (int pass = 0; pass < 2 && !found; pass++) {
    FILE *maps = fopen(path, "re");
    if (!maps) return 0;
    size_t budget = 8u << 20;
    while (!found && budget && now_us() < t->deadline && fgets(line, sizeof line, maps)) {
      // "7f0000000000-7f0000021000 r-xp ..."; scanf(3) would be 9 kB of the program.
      char *rest;
      unsigned long start = strtoul(line, &rest, 16), end = *rest ? strtoul(rest + 1, &rest, 16) : 0;
      if (strncmp(rest, " r", 2) != 0 || rest[3] != 'x') continue;
      if (pass == 0 && !strstr(line, "[vdso]")) continue;
      while (start < end && !found && budget && now_us() < t->deadline) {
        size_t count = end - start < sizeof bytes ? end - start : sizeof bytes;
        if (read_memory(t, start, bytes, count) != (int64_t)count) break;
        found = remote_find_instruction(&t->own, bytes, count, start);
        start += count;
        budget -= count < budget ? count : budget;
      }
    }
    fclose(maps);
  }
  return found;
}

static bool failed(long result) { return result < 0 && result > -4096; }

// Waits for the end of the call under way. Its result, or an error of the tracing itself: -EIO, -ESRCH, and -EAGAIN when
// it does not end in time. Whenever it ends, what it did is noted, so that remote_end takes it back.
static long finish(struct remote_thread *t) {
  while (t->stops_left > 0) {
    int signal = 0, stop = await(t, &signal);
    if (stop < 0) return stop;
    if (stop == AT_CALL) {
      t->stops_left--;
    } else if (stop == FOR_SIGNAL) {
      // Nothing but SIGSTOP passes the mask, or the instruction is none.
      if (signal != SIGSTOP) {
        t->stops_left = 0;
        return -EIO;
      }
      t->stop_signal = signal;
    }
    if (t->stops_left > 0) resume(t, SYSCALL, 0);
  }
  struct remote_registers r;
  int result = get_registers(t, &r);
  if (result < 0) return result == -ESRCH ? -ESRCH : -EIO;
  long value = remote_result(&r);
  if (!failed(value) && t->number == SYS_openat) t->opened[t->opened_count++] = (int32_t)value;
  if (!failed(value) && t->number == MAP) t->page = (uintptr_t)value;
  return value;
}

// One system call; see finish.
static long call(struct remote_thread *t, long number, const unsigned long arguments[6]) {
  if (t->stops_left > 0) return -EAGAIN;
  if (number == SYS_openat && t->opened_count == OPENED_MAX) return -EMFILE;
  struct remote_registers r = t->own;
  remote_set_call(&r, t->instruction, number, arguments);
  t->borrowed = true;
  int result = set_registers(t, &r);
  if (result < 0) return result == -ESRCH ? -ESRCH : -EIO;
  t->number = number;
  // Its entry and its end.
  t->stops_left = 2;
  resume(t, SYSCALL, 0);
  return finish(t);
}

static int prepare(struct remote_thread *t) {
  int result = get_registers(t, &t->own);
  if (result < 0) return result;
  uint64_t all = ~0ull;
  result = (int)trace(GETSIGMASK, t, MASK, &t->mask);
  if (result == 0) result = (int)trace(SETSIGMASK, t, MASK, &all);
  if (result < 0) return result;
  t->borrowed = true;
  t->instruction = find_instruction(t);
  if (!t->instruction) return now_us() >= t->deadline ? -EAGAIN : -ENOEXEC;
  const unsigned long arguments[6] = {0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1ul, 0};
  long page = call(t, MAP, arguments);
  return failed(page) ? (int)page : 0;
}

bool remote_is_supported(void) { return remote_registers_size() > 0; }

int remote_begin(int32_t tid, struct remote_thread **thread) {
  *thread = NULL;
  if (remote_registers_size() == 0) return -ENOTSUP;
  struct remote_thread *t = calloc(1, sizeof *t);
  if (!t) return -ENOMEM;
  t->tid = tid;
  int result = (int)trace(SEIZE, t, 0, (void *)O_TRACESYSGOOD_);
  if (result < 0) {
    free(t);
    return result;
  }
  interrupt(t);
  *thread = t;
  return 0;
}

int remote_stop(struct remote_thread *t, int patience_us) {
  t->deadline = now_us() + patience_us;
  for (int tries = 0;; tries++) {
    int result = stop_in_signal_path(t);
    if (result < 0) return result;
    struct remote_registers r;
    if (tries == 20 || get_registers(t, &r) < 0 || !in_sequence(t, remote_program_counter(&r))) break;
    resume(t, CONT, 0);
    interrupt(t);
  }
  t->deadline = now_us() + CALLS_US;
  int result = prepare(t);
  return result == -EAGAIN ? -EBUSY : result;
}

bool remote_has_stopped(const struct remote_thread *t) {
  siginfo_t news = {0};
  const int result = waitid(P_PID, (id_t)t->tid, &news, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL);
  return result == 0 && news.si_pid != 0;
}

static int put_off(struct remote_thread *t) {
  t->late = true;
  return -EAGAIN;
}

int remote_end(struct remote_thread *t) {
  t->deadline = now_us() + (t->late ? 0 : END_US);
  if (t->stops_left > 0) {
    // A call that waits for something ends by that; one that cannot be disturbed, when it is done.
    interrupt(t);
    if (finish(t) == -EAGAIN) return put_off(t);
  }
  while (!t->gone && (t->opened_count > 0 || t->page)) {
    unsigned long arguments[6] = {t->page, PAGE};
    if (t->opened_count > 0) arguments[0] = (unsigned long)t->opened[t->opened_count - 1];
    const long number = t->opened_count > 0 ? SYS_close : SYS_munmap;
    if (number == SYS_munmap) t->page = 0;
    else t->opened_count--;
    if (call(t, number, arguments) == -EAGAIN) return put_off(t);
  }
  if (!t->gone) {
    // Stopped or not, it stops in the signal path next.
    interrupt(t);
    if (t->stopped) resume(t, CONT, 0);
    if (stop_in_signal_path(t) == -EAGAIN) return put_off(t);
  }
  if (!t->gone) {
    if (t->borrowed) {
      remote_go_on(&t->own);
      set_registers(t, &t->own);
      trace(SETSIGMASK, t, MASK, &t->mask);
    }
    if (t->stop_signal) syscall(SYS_tkill, t->tid, t->stop_signal);
    // Killed in its stop: its parent hears of that when we have.
    if (trace(DETACH, t, 0, NULL) == -ESRCH) {
      int signal = 0;
      t->stopped = false;
      t->stop_signal = 0;
      if (await(t, &signal) == -EAGAIN) return put_off(t);
    }
  }
  free(t);
  return 0;
}

bool remote_is_borrowed(const struct remote_thread *t) { return t->borrowed; }

// MARK: The calls

int remote_open(struct remote_thread *t, const void *path, size_t length, uint64_t flags, uint32_t mode) {
  char text[PAGE];
  if (length >= sizeof text) return -ENAMETOOLONG;
  memcpy(text, path, length);
  text[length] = 0;
  struct iovec here = {text, length + 1}, there = {(void *)t->page, length + 1};
  if (process_vm_writev(t->tid, &here, 1, &there, 1, 0) != (ssize_t)length + 1) return -EIO;
  const unsigned long arguments[6] = {(unsigned long)AT_FDCWD, t->page, flags | O_CLOEXEC | O_NOCTTY, mode};
  return (int)call(t, SYS_openat, arguments);
}

int remote_replace(struct remote_thread *t, int32_t with, int32_t descriptor, bool close_on_exec) {
  const unsigned long arguments[6] = {with, descriptor, close_on_exec ? O_CLOEXEC : 0};
  return (int)call(t, SYS_dup3, arguments);
}

int remote_seek_end(struct remote_thread *t, int32_t descriptor) {
#ifdef SYS__llseek
  const unsigned long arguments[6] = {descriptor, 0, 0, t->page, SEEK_END};
  return (int)call(t, SYS__llseek, arguments);
#else
  const unsigned long arguments[6] = {descriptor, 0, SEEK_END};
  long result = call(t, SYS_lseek, arguments);
  return failed(result) ? (int)result : 0;
#endif
}

int remote_close(struct remote_thread *t, int32_t descriptor) {
  for (int i = 0; i < t->opened_count; i++)
    if (t->opened[i] == descriptor) t->opened[i--] = t->opened[--t->opened_count];
  const unsigned long arguments[6] = {descriptor};
  return (int)call(t, SYS_close, arguments);
}

// MARK: Flags

uint64_t remote_reopening_flags(uint64_t flags) {
  return flags & ~(uint64_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_DIRECTORY | O_PATH);
}
uint64_t remote_pipe_flags(uint64_t flags) {
  return (remote_reopening_flags(flags) & ~(uint64_t)(O_ACCMODE | O_DIRECT | O_SYNC | O_DSYNC)) | O_RDWR | O_NONBLOCK;
}
bool remote_appends(uint64_t flags) { return flags & O_APPEND; }
uint64_t remote_appending(uint64_t flags) { return flags | O_APPEND; }
uint64_t remote_creating(uint64_t flags) { return flags | O_CREAT | O_NOFOLLOW; }
bool remote_closes_on_exec(uint64_t flags) { return flags & O_CLOEXEC; }

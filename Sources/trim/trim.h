// The protocol between memwarden and libmemwarden-trim.so, a library that a worker preloads (LD_PRELOAD).
//
// The library keeps one `struct memwarden_trim` in its writable data, which memwarden finds by its first 16 bytes and
// reads from outside (process_vm_readv): there is no file, no socket, no thread. memwarden asks by sending `signal`, which
// it does only when the library is mapped and the signal is caught. The handler counts `asked`; it trims if the thread it
// interrupted waits in a system call that malloc never makes (epoll_wait, poll, accept, nanosleep, ...), for then this
// thread holds no lock of malloc's; else it says busy and memwarden asks again later. `answered` is set last.
//
// The interrupted call goes on as if nothing had happened (SA_RESTART), except those that no signal handler restarts:
// epoll_wait, poll, select, nanosleep, sigwait end with EINTR, as after SIGSTOP and SIGCONT or a debugger.
#pragma once
#include <stdint.h>

#define MEMWARDEN_TRIM_MAGIC "memwarden-trim1"

enum memwarden_trim_state {
  MEMWARDEN_TRIM_IDLE,
  MEMWARDEN_TRIM_DONE,
  // The thread was at work, or in a handler of another signal: ask again.
  MEMWARDEN_TRIM_BUSY,
  // This C library has no malloc_trim (musl).
  MEMWARDEN_TRIM_NONE,
  // The library does not know this processor's way of waiting.
  MEMWARDEN_TRIM_UNKNOWN_PROCESSOR,
};

struct memwarden_trim {
  char magic[16];
  uint32_t signal, asked, answered, state;
  // What mallinfo2(3) said: before, of free bytes; after, of all.
  uint64_t free_before, free_after, in_use, arena, mapped;
  uint64_t microseconds;
};

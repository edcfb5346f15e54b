// System calls inside another process: one of its threads is stopped (ptrace), made to run them, and goes on as if
// nothing had happened, a blocked call included. Linux 3.11; x86-64, aarch64, armv7. Every call returns -errno on
// failure, -EAGAIN when the thread did not come to the end of it in time, -ESRCH when it has ended. The thread is stopped
// for about a millisecond, and we are kept for about 20 ms at most; if we die meanwhile the kernel lets it go with whatever
// registers it has: begin, stop, call, end, and nothing in between.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A thread of another process that is stopped and ours.
struct remote_thread;

/// Whether this processor is one of those.
bool remote_is_supported(void);

/// Tells the thread to stop, and waits for nothing. -EPERM: not permitted, or traced by another; -ENOTSUP: this
/// processor. `*thread` must be given to remote_end.
int remote_begin(int32_t tid, struct remote_thread **thread);
/// Waits until it has stopped. -EAGAIN: not yet; it runs or sleeps on as if nothing were, and SIGCHLD tells when to call
/// again. -ENOTSUP: a 32-bit process; -EBUSY: it stopped, but its calls take too long. After 0 the calls below have 15 ms
/// altogether.
int remote_stop(struct remote_thread *thread, int patience_us);
/// It has stopped, or ended, and stands still until remote_stop is called. Takes no time.
bool remote_has_stopped(const struct remote_thread *thread);
/// Closes what was opened and not closed, gives the thread its registers and signals back and lets it go; frees. -EAGAIN:
/// it does not stop, or a call of ours has not ended; call again after SIGCHLD, which then takes no time until it is so.
int remote_end(struct remote_thread *thread);
/// Whether it has anything but its own registers: to end now would end it too.
bool remote_is_borrowed(const struct remote_thread *thread);

/// In the thread: openat(2) of an absolute path (length bytes) with O_CLOEXEC; the descriptor, which is
/// closed by remote_end if not before. -EMFILE: there are 16 of them.
int remote_open(struct remote_thread *thread, const void *path, size_t length, uint64_t flags, uint32_t mode);
/// dup3(2).
int remote_replace(struct remote_thread *thread, int32_t with, int32_t descriptor, bool close_on_exec);
/// lseek(2) to the end.
int remote_seek_end(struct remote_thread *thread, int32_t descriptor);
int remote_close(struct remote_thread *thread, int32_t descriptor);

/// The bits of the flags in fdinfo that open(2) may be given again: access mode, O_APPEND, O_NONBLOCK, O_SYNC, …
uint64_t remote_reopening_flags(uint64_t flags);
/// O_RDWR|O_NONBLOCK instead of the access mode: for a FIFO.
uint64_t remote_pipe_flags(uint64_t flags);
bool remote_appends(uint64_t flags);
uint64_t remote_appending(uint64_t flags);
uint64_t remote_creating(uint64_t flags);
bool remote_closes_on_exec(uint64_t flags);

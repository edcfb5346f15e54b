// The loop: clocks, waiting, descriptors, sockets. Every call returns -errno on failure.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/// CLOCK_BOOTTIME in milliseconds and in microseconds.
int64_t cl_boottime_ms(void);
int64_t cl_boottime_us(void);
/// CLOCK_REALTIME in milliseconds since 1970.
int64_t cl_wall_ms(void);
/// Whether the kernel holds the wall clock for synchronised: adjtimex(2) without STA_UNSYNC.
bool cl_wall_synchronised(void);
struct cl_local_time { int32_t weekday, minute; };
/* localtime_r(3): days from Sunday, minutes from midnight, in the zone of TZ or /etc/localtime. */
struct cl_local_time cl_local_time(int64_t seconds);
/// Own CPU time, user and system, in microseconds.
int64_t cl_cpu_us(void);

/// Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD, and gives a descriptor that tells of the former.
int cl_signal_fd(void);
/// A peer that hung up is an error of the write, not the end of the process.
void cl_ignore_broken_pipes(void);
/// The number of the next signal waiting there, or 0.
int cl_next_signal(int fd);

int cl_epoll_create(void);
/// Watches `fd` for readability; `tag` comes back from cl_epoll_wait.
int cl_epoll_add(int epoll, int fd, uint32_t tag);
int cl_epoll_remove(int epoll, int fd);
/// Waits up to `milliseconds` (-1: for ever). The tags of what is ready go to `tags`; their number, 0, or -errno.
int cl_epoll_wait(int epoll, uint32_t *tags, int capacity, int milliseconds);

int cl_inotify_create(void);
/// Tells once of a write to, or of the loss of, the file behind `fd`. The watch number.
int cl_inotify_arm(int inotify, int fd);
/// Tells once of a file that arrives in the folder. The watch number.
int cl_inotify_arm_folder(int inotify, const char *path);
/// Reads what has happened; the watch numbers go to `watches`, which hold at least 64; their number. A watch of -1: the
/// kernel's queue ran over, and any of the files may have been written.
int cl_inotify_read(int inotify, int32_t *watches, int capacity);

/// A listening socket. An address of 4 (IPv4) or 16 (IPv6) bytes; or an AF_UNIX path, mode 0660, a dead one of that
/// name replaced.
int cl_listen_tcp(const uint8_t *host, size_t host_length, uint16_t port);
int cl_listen_unix(const char *path);
int cl_connect_tcp(const uint8_t *host, size_t host_length, uint16_t port, int timeout_ms);
int cl_connect_unix(const char *path, int timeout_ms);
/// A connection that does not wait: begun; then 1 when it is there, 0 when not yet, or -errno; bytes sent and received
/// at once, 0 at the end, or -errno.
int cl_connect_begin(const uint8_t *host, size_t host_length, uint16_t port);
int cl_connect_state(int fd);
int64_t cl_send_now(int fd, const void *bytes, size_t count);
int64_t cl_receive_now(int fd, void *buffer, size_t count);
/// The uid at the other end of a unix socket, or -errno.
int64_t cl_peer_uid(int fd);

/// open(2) with O_CLOEXEC: to read (O_NOFOLLOW not asked), and to append to an own
/// file: created 0640; -EINVAL when it is no regular file with one name.
int cl_open_read(const char *path);
int cl_open_append(const char *path);
int64_t cl_read(int fd, void *buffer, size_t count);
/// All of it, or -errno.
int64_t cl_write_all(int fd, const void *bytes, size_t count);
/// The same, when the reader at the other end is ready for it now; -EAGAIN otherwise. At most 4096 bytes for a pipe.
int64_t cl_write_if_ready(int fd, const void *bytes, size_t count);
int64_t cl_file_size(int fd);
int cl_rename(const char *from, const char *to);
bool cl_is_terminal(int fd);

/// madvise(2) MADV_DONTNEED over the program's own code and constants: what only the start or a rare request needed is
/// mapped no more; what runs is mapped again from the page cache.
void cl_let_go_of_code(void);

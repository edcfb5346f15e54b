// What a redirected log's lines arrive by and go on to, and the file that remembers it. Every call returns -errno on
// failure.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Makes the folder, mode 0711, if there is none. -EPERM when it is no folder, or somebody else could write there.
int redirect_make_folder(const char *path);
/// Makes a FIFO in the place of whatever has the name, for that user alone, and opens it for both ends, non-blocking: it
/// neither ends nor blocks when its last writer goes.
int redirect_make_pipe(const char *path, uint32_t uid);
/// Opens it again. -EINVAL when it is no FIFO.
int redirect_open_pipe(const char *path);
/// A socket connected to /dev/log, non-blocking.
int redirect_connect_syslog(void);
/// One datagram, or -EAGAIN.
int redirect_send(int socket, const void *bytes, size_t count);
/// The flags of a log's descriptor, where only those of the FIFO in its place are known.
uint64_t redirect_log_flags(uint64_t flags);
/// Appends all of it to a file that is open for writing, whoever else writes to it.
int64_t redirect_append(int descriptor, const void *bytes, size_t count);
/// Replaces a file by rename, mode 0600.
int redirect_replace_file(const char *path, const char *temporary, const void *bytes, size_t count);

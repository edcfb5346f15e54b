/* What reading the configuration needs of libc. */
#ifndef CLINUX_CONFIGURATION_H
#define CLINUX_CONFIGURATION_H

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

/* The whole of a regular file in `buffer`: bytes read, or -errno: -EISDIR a directory, -EINVAL a device, pipe or socket,
 * -EFBIG more than `capacity`. Follows links: a configuration file may be one. */
long clinux_read_regular(const char *path, void *buffer, size_t capacity);

/* regcomp(3), POSIX extended. 0 if the pattern is good; else its message is in `message`. */
int clinux_check_regex(const char *pattern, char *message, size_t capacity);

#endif

#include "configuration.h"

#include <fcntl.h>
#include <regex.h>
#include <sys/stat.h>
#include <unistd.h>

long clinux_read_regular(const char *path, void *buffer, size_t capacity) {
  /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  struct stat status;
  long result = 0;
  if (fstat(fd, &status) < 0) result = -errno;
  else if (S_ISDIR(status.st_mode)) result = -EISDIR;
  else if (!S_ISREG(status.st_mode)) result = -EINVAL;
  while (result >= 0) {
    char one_more;
    size_t done = (size_t)result;
    ssize_t n = done < capacity ? read(fd, (char *)buffer + done, capacity - done) : read(fd, &one_more, 1);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) result = -errno;
    else if (done == capacity) result = -EFBIG;
    else result += n;
  }
  close(fd);
  return result;
}

int clinux_check_regex(const char *pattern, char *message, size_t capacity) {
  regex_t regex;
  int result = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
  if (result) regerror(result, &regex, message, capacity);
  else regfree(&regex);
  return result;
}

/* What the Embedded Swift runtime asks of libc and musl 1.2.3 lacks; what libmicrohttpd asks for and never uses. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

/* The seed of Set and Dictionary. Never waits: a board that has just started may gather no randomness for minutes.
 * Then the 16 bytes that the kernel gave this process at its start must do. */
void arc4random_buf(void *bytes, size_t count) {
  if (getrandom(bytes, count, GRND_NONBLOCK) == (ssize_t)count) return;
  const unsigned char *start = (const unsigned char *)getauxval(AT_RANDOM);
  for (size_t i = 0; i < count; i++) ((unsigned char *)bytes)[i] = start ? start[i % 16] : (unsigned char)i;
}

/* In the place of musl's, which is 4 kB: no thread is ever started. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*start)(void *),
                   void *restrict argument) {
  (void)thread, (void)attributes, (void)start, (void)argument;
  return EAGAIN;
}

// Misbehaviours that cost memory outside of the process: kernel memory in socket queues, a log line per silent client.
#define _FILE_OFFSET_BITS 64
#include "leaky.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// Many small unread messages: each costs a buffer head and a small block of slab, so the kernel's own accounting of the
// socket (SO_SNDBUF) is full long before as many bytes were sent.
void slab(int count, char **words) {
  uint64_t size = 0, pinned = 0;
  take_all_options(count, words, &(struct option){"--size", SIZE, &size, true}, 1);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  while (pinned < size) {
    int pair[2], accounted = 0;
    socklen_t length = sizeof accounted;
    char message[64] = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &accounted, &length))
      fail("pin", "sockets");
    while (send(pair[0], message, sizeof message, MSG_DONTWAIT) > 0) {
    }
    pinned += (uint64_t)accounted;
  }
  stay();
}

// One line of exactly 70 bytes, dated as on a board without a clock: 1970 plus the time since boot.
static void log_silent_client(int log) {
  char line[80], date[40];
  struct timespec up;
  struct tm broken;
  clock_gettime(CLOCK_BOOTTIME, &up);
  strftime(date, sizeof date, "%a %d %b %Y %H:%M:%S +0000", gmtime_r(&up.tv_sec, &broken));
  int length = snprintf(line, sizeof line, "%-11s|%s|Silent client disconnected\n", "127.0.0.1", date);
  // A full filesystem loses the line, and the next client gets its turn.
  if (length != 70 || (write(log, line, 70) < 0 && errno != ENOSPC))
    fail("log", "silent client");
}

static void serve(int client, int log) {
  static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
  char request[4096];
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
  if (recv(client, request, sizeof request, 0) > 0)
    send(client, answer, sizeof answer - 1, MSG_NOSIGNAL);
  else
    log_silent_client(log);
  close(client);
}

void silent_server(int count, char **words) {
  const char *path = NULL;
  uint64_t port = 0;
  const struct option options[] = {{"--log", TEXT, &path, true}, {"--port", COUNT, &port, true}};
  take_all_options(count, words, options, 2);
  if (port < 1 || port > 65535) {
    fputs("leaky: --port: expected 1 to 65535\n", stderr);
    exit(EXIT_USAGE);
  }
  int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0)
    fail("open", path);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128))
    fail("listen on", "--port");
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client >= 0)
      serve(client, log);
    else if (errno != EINTR && errno != ECONNABORTED)
      fail("accept", "client");
  }
}

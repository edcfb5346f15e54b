// A prefork server whose workers grow with each request, and can be told one by one to take no more work.
#include "leaky.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_SERVERS = 16, WORK_MS = 2 };

static int listen_on(uint64_t port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512))
    fail("listen on", "--port");
  return listener;
}

// True when somebody asked something and was answered.
static bool answer(int listener) {
  static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
  char request[4096];
  int client = accept(listener, NULL, NULL);
  if (client < 0)
    return false;
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
  bool asked = recv(client, request, sizeof request, 0) > 0;
  if (asked)
    send(client, text, sizeof text - 1, MSG_NOSIGNAL);
  close(client);
  return asked;
}

// The pidfile is whole whenever it is there.
static void say_pid(const char *folder, uint64_t number) {
  char path[4096], made[4110];
  snprintf(path, sizeof path, "%s/%d", folder, (int)number);
  snprintf(made, sizeof made, "%s.new", path);
  FILE *file = fopen(made, "w");
  if (!file || fprintf(file, "%d\n", (int)getpid()) < 0 || fclose(file) || rename(made, path))
    fail("write", path);
}

static _Noreturn void work(int listener, uint64_t drain_port, uint64_t bytes, const char *folder, uint64_t number) {
  // A master that is killed takes its workers along, so that a failed test leaves nothing behind.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  struct pollfd ready[] = {{.fd = listener, .events = POLLIN}, {.fd = listen_on(drain_port + number), .events = POLLIN}};
  say_pid(folder, number);
  for (;;) {
    if (poll(ready, 2, -1) < 0 && errno != EINTR)
      fail("poll", "sockets");
    if (ready[1].revents && answer(ready[1].fd)) {
      // Drained: the others take what waits at the shared socket.
      ready[0].fd = -1;
      ready[0].revents = 0;
    }
    if (ready[0].revents && answer(listener)) {
      hold(bytes);
      sleep_ms(WORK_MS);
    }
  }
}

void serve_prefork(int count, char **words) {
  uint64_t servers = count > 0 ? size_from("N", words[0]) : 0, port = 0, drain_port = 0, bytes = 0;
  const char *folder = NULL;
  const struct option options[] = {{"--port", COUNT, &port, true}, {"--drain", COUNT, &drain_port, true},
    {"--grow", SIZE, &bytes, true}, {"--pids", TEXT, &folder, true}};
  if (servers < 1 || servers > MOST_SERVERS) {
    fprintf(stderr, "leaky: serve: expected 1 to %d workers\n", MOST_SERVERS);
    exit(EXIT_USAGE);
  }
  take_all_options(count - 1, words + 1, options, 4);
  int listener = listen_on(port);
  pid_t worker[MOST_SERVERS] = {0};
  for (;;) {
    for (uint64_t i = 0; i < servers; i++)
      if (worker[i] == 0 && (worker[i] = fork()) == 0)
        work(listener, drain_port, bytes, folder, i);
    pid_t ended = wait(NULL);
    for (uint64_t i = 0; i < servers; i++)
      if (worker[i] == ended)
        worker[i] = 0;
  }
}

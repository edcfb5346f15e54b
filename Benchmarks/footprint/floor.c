// The floor under the agent's figures: the least program that samples workers and answers over HTTP.
// floor INTERVAL_MS PORT PID...: a kept statm descriptor per pid, one timer and one listener in one epoll, JSON written
// by hand. It judges nothing, remembers nothing and takes no care of wrong requests.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 512 };

static struct {
  int pid, statm;
  unsigned long resident;
} worker[MOST];
static int workers;

static void sample(void) {
  char text[128];
  for (int i = 0; i < workers; i++) {
    ssize_t n = pread(worker[i].statm, text, sizeof text - 1, 0);
    if (n <= 0)
      continue;
    text[n] = 0;
    char *rest;
    strtoul(text, &rest, 10);
    worker[i].resident = strtoul(rest, NULL, 10);
  }
}

static void answer(int client) {
  static char body[MOST * 48 + 16], head[128];
  char request[2048];
  // A request may come in pieces: answering the first would hang up on the second.
  size_t filled = 0;
  ssize_t n;
  while (filled < sizeof request - 1 && (n = read(client, request + filled, sizeof request - 1 - filled)) > 0) {
    request[filled += (size_t)n] = 0;
    if (strstr(request, "\r\n\r\n"))
      break;
  }
  if (filled > 0) {
    int n = sprintf(body, "[");
    for (int i = 0; i < workers; i++)
      n += sprintf(body + n, "%s{\"pid\":%d,\"rss_bytes\":%lu}", i ? "," : "", worker[i].pid, worker[i].resident * 4096);
    n += sprintf(body + n, "]\n");
    int h = sprintf(head, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", n);
    if (write(client, head, (size_t)h) < 0 || write(client, body, (size_t)n) < 0)
      perror("floor: answer");
  }
  close(client);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  int interval = atoi(argv[1]), on = 1;
  for (int i = 3; i < argc && workers < MOST; i++, workers++) {
    char path[32];
    worker[workers].pid = atoi(argv[i]);
    sprintf(path, "/proc/%d/statm", worker[workers].pid);
    worker[workers].statm = open(path, O_RDONLY | O_CLOEXEC);
  }
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) {
    perror("floor: listen");
    return 1;
  }
  int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC), poll = epoll_create1(EPOLL_CLOEXEC);
  struct timespec period = {interval / 1000, interval % 1000 * 1000000L};
  timerfd_settime(timer, 0, &(struct itimerspec){period, period}, NULL);
  epoll_ctl(poll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  sample();
  for (;;) {
    struct epoll_event event;
    if (epoll_wait(poll, &event, 1, -1) != 1)
      continue;
    if (event.data.fd == listener) {
      int client = accept(listener, NULL, NULL);
      if (client >= 0)
        answer(client);
    } else {
      unsigned long long expired;
      if (read(timer, &expired, sizeof expired) > 0)
        sample();
    }
  }
}

// Asks an HTTP server on loopback, one connection per question, and tells how it went.
// ask first PORT PATH BEGUN_US   waits for the first whole answer: ms since BEGUN_US (of the wall clock)
// ask rate PORT PATH MS          asks without a pause for so long: answers per second
// ask every PORT PATH MS COUNT   asks COUNT times, once in MS; the bytes of the last answer
// Exits 1 when an answer is no 200, or none came within 20 s.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct sockaddr_in server;
static char question[512];

static double now(void) { // ms
  struct timeval t;
  gettimeofday(&t, NULL);
  return (double)t.tv_sec * 1000 + (double)t.tv_usec / 1000;
}

// The length of a whole answer with status 200; 0: nobody answered; -1: another status, or half an answer.
static long ask(void) {
  int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval patience = {.tv_sec = 20};
  // The connection is forgotten at once: thousands a second would use up the ports.
  struct linger none = {.l_onoff = 1};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(s, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  long sum = 0, n = -1;
  static char buffer[65536];
  char head[16] = "";
  if (!connect(s, (struct sockaddr *)&server, sizeof server) &&
      write(s, question, strlen(question)) == (ssize_t)strlen(question)) {
    while ((n = read(s, buffer, sizeof buffer)) > 0) {
      if (!sum && n >= 12) memcpy(head, buffer, 12);
      sum += n;
    }
  }
  close(s);
  if (!sum) return 0;
  return n == 0 && !strncmp(head, "HTTP/1.", 7) && !strncmp(head + 8, " 200", 4) ? sum : -1;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  server = (struct sockaddr_in){
    .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  snprintf(question, sizeof question, "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n", argv[3], argv[2]);
  double begun = now(), amount = atof(argv[4]);
  long length = 0, count = 0;
  if (!strcmp(argv[1], "first")) {
    while ((length = ask()) == 0 && now() - begun < 20000) usleep(200);
    printf("%.1f\n", now() - amount / 1000);
  } else if (!strcmp(argv[1], "rate")) {
    do length = ask(), count++;
    while (length > 0 && now() - begun < amount);
    printf("%.0f\n", (double)count * 1000 / (now() - begun));
  } else {
    for (length = 1; length > 0 && count < atoi(argv[5]); count++) {
      length = ask();
      double rest = begun + amount * (double)(count + 1) - now();
      if (rest > 0) usleep((useconds_t)(rest * 1000));
    }
    printf("%ld\n", length);
  }
  return length > 0 ? 0 : 1;
}

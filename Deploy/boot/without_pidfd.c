// without_pidfd PROGRAM ...: runs a program as on a kernel before Linux 5.1, without pidfd_open and pidfd_send_signal.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

// From linux/seccomp.h and linux/filter.h, which musl does not bring. The numbers are the same on every processor.
enum { FILTER_MODE = 2, LOAD_WORD = 0x20, JUMP_IF_EQUAL = 0x15, RETURN = 0x06 };
static const uint32_t allow = 0x7fff0000, fail_with = 0x00050000, pidfd_send_signal = 424, pidfd_open = 434;
struct step {
  uint16_t code;
  uint8_t if_true, if_false;
  uint32_t value;
};

int main(int argc, char **argv) {
  struct step filter[] = {
    {LOAD_WORD, 0, 0, 0}, // the number of the system call
    {JUMP_IF_EQUAL, 2, 0, pidfd_send_signal},
    {JUMP_IF_EQUAL, 1, 0, pidfd_open},
    {RETURN, 0, 0, allow},
    {RETURN, 0, 0, fail_with | ENOSYS},
  };
  struct {
    uint16_t length;
    struct step *filter;
  } program = {sizeof filter / sizeof *filter, filter};
  if (argc > 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
      prctl(PR_SET_SECCOMP, FILTER_MODE, &program, 0, 0) == 0)
    execv(argv[1], argv + 1);
  perror("without_pidfd");
  return 111;
}

/* What Swift cannot import from libc, one pair of files per subject. */
#include "configuration.h"

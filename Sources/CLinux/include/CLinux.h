// Floor 0: what Swift cannot import from libc. One pair of files per subject; nothing here decides anything.
#pragma once
#include "cutting.h"

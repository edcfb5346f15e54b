// What Swift cannot import from libc: variadic calls, macros, system calls without a wrapper. Decides nothing.
#pragma once
#include "acting.h"
#include "archiving.h"
#include "caching.h"
#include "configuration.h"
#include "cutting.h"
#include "heap.h"
#include "loop.h"
#include "notify.h"
#include "piping.h"
#include "reading.h"
#include "redirecting.h"
#include "remote.h"

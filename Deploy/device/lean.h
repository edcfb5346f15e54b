// Put before libconfuse's sources: what of libc it asks for and memwarden's grammar never needs, which would be 10 kB.
#pragma once
#include <stdio.h>
#include <stdlib.h>

// The lexer reads the digits of \101 and \x41 by "%o" and "%x".
#define sscanf(text, format, number) (*(number) = (unsigned)strtoul(text, NULL, (format)[1] == 'o' ? 8 : 16))
// For options of type float, of which there are none: no text is one.
#define strtod(text, end) (*(end) = (char *)(text), 0.0)

/* The syntax of the configuration file, by libconfuse. Knows which keys exist and nothing of what they mean: every
 * value is handed on as text. libconfuse's lexer has global state, so one parse at a time. */
#ifndef CCONFUSE_H
#define CCONFUSE_H

#include <stddef.h>

enum cconfuse_section {
  CCONFUSE_TOP,
  CCONFUSE_HTTP,
  CCONFUSE_WORKER,
  CCONFUSE_LOG,
  CCONFUSE_LOGS,
  CCONFUSE_FILESYSTEM,
  CCONFUSE_RAM_FILESYSTEMS,
  CCONFUSE_GROUP,
  CCONFUSE_JOURNAL
};

enum cconfuse_kind {
  CCONFUSE_VALUE,   /* one value of a key; a list is one event per value, index counting up, a new `=` starting at 0 */
  CCONFUSE_EMPTY,   /* key = {}; told at the section's end */
  CCONFUSE_INCLUDE, /* include("value"): only told, never opened here */
  CCONFUSE_END,     /* the closing brace of a section; its values came before it */
  CCONFUSE_FAULT    /* value is libconfuse's own sentence; nothing but this follows */
};

/* What was found. Strings live only during the call; title, key and value are NULL where the kind has none. */
struct cconfuse_event {
  enum cconfuse_kind kind;
  enum cconfuse_section section;
  const char *title, *key, *value;
  unsigned index;
  int line;
};

typedef void (*cconfuse_sink)(void *context, const struct cconfuse_event *event);

/* Parses `length` (at least 1) bytes of text and tells `sink` of each setting in file order. 0, or -1 after a fault was
 * told, or -ENOMEM. */
int cconfuse_parse(const char *text, size_t length, cconfuse_sink sink, void *context);

#endif

#include "CZlib.h"

#include <stdlib.h>
#include <zlib.h>

enum { RAW_WINDOW_OF_4_KIB = -12, MEMORY_LEVEL = 5 };

void *czlib_open(void) {
  z_stream *z = calloc(1, sizeof *z);
  if (!z) return NULL;
  if (deflateInit2(z, 6, Z_DEFLATED, RAW_WINDOW_OF_4_KIB, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK) return z;
  free(z);
  return NULL;
}

void czlib_close(void *tables) {
  if (!tables) return;
  deflateEnd(tables);
  free(tables);
}

int64_t czlib_deflate(void *tables, const void *from, size_t count, void *into, size_t capacity) {
  z_stream *z = tables;
  if (deflateReset(z) != Z_OK) return -1;
  z->next_in = (Bytef *)from;
  z->avail_in = (uInt)count;
  z->next_out = into;
  z->avail_out = (uInt)capacity;
  if (deflate(z, Z_FINISH) != Z_STREAM_END) return -1;
  return (int64_t)(capacity - z->avail_out);
}

uint32_t czlib_crc(uint32_t crc, const void *from, size_t count) {
  return (uint32_t)crc32(crc, from, (uInt)count);
}

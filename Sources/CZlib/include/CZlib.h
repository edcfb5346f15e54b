/* Deflate by zlib, one whole piece at a time, with small tables. Knows nothing of files or of gzip's framing. */
#ifndef CZLIB_H
#define CZLIB_H

#include <stddef.h>
#include <stdint.h>

/* The tables of one compressor, about 38 KiB (window 4 KiB, memLevel 5); NULL when there is no memory. */
void *czlib_open(void);
void czlib_close(void *tables);

/* Compresses `count` bytes into one complete raw deflate stream: its length, or -1 when `capacity` is too small. No byte
 * of it depends on the call before. */
int64_t czlib_deflate(void *tables, const void *from, size_t count, void *into, size_t capacity);

/* CRC-32 as gzip has it; `crc` is 0 for the first piece. */
uint32_t czlib_crc(uint32_t crc, const void *from, size_t count);

#endif

// What archives and renamed logs need: names in an open folder, and fsync that does not make the loop wait. Every call
// returns -errno on failure. Names are NUL-terminated.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

// A folder that an O_PATH descriptor stands for, opened so that it can be listed and synchronised.
int ar_open_folder(int path_descriptor);
// A new file for writing, mode 0640; -EEXIST when the name is taken.
int ar_create(int folder, const char *name);
// A new empty file with the owner, group and mode of `like`; 0.
int ar_create_like(int folder, const char *name, int like);
// An existing regular file for reading and writing, links not followed; -EINVAL when it is none.
int ar_open(int folder, const char *name);
// renameat2(2) RENAME_NOREPLACE within a folder; where the kernel or the filesystem has not got it, a look and a rename.
int ar_rename(int folder, const char *from, const char *to);
// renameat(2): replaces what has the name.
int ar_replace(int folder, const char *from, const char *to);
// renameat2(2): each gets the other's name, at once. -EINVAL or -ENOSYS where kernel or filesystem cannot.
int ar_exchange(int folder, const char *one, const char *other);
// unlinkat(2).
int ar_remove(int folder, const char *name);
// write(2): bytes written, which may be fewer than asked.
int64_t ar_write(int descriptor, const void *from, size_t count);

// fsync(2). 1: done. 0: it is under way in the kernel, ask ar_sync_done. -EBUSY: another one is. One at a time.
int ar_sync(int descriptor);
// 1: the one that was begun for this descriptor is done; 0: not yet; -errno: it failed; -EBADF: there is none.
int ar_sync_done(int descriptor);
// Nobody will ask for the result of this descriptor's any more.
void ar_sync_forget(int descriptor);
// fsync(2), waited for.
int ar_sync_now(int descriptor);

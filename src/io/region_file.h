/* Memory that outlives the process: files that are mapped shared, and the folder that holds those
 * of one run, a generation. What is stored in such memory is in the file when the store is done,
 * without a system call; it is not made durable, so it says nothing after the machine went down.
 * Blocks; for the start and for growth.
 *
 * A generation is built beside the one before and takes its place as a whole:
 *
 *   DIR/sessions       the generation that is in force, or the last one
 *   DIR/sessions.new   one that is being built; after the exchange: the one before
 *   DIR/sessions.old   only where the file system cannot exchange two names: the one before
 *
 * The new one holds everything that is wanted of the one before when region_dir_commit is called,
 * and nobody writes to the old one meanwhile. So the process may be killed anywhere: `sessions` is
 * always a complete generation, or is missing between the two renames that stand for the exchange,
 * and then `sessions.old` is one. What else is there is of no use, and the next start removes it.
 * All of it needs that one process alone uses DIR (see file_lock).
 *
 * Paths as in io/files.h. Errors, besides what is said: those of io/files.h. */
#ifndef IO_REGION_FILE_H
#define IO_REGION_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole pages, which the disk has room for: no store into them fails (but on file systems that copy
 * what is overwritten, such as btrfs, when the disk is full). */
struct region_file {
    char *base; /* never changes */
    size_t bytes, bytes_max;
    int fd;
};

/* Makes the file (mode 0600), zeroed, of `bytes` (rounded up to pages), which may grow to bytes_max
 * (rounded down). ERR_LIMIT: more than that, or that is no page; ERR_EXISTS, ERR_FULL. On failure
 * there is no file, and *out is zeroed. */
int region_file_make(const char *path, size_t bytes, size_t bytes_max, struct region_file *out);
/* Makes `bytes` bytes usable; false: more than bytes_max, or the disk has no room. `file` is a
 * struct region_file. */
bool region_file_grow(void *file, size_t bytes);
/* Unmaps it; the file stays. One that was never made is zeroed and stays so. */
void region_file_close(struct region_file *f);

/* The first bytes (at most cap) of such a file of a process that is gone, in private memory, so
 * that a disk that cannot be read is an error here. */
struct region_copy {
    char *base; /* aligned to pages; NULL when bytes is 0 */
    size_t bytes;
};
int region_copy_read(const char *path, size_t cap, struct region_copy *out);
void region_copy_free(struct region_copy *c);

/* Settles what a process left that was killed, and makes an empty DIR/sessions.new. */
int region_dir_begin(const char *dir);
/* Calls fn for each file of DIR/sessions. ERR_NOT_FOUND: there is no such folder. */
int region_dir_each(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx);
/* The new generation takes the place of the old one, which is removed now or by the next start. */
int region_dir_commit(const char *dir);
/* Removes every generation: nobody shall find in a later start what is outdated then. */
int region_dir_drop(const char *dir);

/* The number of this start of the machine, as the kernel writes it (BOOT_ID_PATH): ERR_SYNTAX when
 * it is none. */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
enum { BOOT_ID_BYTES = 16 };
int boot_id_read(const char *path, uint8_t out[BOOT_ID_BYTES]);

#endif

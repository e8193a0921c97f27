/* Small files and directories. Paths are NUL-terminated and shorter than 1,000 bytes. Blocks; for
 * start, reload and tools, never for an event loop that serves. */
#ifndef IO_FILES_H
#define IO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/slice.h"

/* All of these, besides what is said below: ERR_NOT_FOUND, ERR_REFUSED (no right), ERR_FULL (disk
 * or quota), ERR_READONLY, ERR_IO, ERR_MEMORY. */

/* What an errno is here. */
int file_error(int e);

struct file_facts {
    uid_t owner;
    mode_t mode;       /* permission bits */
    bool others_read;  /* group or others may read it: wrong for a key (O04) */
    bool others_write; /* group or others may write it */
};

/* Appends the content of a regular file of at most cap bytes; ERR_LIMIT when it is larger.
 * facts_out may be NULL. On failure out holds what it held. */
int file_read(const char *path, size_t cap, struct buf *out, struct file_facts *facts_out);
/* Replaces or creates the file as a whole, mode 0600: after a crash it is the old or the new one.
 * Written to a new file beside it, synced, renamed, directory synced. */
int file_write(const char *path, struct slice content);
/* Creates it, mode 0600, only if nothing has this name: ERR_EXISTS. As durable as file_write. */
int file_create(const char *path, struct slice content);

/* Makes the directory (0700) and what is missing above it, if it is not there, and looks at it
 * (O08). ERR_EXISTS: it is there and no directory. ERR_REFUSED: it belongs to somebody else, or may
 * not be written to. facts_out->others_write is for a warning. */
int dir_make(const char *path, struct file_facts *facts_out);

/* Holds a lock file with the pid in it (O09, D11). 0: held until file_unlock or the end of the
 * process, however it ends. ERR_BUSY: another process holds it, *pid_out is its pid (0: unknown).
 */
int file_lock(const char *path, int *fd_out, pid_t *pid_out);
void file_unlock(int *fd);

#endif

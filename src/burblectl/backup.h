/* The commands that read and write databases themselves, with the rights of whoever calls them. A
 * backup beside a running server is one snapshot, read in another process: nothing of it passes
 * through the server, no other program names a path to it, and the file is the caller's alone. */
#ifndef BURBLECTL_BACKUP_H
#define BURBLECTL_BACKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "burblectl/options.h"
#include "burblectl/output.h"

/* All return the exit status and write a row to o. */
int backup_run(const struct options *options, const char *data_dir, struct output *o);
int backup_verify(const struct options *options, struct output *o);
/* restore.c */
int restore_run(const struct options *options, const char *data_dir, struct output *o);

/* For restore.c: the exit status of an error; a time as text; a path in the data folder, freed with
 * mem_free. */
int backup_status(int err);
char *backup_path(const char *data_dir, const char *name);
/* Takes the lock of the data folder, so that no server starts: 0; ERR_BUSY: one runs, *pid_out is
 * its pid. A lock file that root makes is given to the folder's owner. */
int backup_lock(const char *data_dir, int *fd_out, pid_t *pid_out);
/* Shows how far it is, on a terminal; ends with the process's signals. */
bool backup_progress(void *ctx, uint64_t done, uint64_t all);
void backup_progress_begin(const struct options *options, const char *what);
void backup_progress_end(void);

#endif

/* Files with secrets: nobody else may own, read or change them (C12). */
#ifndef BURBLE_PRIVATE_FILE_H
#define BURBLE_PRIVATE_FILE_H

#include <stddef.h>

#include "base/buf.h"

struct app;

/* $VARIABLE/burble, else ~/HOME_PATH/burble, without a look at the disk; on the heap. NULL when
 * there is no home. */
char *private_dir(const char *variable, const char *home_path);

/* Makes the folder, 0700, if it is missing; refuses one that others own or may look into. 0 or
 * EXIT_USAGE, having said why and what to do. */
int private_dir_make(const struct app *app, const char *path);
/* The same look, but nothing is made: a folder that is missing is no failure. */
int private_dir_check(const struct app *app, const char *path);

/* Appends the content of a file of at most cap bytes. A link may lead to it, but what counts is who
 * owns the file behind it. A file that is missing appends nothing if missing_ok. 0 or EXIT_USAGE,
 * having said why and what to do; what is it, "the file of the accounts". */
int private_file_read(const struct app *app, const char *path, const char *what, bool missing_ok,
                      size_t cap, struct buf *out);

/* Opens a file, a named pipe or a descriptor (/dev/fd/N) with a secret to read: *fd_out, close it.
 * 0 or EXIT_USAGE, as above. */
int private_open(const struct app *app, const char *path, const char *what, int *fd_out);

/* Replaces the file, 0600, synced. 0, or EXIT_REFUSED having said why. */
int private_file_write(const struct app *app, const char *path, struct slice content);

#endif

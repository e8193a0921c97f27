/* A file that comes from elsewhere, saved in a folder (V70): under a safe name, never over a file
 * that is there, and under its name only when it is whole. */
#ifndef BURBLE_SAVE_FILE_H
#define BURBLE_SAVE_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "burble/file.h"

struct app;

enum { SAVE_PART_BYTES = 48 };

struct save_file {
    int dir, fd; /* -1: none */
    char part[SAVE_PART_BYTES];
    char name[BURBLE_FILE_NAME_BYTES];
};

/* --dir, else $XDG_DOWNLOAD_DIR, else ~/Downloads; on the heap. NULL, having said why, when there
 * is no such folder. */
char *save_file_dir(const struct app *app);

/* Begins. wanted: the name as a stranger gives it. 0 or EXIT_REFUSED, having said why; then there
 * is nothing to drop. */
int save_file_begin(const struct app *app, const char *dir, const char *wanted,
                    struct save_file *out);
/* 0, or EXIT_REFUSED having said why. */
int save_file_write(const struct app *app, struct save_file *f, const void *data, size_t len);
/* It is whole: synced, and given its name, or that with a number where it is taken. The name is
 * appended. 0, or EXIT_REFUSED having said why; it is over in any case. */
int save_file_finish(const struct app *app, struct save_file *f, struct buf *name_out);
/* Takes away what came so far. Harmless when it is over. */
void save_file_drop(struct save_file *f);

#endif

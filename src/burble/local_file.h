/* A file of ours that goes elsewhere, and how far it is. */
#ifndef BURBLE_LOCAL_FILE_H
#define BURBLE_LOCAL_FILE_H

#include <stdint.h>

#include "burble/file.h"

struct app;

struct local_file {
    int fd; /* -1: none */
    uint64_t size, done;
    int64_t modified_ms;
    char name[BURBLE_FILE_NAME_BYTES]; /* without its folders */
    const char *type;                  /* by its ending */
    const struct app *app;
    unsigned shown; /* percent + 1 on the terminal; 0: nothing is */
};

/* 0, or EXIT_USAGE having said why: it is not there, no regular file, or may not be read. */
int local_file_open(const struct app *app, const char *path, struct local_file *out);
/* The next bytes, at most size; how many, or -1 having said why: also when it became shorter. */
long local_file_read(struct local_file *f, void *out, size_t size);
/* So many bytes are there: shown on standard error where that is a terminal. */
void local_file_progress(struct local_file *f, uint64_t done);
void local_file_close(struct local_file *f);

#endif

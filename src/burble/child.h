/* Another program as a part of a session's loop: started without a shell, fed, read, limited and,
 * when it takes too long, killed with all that it has started (its process group). */
#ifndef BURBLE_CHILD_H
#define BURBLE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "burble/burble_loop.h"

struct child;

struct child_result {
    int status;            /* of waitpid(2) */
    bool late;             /* it was killed for its time */
    struct slice out, err; /* what it printed, NUL-terminated, at most output_max each */
    bool cut;              /* it printed more than that */
};

struct child_config {
    char **argv;         /* argv[0] is looked for in PATH; ended by NULL */
    char **env;          /* ended by NULL; NULL: ours */
    uint32_t time_ms;    /* 0: as long as it likes */
    uint32_t output_max; /* bytes of standard output, and of standard error, that are kept */
    bool open;           /* standard input stays open for child_write; else it is /dev/null */
    bool own_stderr;     /* standard error is ours; else it is kept */
    /* Each line of standard output, NUL-terminated, without its line feed; one that is longer than
     * 1 MiB comes in pieces. NULL: the output is kept instead. May call child_free, child_pause. */
    void (*line)(struct child *c, struct slice line, void *arg);
    /* What has come of it was given, line by line. May be NULL, and must not call child_free. */
    void (*read)(struct child *c, void *arg);
    /* It is over, all is read. Once; child_free is still to be called, and may be from here. What
     * it has started and left behind is killed, too, as far as it is in its process group. */
    void (*done)(struct child *c, const struct child_result *r, void *arg);
    void *arg;
};

/* 0; ERR_NOT_FOUND: no such program; ERR_REFUSED: it cannot be executed; ERR_LIMIT: arguments and
 * environment are too long; ERR_FULL, ERR_MEMORY, ERR_IO: no process or descriptor is to be had. */
int child_start(struct burble_loop *loop, const struct child_config *config, struct child **out);
/* Bytes for its standard input: all of them, or none. 0; ERR_FULL: more than 4 MiB would wait (it
 * does not read); ERR_CLOSED; ERR_MEMORY. */
int child_write(struct child *c, struct slice bytes);
/* Its output is not read for now; it waits when a pipe is full. */
void child_pause(struct child *c, bool pause);
/* Kills it if it runs. Harmless on NULL. */
void child_free(struct child **c);
/* The same, with time for it to end in order: the end of its input and SIGTERM come first. Waits
 * ms_max at most; no callback is made. */
void child_stop(struct child **c, int ms_max);

#endif

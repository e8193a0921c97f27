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
    uint32_t time_ms;    /* 0: as long as it likes */
    uint32_t output_max; /* bytes of standard output, and of standard error, that are kept */
    bool open;           /* standard input stays open for child_write; else it is /dev/null */
    bool own_stderr;     /* standard error is ours; else it is kept */
    /* Each line of standard output, NUL-terminated; NULL: it is kept instead. May call child_free.
     */
    void (*line)(struct child *c, struct slice line, void *arg);
    /* It is over, all is read. Once; child_free is still to be called, and may be from here. */
    void (*done)(struct child *c, const struct child_result *r, void *arg);
    void *arg;
};

/* 0; ERR_NOT_FOUND: no such program; ERR_REFUSED: it cannot be executed; ERR_FULL, ERR_MEMORY,
 * ERR_IO: no process or descriptor is to be had. */
int child_start(struct burble_loop *loop, const struct child_config *config, struct child **out);
/* Bytes for its standard input. 0; ERR_FULL: more than 4 MiB wait (it does not read); ERR_CLOSED.
 */
int child_write(struct child *c, struct slice bytes);
/* Ends its standard input, when what waits is written. */
void child_end_input(struct child *c);
/* Kills it if it runs. Harmless on NULL. */
void child_free(struct child **c);

#endif

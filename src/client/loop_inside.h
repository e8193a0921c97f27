/* Inside face of the ready-made loop: burble/burble_loop.h. */
#ifndef CLIENT_LOOP_INSIDE_H
#define CLIENT_LOOP_INSIDE_H

#include "base/list.h"
#include "base/rng.h"
#include "base/timer.h"
#include "burble/burble_loop.h"
#include "io/loop.h"
#include "io/resolver.h"

enum { LOOP_READ_BYTES = 32768 };

struct burble_loop {
    struct loop io;
    struct resolver *resolver;
    struct timers timers;
    struct rng rng;
    struct list entries; /* clients */
    struct list dirty;   /* those of them that have something to say */
    struct list gone;    /* those whose client is gone, until the end of the turn */
    struct list watches, alarms;
    struct burble_trust *trust; /* the system's, once it was asked for */
    char *ca_file;
    uint64_t next_alarm;
    bool turning;                /* callbacks may be under way */
    bool doomed;                 /* burble_loop_free was called in one */
    char bytes[LOOP_READ_BYTES]; /* what is being read */
};

/* loop_entry.c: a client in the loop. */
void loop_entries_turn(struct burble_loop *l);
/* Is every client offline for good? */
bool loop_entries_idle(const struct burble_loop *l);
/* Frees what has gone during a turn. */
void loop_entries_sweep(struct burble_loop *l);
/* All clients are let go. */
void loop_entries_free(struct burble_loop *l);

/* loop_watch.c: descriptors and alarms of the program. */
void loop_watches_free(struct burble_loop *l);

#endif

/* The event loop of one shard: an epoll set, level-triggered, on one thread. All functions but
 * loop_wake and loop_stop belong to the thread that runs it. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "io/waker.h"

struct epoll_event;

enum loop_events {
    LOOP_READ = 1,
    LOOP_WRITE = 2,
    /* The peer is gone in both directions, or the connection failed. Always reported. With
     * LOOP_READ wanted it comes together with LOOP_READ: read first, the end of the data says the
     * rest. Without, it is reported once; wanting LOOP_READ later reports it again. */
    LOOP_GONE = 4,
    /* Only in want, only at loop_watch: of the loops that watch this listener one is woken. */
    LOOP_EXCLUSIVE = 8,
};

/* Embedded in the owner of a descriptor. Zero-initialised: watched by nobody. */
struct loop_fd {
    /* Called with what is both wanted and true (LOOP_GONE always). It may watch, change and forget
     * any descriptor, its own included, and free what holds f after loop_forget. */
    void (*ready)(struct loop_fd *f, unsigned events, void *ctx);
    int fd;
    uint8_t want;
    bool watched, in_set, exclusive;
};

struct loop_hooks {
    /* Once per turn, after the events: takes mail, runs timers, flushes links. Returns when it
     * wants to be called next at the latest (monotonic ms): 0 at once, TIME_NEVER. */
    uint64_t (*turn)(void *ctx, struct now now);
    /* Asked when the loop is about to sleep: has mail come? (mailbox_empty). */
    bool (*pending)(void *ctx);
};

struct loop {
    struct now now; /* read once per turn, when the wait is over */
    struct waker waker;
    atomic_bool stop;
    int epoll;
    int at, n; /* position in batch, number of events in it */
    struct epoll_event *batch;
    uint64_t turns; /* for the statistics */
};

/* 0, ERR_FULL (no descriptors), ERR_MEMORY, ERR_IO. */
int loop_init(struct loop *l);
/* Closes the loop's own descriptors; those watched stay open and are their owners'. */
void loop_close(struct loop *l);

/* Watches fd (not owned). want: LOOP_READ, LOOP_WRITE, or 0; LOOP_READ | LOOP_EXCLUSIVE for a
 * listener. f->ready is set, f->watched false. 0, ERR_FULL (the system's limit), ERR_MEMORY. */
int loop_watch(struct loop *l, struct loop_fd *f, int fd, unsigned want);
/* Changes what is wanted; free when nothing changes. 0, ERR_FULL, ERR_MEMORY. */
int loop_want(struct loop *l, struct loop_fd *f, unsigned want);
/* Before the descriptor is closed or moves to another loop. Harmless when not watched. */
void loop_forget(struct loop *l, struct loop_fd *f);

/* Runs until loop_stop. ctx goes to the callbacks and hooks. */
void loop_run(struct loop *l, const struct loop_hooks *hooks, void *ctx);
/* One turn: waits until deadline_ms at most (0: does not wait), reads the clock, calls back. */
void loop_once(struct loop *l, uint64_t deadline_ms, bool (*pending)(void *ctx), void *ctx);

/* Any thread. */
void loop_wake(struct loop *l);
/* Any thread: loop_run returns after the current turn. */
void loop_stop(struct loop *l);

#endif

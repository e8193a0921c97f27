/** @file
 * The ready-made loop: sockets, DNS (c-ares), clock and randomness for any number of clients on one
 * thread. It never blocks but in burble_loop_run.
 *
 * In a foreign loop: wait for burble_loop_fd to become readable, at most burble_loop_wait_ms, and
 * then call burble_loop_step. See examples/uv_loop.c and examples/glib_loop.c.
 *
 * All functions belong to the thread of the loop but burble_loop_wake and burble_loop_stop, which
 * may be called from anywhere, signal handlers included.
 */
#ifndef BURBLE_LOOP_H
#define BURBLE_LOOP_H

#include "burble/io.h"

#ifdef __cplusplus
extern "C" {
#endif

struct burble_loop;

/** Begin with BURBLE_LOOP_CONFIG. */
struct burble_loop_config {
    size_t size;             /**< set by BURBLE_LOOP_CONFIG */
    const char *nameservers; /**< "127.0.0.1:5353,..."; NULL: the system's */
    const char *ca_file;     /**< PEM; NULL: the system's certificates */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_LOOP_CONFIG(...) BURBLE_MAKE(burble_loop_config, __VA_ARGS__)

/** config NULL: all defaults. MEMORY, FULL (no descriptors), IO. */
BURBLE_API int burble_loop_new(const struct burble_loop_config *config, struct burble_loop **out);
/** Its clients are closed, and are removed from it; they stay the program's, and go on when they
 * are added to another loop. In a callback it takes effect when that returns: nothing of the loop
 * is called any more then, and burble_loop_run or burble_loop_step returns. */
BURBLE_API void burble_loop_free(struct burble_loop **loop);

/** The loop drives the client from now on, until that is freed or removed. MEMORY, EXISTS. */
BURBLE_API int burble_loop_add(struct burble_loop *loop, struct burble *c);
/** The loop does not drive it any more; its connection is closed. */
BURBLE_API void burble_loop_remove(struct burble_loop *loop, struct burble *c);

/** Runs until burble_loop_stop, or until every client is offline for good. 0; BUSY: in a callback.
 */
BURBLE_API int burble_loop_run(struct burble_loop *loop);
/** burble_loop_run returns as soon as it can. May be called from anywhere, signal handlers
 * included. */
BURBLE_API void burble_loop_stop(struct burble_loop *loop);

/** Readable when there is something to do. */
BURBLE_API int burble_loop_fd(const struct burble_loop *loop);
/** Milliseconds until burble_loop_step is due even so; -1: not before the descriptor says so. To be
 * asked anew before each wait. */
BURBLE_API int burble_loop_wait_ms(struct burble_loop *loop);
/** Waits until there is something to do, at most ms (negative: as long as it takes), and does it:
 * for programs whose own condition ends the loop. 0; BUSY: inside of a callback. */
BURBLE_API int burble_loop_wait(struct burble_loop *loop, int ms);
/** Does what there is to do, without waiting. */
BURBLE_API void burble_loop_step(struct burble_loop *loop);
/** The descriptor becomes readable. */
BURBLE_API void burble_loop_wake(struct burble_loop *loop);

/** What a descriptor is ready for. */
enum burble_fd_event { BURBLE_READ = 1, BURBLE_WRITE = 2, BURBLE_HANGUP = 4 };
/** The descriptor is ready: enum burble_fd_event. */
typedef void burble_fd_fn(int fd, unsigned events, void *arg);
/** Also waits for a descriptor of the program's own (standard input, a pipe): fn is called with
 * what is there. events: BURBLE_READ, BURBLE_WRITE, 0 (forget it, before it is closed). MEMORY,
 * FULL; IO: it is none, or cannot be waited for (a file). */
BURBLE_API int burble_loop_watch(struct burble_loop *loop, int fd, unsigned events,
                                 burble_fd_fn *fn, void *arg);
/** The time has come. */
typedef void burble_alarm_fn(void *arg);
/** Calls fn once, ms from now. The handle (NULL: not wanted) is for burble_loop_unalarm. MEMORY. */
BURBLE_API int burble_loop_alarm(struct burble_loop *loop, uint32_t ms, burble_alarm_fn *fn,
                                 void *arg, uint64_t *handle_out);
/** It will not be called. An old handle is harmless. */
BURBLE_API void burble_loop_unalarm(struct burble_loop *loop, uint64_t handle);

/** The whole of a simple program: a loop, this one client, until it is offline for good.
 * Connects it. 0, else as burble_loop_new and burble_connect. */
BURBLE_API int burble_run(struct burble *c);

#ifdef __cplusplus
}
#endif
#endif

/* Wakes a sleeping event loop from another thread: an eventfd that is written only when the loop
 * sleeps, so busy shards exchange mail without a system call. */
#ifndef IO_WAKER_H
#define IO_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

struct waker {
    int fd;             /* eventfd, watched edge-triggered, never read */
    atomic_bool asleep; /* the owner is about to wait, or waits */
};

/* 0, or ERR_FULL without descriptors, ERR_IO. */
int waker_open(struct waker *w);
void waker_close(struct waker *w);
/* Any thread. What was published before the call is seen by the owner after it wakes. */
void waker_wake(struct waker *w);

/* The owner, in this order: waker_rest, a look whether work came meanwhile, the wait (without
 * sleeping if there was), waker_rise. */
void waker_rest(struct waker *w);
void waker_rise(struct waker *w);

#endif

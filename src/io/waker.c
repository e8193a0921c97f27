/* Wakes a sleeping event loop. The pair (publish, look at asleep) here and (asleep, look for work)
 * in the owner is sequentially consistent, so one of the two sees the other. */
#include "io/waker.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

int waker_open(struct waker *w)
{
    atomic_init(&w->asleep, false);
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd >= 0)
        return 0;
    return errno == EMFILE || errno == ENFILE ? ERR_FULL : ERR_IO;
}

void waker_close(struct waker *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void waker_wake(struct waker *w)
{
    const uint64_t one = 1;
    if (!atomic_load(&w->asleep) || !atomic_exchange(&w->asleep, false))
        return;
    /* The counter would overflow after 2^64 writes: it never says EAGAIN. */
    while (write(w->fd, &one, sizeof(one)) < 0)
        CHECK(errno == EINTR);
}

void waker_rest(struct waker *w)
{
    atomic_store(&w->asleep, true);
}

void waker_rise(struct waker *w)
{
    atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
}

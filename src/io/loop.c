/* The event loop of one shard (epoll(7)). Level-triggered: a link that stops reading half-way is
 * reported again, and in the common case a connection costs one epoll_ctl in its life. */
#include "io/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "io/clock.h"

enum { BATCH = 256, WAIT_MS_MAX = 60000 };

static int error_of(int e)
{
    CHECK(e != EBADF && e != EINVAL && e != EEXIST && e != ENOENT);
    return e == ENOSPC ? ERR_FULL : e == ENOMEM ? ERR_MEMORY : ERR_IO;
}

int loop_init(struct loop *l)
{
    *l = (struct loop){.epoll = -1, .now = clock_now()};
    int err = waker_open(&l->waker);
    if (err != 0)
        return err;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = l};
    if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->waker.fd, &e) != 0) {
        err = errno == EMFILE || errno == ENFILE ? ERR_FULL : ERR_IO;
        loop_close(l);
        return err;
    }
    l->batch = calloc(BATCH, sizeof(*l->batch));
    if (l->batch != NULL)
        return 0;
    loop_close(l);
    return ERR_MEMORY;
}

void loop_close(struct loop *l)
{
    if (l->epoll >= 0)
        close(l->epoll);
    l->epoll = -1;
    waker_close(&l->waker);
    free(l->batch);
    l->batch = NULL;
    l->n = 0;
}

/* Brings the kernel's set in line with f: op is what epoll_ctl is asked for. */
static int control(struct loop *l, struct loop_fd *f, int op)
{
    struct epoll_event e = {.data.ptr = f};
    if (f->want & LOOP_READ)
        e.events |= EPOLLIN;
    if (f->want & LOOP_WRITE)
        e.events |= EPOLLOUT;
    if (f->exclusive)
        e.events |= EPOLLEXCLUSIVE;
    if (epoll_ctl(l->epoll, op, f->fd, &e) != 0)
        return error_of(errno);
    f->in_set = op != EPOLL_CTL_DEL;
    return 0;
}

int loop_watch(struct loop *l, struct loop_fd *f, int fd, unsigned want)
{
    CHECK(!f->watched && f->ready != NULL && fd >= 0);
    f->fd = fd;
    f->exclusive = (want & LOOP_EXCLUSIVE) != 0;
    f->want = want & (LOOP_READ | LOOP_WRITE);
    CHECK(!f->exclusive || f->want == LOOP_READ);
    int err = control(l, f, EPOLL_CTL_ADD);
    f->watched = err == 0;
    return err;
}

int loop_want(struct loop *l, struct loop_fd *f, unsigned want)
{
    CHECK(f->watched && (want & ~(unsigned)(LOOP_READ | LOOP_WRITE)) == 0);
    if (f->want == want)
        return 0;
    uint8_t before = f->want;
    f->want = (uint8_t)want;
    int err = 0;
    if (f->exclusive) { /* cannot be modified, only taken out and put in */
        CHECK((want & LOOP_WRITE) == 0);
        err = control(l, f, want != 0 ? EPOLL_CTL_ADD : EPOLL_CTL_DEL);
    } else if (f->in_set) {
        err = control(l, f, EPOLL_CTL_MOD);
    } else if (want & LOOP_READ) { /* it was taken out when LOOP_GONE had been told */
        err = control(l, f, EPOLL_CTL_ADD);
    }
    if (err != 0)
        f->want = before;
    return err;
}

void loop_forget(struct loop *l, struct loop_fd *f)
{
    if (!f->watched)
        return;
    if (f->in_set)
        CHECK(control(l, f, EPOLL_CTL_DEL) == 0);
    f->watched = f->in_set = false;
    for (int i = l->at; i < l->n; i++) {
        if (l->batch[i].data.ptr == f)
            l->batch[i].data.ptr = NULL;
    }
}

static void dispatch(struct loop *l, const struct epoll_event *e, void *ctx)
{
    struct loop_fd *f = e->data.ptr;
    unsigned events = 0;
    if (e->events & EPOLLIN)
        events |= LOOP_READ;
    if (e->events & EPOLLOUT)
        events |= LOOP_WRITE;
    if (e->events & (EPOLLHUP | EPOLLERR))
        events |= LOOP_READ | LOOP_WRITE | LOOP_GONE;
    events &= f->want | LOOP_GONE;
    if ((events & LOOP_GONE) && !(f->want & LOOP_READ) && f->in_set)
        CHECK(control(l, f, EPOLL_CTL_DEL) == 0); /* or it would be reported for ever */
    if (events != 0)
        f->ready(f, events, ctx);
}

static int wait_ms(const struct loop *l, uint64_t deadline_ms)
{
    if (deadline_ms <= l->now.mono_ms)
        return 0;
    uint64_t now = clock_now().mono_ms;
    if (deadline_ms <= now)
        return 0;
    return deadline_ms - now < WAIT_MS_MAX ? (int)(deadline_ms - now) : WAIT_MS_MAX;
}

void loop_once(struct loop *l, uint64_t deadline_ms, bool (*pending)(void *ctx), void *ctx)
{
    int timeout = wait_ms(l, deadline_ms);
    if (timeout > 0) {
        waker_rest(&l->waker);
        if (atomic_load(&l->stop) || (pending != NULL && pending(ctx)))
            timeout = 0;
    }
    int n = epoll_wait(l->epoll, l->batch, BATCH, timeout);
    waker_rise(&l->waker);
    CHECK(n >= 0 || errno == EINTR);
    l->now = clock_now();
    l->turns++;
    l->n = n > 0 ? n : 0;
    for (l->at = 0; l->at < l->n;) {
        const struct epoll_event e = l->batch[l->at++];
        if (e.data.ptr != NULL && e.data.ptr != l)
            dispatch(l, &e, ctx);
    }
    l->at = l->n = 0;
}

void loop_run(struct loop *l, const struct loop_hooks *hooks, void *ctx)
{
    while (!atomic_load(&l->stop)) {
        uint64_t deadline_ms = hooks->turn(ctx, l->now);
        loop_once(l, deadline_ms, hooks->pending, ctx);
    }
}

void loop_wake(struct loop *l)
{
    waker_wake(&l->waker);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    waker_wake(&l->waker);
}

/* Descriptors and alarms of the program, in the loop. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/err.h"
#include "client/loop_inside.h"
#include "io/clock.h"

struct watch {
    struct list link;
    struct loop_fd f;
    burble_fd_fn *fn;
    void *arg;
};

struct alarm {
    struct list link;
    struct timer timer;
    uint64_t handle;
    burble_alarm_fn *fn;
    void *arg;
};

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)ctx;
    struct watch *w = CONTAINER_OF(f, struct watch, f);
    w->fn(f->fd, events, w->arg); /* the bits are the same */
}

static void forget(struct burble_loop *l, struct watch *w)
{
    loop_forget(&l->io, &w->f);
    list_remove(&w->link);
    free(w);
}

int burble_loop_watch(struct burble_loop *l, int fd, unsigned events, burble_fd_fn *fn, void *arg)
{
    LIST_EACH(it, &l->watches)
    {
        struct watch *w = CONTAINER_OF(it, struct watch, link);
        if (w->f.fd != fd)
            continue;
        if (events == 0) {
            forget(l, w);
            return 0;
        }
        w->fn = fn;
        w->arg = arg;
        return loop_want(&l->io, &w->f, events);
    }
    if (events == 0)
        return 0;
    if (fcntl(fd, F_GETFD) < 0)
        return ERR_IO;
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_MEMORY;
    *w = (struct watch){.fn = fn, .arg = arg, .f.ready = ready};
    int err = loop_watch(&l->io, &w->f, fd, events);
    if (err != 0) {
        free(w);
        return err;
    }
    list_push(&l->watches, &w->link);
    return 0;
}

static void fired(struct timer *t, void *ctx)
{
    (void)ctx;
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    burble_alarm_fn *fn = a->fn;
    void *arg = a->arg;
    list_remove(&a->link);
    free(a);
    fn(arg);
}

int burble_loop_alarm(struct burble_loop *l, uint32_t ms, burble_alarm_fn *fn, void *arg,
                      uint64_t *handle_out)
{
    struct alarm *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_MEMORY;
    *a = (struct alarm){.fn = fn, .arg = arg, .handle = ++l->next_alarm, .timer.fire = fired};
    list_push(&l->alarms, &a->link);
    timer_set(&l->timers, &a->timer, clock_now().mono_ms + ms);
    if (handle_out != NULL)
        *handle_out = a->handle;
    loop_wake(&l->io);
    return 0;
}

void burble_loop_unalarm(struct burble_loop *l, uint64_t handle)
{
    LIST_EACH(it, &l->alarms)
    {
        struct alarm *a = CONTAINER_OF(it, struct alarm, link);
        if (a->handle != handle)
            continue;
        timer_stop(&a->timer);
        list_remove(&a->link);
        free(a);
    }
}

void loop_watches_free(struct burble_loop *l)
{
    while (!list_empty(&l->watches))
        forget(l, CONTAINER_OF(l->watches.next, struct watch, link));
    while (!list_empty(&l->alarms)) {
        struct alarm *a = CONTAINER_OF(list_pop(&l->alarms), struct alarm, link);
        timer_stop(&a->timer);
        free(a);
    }
}

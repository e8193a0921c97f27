/* The ready-made loop: burble/burble_loop.h. It and its parts (loop_*.c) alone of this room make
 * system calls, through io. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "client/client.h"
#include "client/loop_inside.h"
#include "io/clock.h"
#include "io/random.h"

int burble_loop_new(const struct burble_loop_config *config, struct burble_loop **out)
{
    struct burble_loop_config own;
    *out = NULL;
    int err = client_take(&own, sizeof(own), config);
    if (err != 0)
        return err;
    struct resolver_options dns = {.servers = own.nameservers};
    struct burble_loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_MEMORY;
    list_init(&l->entries);
    list_init(&l->dirty);
    list_init(&l->gone);
    list_init(&l->watches);
    list_init(&l->alarms);
    random_init(&l->rng);
    timers_init(&l->timers, clock_now().mono_ms);
    err = loop_init(&l->io);
    if (err != 0) {
        free(l);
        return err;
    }
    l->io.now = clock_now();
    err = resolver_open(&l->io, &dns, &l->resolver);
    if (err == 0 && own.ca_file != NULL) {
        struct buf copy = {0};
        err = buf_add(&copy, slice_z(own.ca_file)) != 0 || buf_byte(&copy, '\0') != 0 ? ERR_MEMORY
                                                                                      : 0;
        l->ca_file = copy.ptr;
    }
    if (err != 0) {
        burble_loop_free(&l);
        return err;
    }
    waker_rest(&l->io.waker);
    *out = l;
    return 0;
}

static void destroy(struct burble_loop *l)
{
    loop_entries_sweep(l);
    resolver_close(&l->resolver);
    loop_close(&l->io);
    burble_trust_free(&l->trust);
    free(l->ca_file);
    free(l);
}

void burble_loop_free(struct burble_loop **loop)
{
    struct burble_loop *l = *loop;
    *loop = NULL;
    if (l == NULL)
        return;
    loop_entries_free(l);
    loop_watches_free(l);
    l->doomed = true;
    if (!l->turning)
        destroy(l);
}

static uint64_t deadline(struct burble_loop *l)
{
    if (!list_empty(&l->dirty))
        return 0;
    uint64_t a = timers_deadline(&l->timers), b = resolver_deadline(l->resolver);
    return a < b ? a : b;
}

/* False: the loop was freed in a callback. */
static bool turn(struct burble_loop *l, uint64_t until)
{
    l->turning = true;
    loop_once(&l->io, until, NULL, l);
    if (!l->doomed)
        resolver_run(l->resolver, l->io.now);
    if (!l->doomed)
        timers_run(&l->timers, l->io.now.mono_ms, l);
    if (!l->doomed)
        loop_entries_turn(l);
    l->turning = false;
    if (l->doomed) {
        destroy(l);
        return false;
    }
    loop_entries_sweep(l);
    waker_rest(&l->io.waker); /* from now on a wake makes the descriptor readable */
    return true;
}

int burble_loop_run(struct burble_loop *l)
{
    if (l->turning)
        return ERR_BUSY;
    while (!atomic_load(&l->io.stop)) {
        if (loop_entries_idle(l) && list_empty(&l->dirty))
            break;
        if (!turn(l, deadline(l)))
            return 0;
    }
    atomic_store(&l->io.stop, false);
    return 0;
}

void burble_loop_stop(struct burble_loop *l)
{
    loop_stop(&l->io);
}

int burble_loop_fd(const struct burble_loop *l)
{
    return l->io.epoll;
}

int burble_loop_wait_ms(struct burble_loop *l)
{
    uint64_t at = deadline(l), now = clock_now().mono_ms;
    if (at == TIME_NEVER)
        return -1;
    return at <= now ? 0 : at - now > INT32_MAX ? INT32_MAX : (int)(at - now);
}

int burble_loop_wait(struct burble_loop *l, int ms)
{
    uint64_t until = deadline(l);
    if (l->turning)
        return ERR_BUSY;
    if (ms >= 0) {
        uint64_t latest = clock_now().mono_ms + (uint64_t)ms;
        until = until < latest ? until : latest;
    }
    (void)turn(l, until);
    return 0;
}

void burble_loop_step(struct burble_loop *l)
{
    if (!l->turning)
        (void)turn(l, 0);
}

void burble_loop_wake(struct burble_loop *l)
{
    loop_wake(&l->io);
}

int burble_run(struct burble *c)
{
    struct burble_loop *l;
    int err = burble_loop_new(NULL, &l);
    if (err != 0)
        return err;
    err = burble_loop_add(l, c);
    if (err == 0)
        err = burble_connect(c);
    if (err == 0)
        err = burble_loop_run(l);
    burble_loop_free(&l);
    return err;
}

/* The main thread: signals, the control socket, reloads, the watchdog, the end (O10). */
#include "burbled/server.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "burbled/control_server.h"
#include "burbled/server_inside.h"
#include "io/clock.h"
#include "io/signals.h"

enum {
    TICK_MS = 1000,
    STOP_MS = 4000,  /* all streams are closed by then, or cut */
    ABORT_MS = 4900, /* a shard that has not even cut them by then is broken */
    INSPECT_MS = 86400000,
};

static void order_all(struct server *s, enum order_kind kind)
{
    for (uint32_t i = 0; i < s->all.count; i++) {
        struct order *o = mem_new(struct order);
        o->kind = kind;
        shard_order(s->all.list[i], o);
    }
}

/* ------------------------------------------------------------------------------------------- end
 */

static void abort_all(struct server *s)
{
    if (!s->aborted)
        order_all(s, ORDER_ABORT);
    s->aborted = true;
}

void server_stop(struct server *s)
{
    struct log_line l;
    if (s->stopping) {
        abort_all(s);
        return;
    }
    s->stopping = true;
    s->stop_at_ms = s->loop.now.mono_ms;
    s->stop_left = s->all.count;
    notify_stopping(&s->notify);
    log_begin(&l, &s->log, LOG_INFO, "stop");
    log_num(&l, "uptime_s", (long long)((s->loop.now.mono_ms - s->started_mono_ms) / 1000));
    log_end(&l);
    order_all(s, ORDER_STOP);
}

static void signalled(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)events;
    struct server *s = ctx;
    int signal = signals_next(f->fd);
    if (signal == SIGTERM || signal == SIGINT)
        server_stop(s);
    else if (signal == SIGHUP)
        server_reload(s, NULL, 0);
}

/* ------------------------------------------------------------------------------------------ turn
 */

static void take_order(struct server *s, struct order *o)
{
    switch (o->kind) {
    case ORDER_RELOAD:
        reload_ack(s);
        break;
    case ORDER_STOP:
        s->stop_left--;
        break;
    case ORDER_PING:
        s->pings_left--;
        break;
    case ORDER_EVICT:
    case ORDER_ABORT:
        UNREACHABLE();
    }
    mem_free(o);
}

static void take_all(struct server *s)
{
    struct mailbox_node *n, *next;
    for (n = mailbox_take(&s->all.main_orders); n != NULL; n = next) {
        next = n->next;
        take_order(s, CONTAINER_OF(n, struct order, node));
    }
    for (n = mailbox_take(&s->all.main_mails); n != NULL; n = next) {
        next = n->next;
        struct mail *m = CONTAINER_OF(n, struct mail, next_node);
        CHECK(m->kind == MAIL_ADMIN_DONE);
        control_answer(s->control, m->object);
        mail_free(&m);
    }
    for (n = mailbox_take(&s->all.main_answers); n != NULL; n = next) {
        next = n->next;
        struct store_request *r = CONTAINER_OF(n, struct store_request, link);
        if (r->ticket == 0)
            s->probe_left = false;
        else
            control_probed(s->control, r);
        store_request_free(&r);
    }
}

/* The watchdog is fed when all shards and the writer of the store have answered since last time. */
static void watchdog(struct server *s, struct now now)
{
    if (s->notify.watchdog_ms == 0 || now.mono_ms < s->watchdog_at_ms || s->pings_left > 0 ||
        s->probe_left || s->stopping)
        return;
    notify_watchdog(&s->notify);
    s->watchdog_at_ms = now.mono_ms + s->notify.watchdog_ms / 3;
    s->pings_left = s->all.count;
    s->probe_left = true;
    order_all(s, ORDER_PING);
    struct store_request *r = store_batch_new(s->all.count, 0);
    store_delete(r, SLICE("burbled"), SLICE("watchdog"), SLICE("")); /* there is none */
    store_submit(s->all.store, r);
}

static void tick(struct server *s, struct now now)
{
    if (now.mono_ms < s->tick_at_ms)
        return;
    s->tick_at_ms = now.mono_ms + TICK_MS;
    logger_tick(s->logger);
    control_tick(s->control, now);
    server_watch_memory(s, now);
    if (now.mono_ms >= s->inspect_at_ms) {
        s->inspect_at_ms = now.mono_ms + INSPECT_MS;
        server_inspect_certificates(s);
    }
}

/* Returns when to look again. What one shard did last may have given another some work: they are
 * asked twice. */
static uint64_t stopping(struct server *s, struct now now)
{
    if (s->stop_left == 0 && !s->stop_asked_again) {
        s->stop_asked_again = true;
        s->stop_left = s->all.count;
        order_all(s, ORDER_STOP);
    }
    if (s->stop_left == 0) {
        control_stopped(s->control);
        loop_stop(&s->loop);
    } else if (now.mono_ms >= s->stop_at_ms + ABORT_MS) {
        (void)server_fail(s, EXIT_INTERNAL, "stop.stuck", "%u shards do not end",
                          (unsigned)s->stop_left);
        _exit(EXIT_INTERNAL); /* what was acknowledged is on disk */
    } else if (now.mono_ms >= s->stop_at_ms + STOP_MS) {
        abort_all(s);
        return s->stop_at_ms + ABORT_MS;
    }
    return s->stop_at_ms + STOP_MS;
}

static uint64_t turn(void *ctx, struct now now)
{
    struct server *s = ctx;
    take_all(s);
    if (atomic_load(&s->store_failed) && !s->stopping) {
        s->exit = EXIT_STORAGE;
        server_stop(s);
    }
    tick(s, now);
    watchdog(s, now);
    uint64_t at = s->tick_at_ms;
    if (s->stopping)
        at = stopping(s, now);
    return s->notify.watchdog_ms != 0 && s->watchdog_at_ms < at && !s->probe_left &&
                   s->pings_left == 0 && !s->stopping
               ? s->watchdog_at_ms
               : at;
}

static bool pending(void *ctx)
{
    struct server *s = ctx;
    return !mailbox_empty(&s->all.main_mails) || !mailbox_empty(&s->all.main_orders) ||
           !mailbox_empty(&s->all.main_answers) || atomic_load(&s->store_failed);
}

int server_main(const char *config_path)
{
    static const struct loop_hooks hooks = {.turn = turn, .pending = pending};
    struct server *s = mem_new(struct server);
    s->config_path = config_path;
    s->exit = server_start(s);
    if (s->exit == EXIT_GOOD) {
        int fd = s->signals.fd;
        s->signals.ready = signalled;
        CHECK(loop_watch(&s->loop, &s->signals, fd, LOOP_READ) == 0);
        loop_run(&s->loop, &hooks, s);
    }
    int exit = s->exit;
    server_free(s);
    mem_free(s);
    return exit;
}

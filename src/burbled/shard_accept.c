/* Accepting: every shard watches every listening socket, and the kernel wakes one of them. The gate
 * is asked at once (L8, L9); when the descriptors run out, the oldest connection that has not
 * logged in gives way (R03). */
#include "base/err.h"
#include "base/mem.h"
#include "burbled/shard_inside.h"

enum {
    ACCEPTS_PER_TURN = 32, /* the rest is for the other shards, or for the next turn */
    PAUSE_MS = 100,        /* after the kernel had no memory or no descriptor for us (N08) */
    WARN_MS = 1000,
};

static void warn(struct shard *s, const char *cond)
{
    if (s->loop.now.mono_ms < s->warned_ms + WARN_MS && s->warned_ms != 0)
        return;
    s->warned_ms = s->loop.now.mono_ms;
    struct log_line l;
    log_begin(&l, &s->log, LOG_WARNING, "conn.emfile");
    log_z(&l, "cond", cond);
    log_end(&l);
}

static void pause_all(struct shard *s)
{
    for (uint32_t i = 0; i < s->acceptor_count; i++)
        if (s->acceptors[i].watch.watched)
            (void)loop_want(&s->loop, &s->acceptors[i].watch, 0);
    s->accept_at_ms = s->loop.now.mono_ms + PAUSE_MS;
}

void acceptors_resume(struct shard *s, struct now now)
{
    if (s->accept_at_ms == 0 || now.mono_ms < s->accept_at_ms)
        return;
    s->accept_at_ms = 0;
    for (uint32_t i = 0; i < s->acceptor_count; i++)
        if (s->acceptors[i].watch.watched &&
            loop_want(&s->loop, &s->acceptors[i].watch, LOOP_READ) != 0)
            s->accept_at_ms = now.mono_ms + PAUSE_MS;
}

void acceptors_evict(struct shard *s, struct gate_owner victim)
{
    if (victim.shard != s->index) {
        struct order *o = mem_new(struct order);
        *o = (struct order){.kind = ORDER_EVICT, .conn = victim.conn};
        shard_order(s->all->list[victim.shard], o);
        return;
    }
    struct conn *c = conn_find(s, victim.conn);
    if (c == NULL)
        return;
    struct log_line l;
    log_begin(&l, &s->log, LOG_WARNING, "conn.limit");
    log_num(&l, "conn", (long long)victim.conn);
    log_z(&l, "cond", "oldest-unauthenticated");
    log_end(&l);
    conn_drop(s, c);
}

/* No descriptor is left. True when it is worth trying again at once. */
static bool make_room(struct shard *s, int listener)
{
    struct gate_owner victim;
    if (gate_evict(s->all->gate, &victim)) {
        warn(s, "oldest-unauthenticated-closed");
        acceptors_evict(s, victim);
        return victim.shard == s->index;
    }
    warn(s, "turned-away");
    return conn_turn_away(&s->reserve, listener);
}

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)events;
    struct shard *s = ctx;
    const struct acceptor *a = CONTAINER_OF(f, struct acceptor, watch);
    node_now(s->node, s->loop.now);
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct addr peer;
        int fd, err = conn_accept(f->fd, &fd, &peer);
        if (err == 0) {
            conn_begin(s, fd, a->listener, &peer);
        } else if (err == ERR_BUSY) {
            return;
        } else if (err != ERR_CLOSED && (err != ERR_FULL || !make_room(s, f->fd))) {
            pause_all(s);
            return;
        }
    }
}

void acceptors_clear(struct shard *s)
{
    for (uint32_t i = 0; i < s->acceptor_count; i++)
        loop_forget(&s->loop, &s->acceptors[i].watch);
    mem_free(s->acceptors);
    s->acceptors = NULL;
    s->acceptor_count = 0;
}

void acceptors_set(struct shard *s, const struct setup *setup)
{
    acceptors_clear(s);
    s->acceptor_count = setup->config.listen_count;
    s->acceptors = mem_array(s->acceptor_count, sizeof(*s->acceptors));
    for (uint32_t i = 0; i < s->acceptor_count; i++) {
        struct acceptor *a = &s->acceptors[i];
        a->listener = i;
        a->watch.ready = ready;
        if (loop_watch(&s->loop, &a->watch, setup->listeners[i].fd, LOOP_READ | LOOP_EXCLUSIVE) !=
            0)
            warn(s, "cannot-listen");
    }
}

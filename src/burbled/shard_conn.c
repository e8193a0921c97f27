/* The connections of a shard: reading, writing, ending, moving. */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "burbled/shard_inside.h"

enum {
    LINGER_MS = 5000, /* X26: for the peer to close after both streams ended */
    LINGER_STOP_MS = 500,
    LINGER_BYTES = 1 << 20, /* what a peer that goes on sending may still waste (X20) */
};

struct conn *conn_find(struct shard *s, uint64_t number)
{
    struct hnode *n = hmap_first(&s->conns, number);
    return n != NULL ? CONTAINER_OF(n, struct conn, node) : NULL;
}

/* The descriptor is closed already, or is closed here. */
static void destroy(struct shard *s, struct conn *c)
{
    CHECK(c->link == NULL);
    loop_forget(&s->loop, &c->watch);
    conn_close(&c->watch.fd);
    if (c->linger != NULL)
        list_remove(&c->linger->link);
    mem_free(c->linger);
    hmap_remove(&s->conns, &c->node);
    gate_leave(s->all->gate, &c->ticket, s->loop.now);
    mem_free(c);
}

static void let_go(struct shard *s, struct conn *c)
{
    struct node_link *l = c->link;
    c->link = NULL;
    if (l != NULL)
        node_link_lost(s->node, l);
}

void conn_drop(struct shard *s, struct conn *c)
{
    let_go(s, c);
    destroy(s, c);
}

/* Everything is sent: ends the own direction and waits for the peer's end, so that the last bytes
 * are not overtaken by a reset. */
static void finish(struct shard *s, struct conn *c)
{
    let_go(s, c);
    conn_end(c->watch.fd);
    c->linger = mem_new(struct linger);
    c->linger->conn = c;
    c->linger->until_ms = s->loop.now.mono_ms + (s->stop != NULL ? LINGER_STOP_MS : LINGER_MS);
    c->linger->bytes = LINGER_BYTES;
    list_push(&s->lingering, &c->linger->link);
    if (loop_want(&s->loop, &c->watch, LOOP_READ) != 0)
        destroy(s, c);
}

/* Throws away what the peer still sends. */
static void linger(struct shard *s, struct conn *c)
{
    size_t got;
    int err = conn_read(c->watch.fd, s->read, SHARD_READ_BYTES, &got);
    if (err == 0 && got <= c->linger->bytes)
        c->linger->bytes -= (uint32_t)got;
    else if (err != ERR_BUSY)
        destroy(s, c);
}

/* Sends what the node has; the connection may be gone afterwards. */
static void flush(struct shard *s, struct conn *c)
{
    struct buf *out = node_output(c->link);
    if (buf_len(out) > 0) {
        int err = conn_flush(c->watch.fd, out);
        if (err != 0 && err != ERR_BUSY) {
            conn_drop(s, c);
            return;
        }
        node_sent(s->node, c->link);
    }
    if (node_finished(c->link)) {
        finish(s, c);
        return;
    }
    unsigned want = node_wants_input(c->link) ? LOOP_READ : 0;
    if (buf_len(node_output(c->link)) > 0)
        want |= LOOP_WRITE;
    if (loop_want(&s->loop, &c->watch, want) != 0)
        conn_drop(s, c);
}

static void take_input(struct shard *s, struct conn *c)
{
    size_t got;
    int err = conn_read(c->watch.fd, s->read, SHARD_READ_BYTES, &got);
    if (err == 0)
        node_input(s->node, c->link, slice_of(s->read, got));
    else if (err != ERR_BUSY)
        conn_drop(s, c);
}

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    struct shard *s = ctx;
    struct conn *c = CONTAINER_OF(f, struct conn, watch);
    node_now(s->node, s->loop.now);
    if (c->link == NULL)
        linger(s, c);
    else if ((events & LOOP_READ) != 0 && node_wants_input(c->link))
        take_input(s, c);
    else if ((events & LOOP_WRITE) != 0)
        flush(s, c);
}

void conn_begin(struct shard *s, int fd, uint32_t listener, const struct addr *peer)
{
    struct conn *c = mem_new(struct conn);
    uint64_t number = atomic_fetch_add(&s->all->next_conn, 1);
    struct gate_owner owner = {.shard = s->index, .conn = number}, victim;
    bool evict;
    char text[ADDR_TEXT_BYTES];
    addr_host(peer, text);
    enum gate_verdict verdict =
        gate_enter(s->all->gate, &c->ticket, peer, owner, s->loop.now, &evict, &victim);
    if (verdict != GATE_IN) {
        struct log_line l;
        log_begin(&l, &s->log, LOG_WARNING, "conn.limit");
        log_z(&l, "peer", text);
        log_z(&l, "cond", verdict == GATE_MANY ? "too-many" : "too-fast");
        log_end(&l);
        conn_close(&fd);
        mem_free(c);
        return;
    }
    c->watch.ready = ready;
    hmap_insert(&s->conns, &c->node, number);
    if (loop_watch(&s->loop, &c->watch, fd, LOOP_READ) != 0) {
        c->watch.fd = fd;
        destroy(s, c);
    } else {
        c->link = node_accept(s->node, listener, text, number, c);
    }
    if (evict)
        acceptors_evict(s, victim);
}

void conns_flush(struct shard *s)
{
    struct node_link *l;
    while ((l = node_next_ready(s->node)) != NULL)
        flush(s, node_owner(l));
}

void conns_move(struct shard *s)
{
    uint32_t to;
    struct node_link *l;
    while ((l = node_next_moving(s->node, &to)) != NULL) {
        struct conn *c = node_owner(l);
        loop_forget(&s->loop, &c->watch);
        hmap_remove(&s->conns, &c->node);
        struct mail *m = mail_new(MAIL_LINK, s->index, to);
        m->object = l;
        shard_mail(s->all->list[to], m);
    }
}

void conn_arrive(struct shard *s, struct node_link *l)
{
    struct conn *c = node_owner(l);
    hmap_insert(&s->conns, &c->node, c->node.hash);
    int err = loop_watch(&s->loop, &c->watch, c->watch.fd, 0);
    node_adopt(s->node, l, c);
    if (err != 0)
        conn_drop(s, c);
    else
        flush(s, c);
}

void conns_linger(struct shard *s, struct now now)
{
    while (!list_empty(&s->lingering)) {
        const struct linger *first = CONTAINER_OF(s->lingering.next, struct linger, link);
        if (first->until_ms > now.mono_ms)
            return;
        destroy(s, first->conn);
    }
}

void conns_hurry(struct shard *s)
{
    LIST_EACH(it, &s->lingering)
    {
        struct linger *l = CONTAINER_OF(it, struct linger, link);
        if (l->until_ms > s->loop.now.mono_ms + LINGER_STOP_MS)
            l->until_ms = s->loop.now.mono_ms + LINGER_STOP_MS;
    }
}

uint64_t conns_deadline(const struct shard *s)
{
    if (list_empty(&s->lingering))
        return TIME_NEVER;
    return CONTAINER_OF(s->lingering.next, struct linger, link)->until_ms;
}

void conns_drop_all(struct shard *s)
{
    struct hnode *n = hmap_walk(&s->conns, NULL), *next;
    for (; n != NULL; n = next) {
        next = hmap_walk(&s->conns, n);
        conn_drop(s, CONTAINER_OF(n, struct conn, node));
    }
}

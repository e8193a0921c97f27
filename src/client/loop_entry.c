/* A client in the loop: its effects become look-ups and sockets, what these say becomes its input.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "client/client.h"
#include "client/loop_inside.h"
#include "io/conn.h"
#include "io/files.h"

enum { CA_BYTES_MAX = 16 << 20 };

struct entry {
    struct list link, dirty;
    struct burble_loop *loop;
    struct burble *client; /* NULL: gone, only its memory is left */
    struct timer timer;
    struct list conns, lookups;
};

struct conn {
    struct list link;
    struct loop_fd f;
    struct entry *entry;
    uint32_t id;
    int fd;
    bool connected;
    bool deaf; /* it takes nothing more; what it has said is still to be read */
};

struct lookup {
    struct list link;
    struct entry *entry;
    uint32_t id;
    uint64_t handle;
};

static struct burble_now now_of(const struct burble_loop *l)
{
    return (struct burble_now){.mono_ms = l->io.now.mono_ms, .wall_ms = l->io.now.wall_ms};
}

static void mark(struct entry *e)
{
    if (e->client != NULL && !list_linked(&e->dirty))
        list_push(&e->loop->dirty, &e->dirty);
}

static void feed(struct entry *e, const struct burble_input *in)
{
    if (e->client != NULL)
        (void)burble_feed(e->client, in, now_of(e->loop));
    mark(e); /* freed or not: its turn comes at the end of this one */
}

/* ---------------------------------------------------------------------------------- connections */

static void conn_drop(struct conn *n)
{
    loop_forget(&n->entry->loop->io, &n->f);
    conn_close(&n->fd);
    list_remove(&n->link);
    free(n);
}

static struct conn *conn_find(struct entry *e, uint32_t id)
{
    LIST_EACH(it, &e->conns)
    if (CONTAINER_OF(it, struct conn, link)->id == id)
        return CONTAINER_OF(it, struct conn, link);
    return NULL;
}

/* The connection ends; the client hears why. */
static void conn_lost(struct conn *n, const char *failure)
{
    struct entry *e = n->entry;
    struct burble_input in = {.kind = BURBLE_IN_CLOSED, .id = n->id, .failure = failure};
    conn_drop(n);
    feed(e, &in);
}

static const char *failure_text(int err)
{
    return err == ERR_REFUSED  ? "connection refused"
           : err == ERR_CLOSED ? "no answer, or no way there"
           : err == ERR_FULL   ? "no descriptor left"
                               : "the connection failed";
}

static void flush(struct conn *n)
{
    struct entry *e = n->entry;
    const void *data;
    uint32_t id;
    size_t len;
    while ((len = burble_output(e->client, &data, &id)) > 0 && id == n->id) {
        struct slice piece = slice_of(data, len);
        size_t wrote = 0;
        int err = conn_write(n->fd, &piece, 1, &wrote);
        burble_wrote(e->client, wrote);
        if (err == ERR_BUSY) {
            (void)loop_want(&e->loop->io, &n->f, LOOP_READ | LOOP_WRITE);
            return;
        }
        if (err != 0) {
            n->deaf = true;
            (void)loop_want(&e->loop->io, &n->f, LOOP_READ);
            return;
        }
    }
    if (burble_output_ends(e->client))
        conn_end(n->fd);
    (void)loop_want(&e->loop->io, &n->f, LOOP_READ);
}

/* One piece; the rest makes the descriptor ready again, so that others get their turn. */
static void readable(struct conn *n)
{
    struct entry *e = n->entry;
    size_t got;
    int err = conn_read(n->fd, e->loop->bytes, sizeof(e->loop->bytes), &got);
    if (err == ERR_BUSY)
        return;
    if (err != 0) {
        conn_lost(n, err == ERR_CLOSED ? NULL : "the connection was reset");
        return;
    }
    feed(e, &(struct burble_input){
                .kind = BURBLE_IN_BYTES, .id = n->id, .data = e->loop->bytes, .len = got});
}

static void ready(struct loop_fd *f, unsigned events, void *ctx)
{
    (void)ctx;
    struct conn *n = CONTAINER_OF(f, struct conn, f);
    if (!n->connected) {
        int err = conn_connected(n->fd);
        if (err == ERR_BUSY)
            return;
        if (err != 0) {
            conn_lost(n, failure_text(err));
            return;
        }
        n->connected = true;
        (void)loop_want(&n->entry->loop->io, f, LOOP_READ);
        feed(n->entry, &(struct burble_input){.kind = BURBLE_IN_CONNECTED, .id = n->id});
        return;
    }
    if ((events & LOOP_WRITE) != 0)
        mark(n->entry);
    if ((events & (LOOP_READ | LOOP_GONE)) != 0)
        readable(n);
}

static void do_connect(struct entry *e, const struct burble_effect *effect)
{
    struct addr to = {.family = effect->address.family,
                      .port = effect->address.port,
                      .scope = effect->address.scope};
    memcpy(to.ip, effect->address.ip, sizeof(to.ip));
    struct conn *n = calloc(1, sizeof(*n));
    int fd = -1, err = n == NULL ? ERR_MEMORY : conn_connect(&to, &fd);
    if (err == 0) {
        *n = (struct conn){.entry = e, .id = effect->id, .fd = fd, .f.ready = ready};
        err = loop_watch(&e->loop->io, &n->f, fd, LOOP_WRITE);
    }
    if (err == 0) {
        list_push(&e->conns, &n->link);
        return;
    }
    if (fd >= 0)
        conn_close(&fd);
    free(n);
    feed(e, &(struct burble_input){
                .kind = BURBLE_IN_CLOSED, .id = effect->id, .failure = failure_text(err)});
}

/* ------------------------------------------------------------------------------------- look-ups */

static void lookup_drop(struct lookup *k)
{
    list_remove(&k->link);
    free(k);
}

static bool is_absent(enum resolver_result r)
{
    return r == RESOLVER_NO_NAME || r == RESOLVER_NO_DATA;
}

static void srv_found(void *ctx, enum resolver_result result, const struct resolver_srv *records,
                      size_t n)
{
    struct lookup *k = ctx;
    struct entry *e = k->entry;
    struct burble_srv srv[RESOLVER_RECORDS_MAX];
    struct burble_input in = {.kind = BURBLE_IN_SRV, .id = k->id, .srv = srv, .count = n};
    CHECK(n <= RESOLVER_RECORDS_MAX);
    for (size_t i = 0; i < n; i++)
        srv[i] = (struct burble_srv){.priority = records[i].priority,
                                     .weight = records[i].weight,
                                     .port = records[i].port,
                                     .target = records[i].target};
    if (result != RESOLVER_OK)
        in.failure = resolver_result_text(result);
    in.no_name = is_absent(result);
    lookup_drop(k);
    feed(e, &in);
}

static void host_found(void *ctx, enum resolver_result result, const struct addr *addresses,
                       size_t n, bool more)
{
    struct lookup *k = ctx;
    struct entry *e = k->entry;
    struct burble_address found[RESOLVER_RECORDS_MAX];
    struct burble_input in = {
        .kind = BURBLE_IN_HOST, .id = k->id, .addresses = found, .count = n, .more = more};
    CHECK(n <= RESOLVER_RECORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        found[i] =
            (struct burble_address){.family = addresses[i].family, .scope = addresses[i].scope};
        memcpy(found[i].ip, addresses[i].ip, sizeof(found[i].ip));
    }
    if (result != RESOLVER_OK)
        in.failure = resolver_result_text(result);
    in.no_name = is_absent(result);
    if (!more)
        lookup_drop(k);
    feed(e, &in);
}

static void do_resolve(struct entry *e, const struct burble_effect *effect)
{
    struct lookup *k = calloc(1, sizeof(*k));
    bool srv = effect->kind == BURBLE_DO_RESOLVE_SRV;
    if (k != NULL) {
        *k = (struct lookup){.entry = e, .id = effect->id};
        k->handle = srv ? resolver_srv(e->loop->resolver, effect->name, srv_found, k)
                        : resolver_addresses(e->loop->resolver, effect->name, host_found, k);
    }
    if (k != NULL && k->handle != 0) {
        list_push(&e->lookups, &k->link);
        return;
    }
    free(k);
    feed(e, &(struct burble_input){.kind = srv ? BURBLE_IN_SRV : BURBLE_IN_HOST,
                                   .id = effect->id,
                                   .failure = "out of memory"});
}

static void do_cancel(struct entry *e, uint32_t id)
{
    LIST_EACH(it, &e->lookups)
    {
        struct lookup *k = CONTAINER_OF(it, struct lookup, link);
        if (k->id != id)
            continue;
        resolver_cancel(e->loop->resolver, k->handle);
        lookup_drop(k);
    }
}

/* -------------------------------------------------------------------------------------- the turn
 */

static void perform(struct entry *e, const struct burble_effect *effect)
{
    struct conn *n;
    switch (effect->kind) {
    case BURBLE_DO_RESOLVE_SRV:
    case BURBLE_DO_RESOLVE_HOST:
        do_resolve(e, effect);
        return;
    case BURBLE_DO_CONNECT:
        do_connect(e, effect);
        return;
    case BURBLE_DO_CANCEL:
        do_cancel(e, effect->id);
        return;
    case BURBLE_DO_CLOSE:
        n = conn_find(e, effect->id);
        if (n != NULL)
            conn_drop(n);
        return;
    }
}

static void close_all(struct entry *e)
{
    while (!list_empty(&e->conns))
        conn_drop(CONTAINER_OF(e->conns.next, struct conn, link));
    while (!list_empty(&e->lookups)) {
        struct lookup *k = CONTAINER_OF(e->lookups.next, struct lookup, link);
        resolver_cancel(e->loop->resolver, k->handle);
        lookup_drop(k);
    }
}

/* The client goes its own way; the memory stays until nobody can be using it any more. */
static void entry_end(struct entry *e)
{
    struct burble *c = e->client;
    close_all(e);
    timer_stop(&e->timer);
    list_remove(&e->dirty);
    list_remove(&e->link);
    e->client = NULL;
    list_push(&e->loop->gone, &e->link);
    client_unplug(c);
    client_release(c);
}

static void write_out(struct entry *e)
{
    const void *data;
    uint32_t id;
    size_t len = burble_output(e->client, &data, &id);
    struct conn *n = len > 0 || burble_output_ends(e->client) ? conn_find(e, id) : NULL;
    if (n != NULL && !n->deaf)
        flush(n);
}

static void entry_turn(struct entry *e)
{
    struct burble_effect effect;
    if (client_doomed(e->client)) {
        entry_end(e);
        return;
    }
    if (burble_deadline(e->client) <= e->loop->io.now.mono_ms)
        feed(e, &(struct burble_input){.kind = BURBLE_IN_TIME});
    while (e->client != NULL && burble_next(e->client, &effect))
        perform(e, &effect);
    if (e->client != NULL)
        write_out(e);
    if (e->client == NULL)
        return;
    if (client_doomed(e->client)) {
        mark(e);
        return;
    }
    list_remove(&e->dirty); /* all of that was done */
    uint64_t at = burble_deadline(e->client);
    timer_stop(&e->timer);
    if (at <= e->loop->io.now.mono_ms)
        mark(e);
    else if (at != BURBLE_NEVER)
        timer_set(&e->loop->timers, &e->timer, at);
}

/* Those that are marked; who is marked again meanwhile has its turn in the next one, so that nobody
 * keeps the others from theirs. */
void loop_entries_turn(struct burble_loop *l)
{
    struct list now;
    list_init(&now);
    while (!list_empty(&l->dirty))
        list_push(&now, list_pop(&l->dirty));
    while (!list_empty(&now))
        entry_turn(CONTAINER_OF(list_pop(&now), struct entry, dirty));
}

static void due(struct timer *t, void *ctx)
{
    (void)ctx;
    feed(CONTAINER_OF(t, struct entry, timer), &(struct burble_input){.kind = BURBLE_IN_TIME});
}

bool loop_entries_idle(const struct burble_loop *l)
{
    for (const struct list *it = l->entries.next; it != &l->entries; it = it->next) {
        if (!client_idle(CONTAINER_OF(it, const struct entry, link)->client))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------- the public face
 */

static void fill_random(void *ctx, void *out, size_t n)
{
    struct entry *e = ctx;
    rng_bytes(&e->loop->rng, out, n);
}

static void wake(void *ctx)
{
    struct entry *e = ctx;
    mark(e);
    loop_wake(&e->loop->io);
}

static struct burble_trust *trust_from(const char *path)
{
    struct buf pem = {0};
    struct burble_trust *trust = NULL;
    if (path != NULL && file_read(path, CA_BYTES_MAX, &pem, NULL) == 0)
        trust = burble_trust_new(buf_slice(&pem).ptr, buf_len(&pem), NULL, 0, NULL, 0);
    buf_free(&pem);
    return trust;
}

static struct burble_trust *system_trust(void *ctx)
{
    static const char *const PATHS[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
                                        "/etc/ssl/ca-bundle.pem"};
    struct burble_loop *l = ((struct entry *)ctx)->loop;
    if (l->trust == NULL && l->ca_file != NULL) {
        l->trust = trust_from(l->ca_file);
        return l->trust;
    }
    if (l->trust == NULL)
        l->trust = trust_from(secure_getenv("SSL_CERT_FILE"));
    for (size_t i = 0; l->trust == NULL && i < sizeof(PATHS) / sizeof(PATHS[0]); i++)
        l->trust = trust_from(PATHS[i]);
    return l->trust;
}

int burble_loop_add(struct burble_loop *l, struct burble *c)
{
    if (c->holds)
        return ERR_EXISTS;
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_MEMORY;
    *e = (struct entry){.loop = l, .client = c, .timer.fire = due};
    list_init(&e->conns);
    list_init(&e->lookups);
    list_push(&l->entries, &e->link);
    client_hold(c);
    struct burble_outside outside = {
        .random = fill_random, .wake = wake, .trust = system_trust, .ctx = e};
    burble_set_outside(c, &outside);
    wake(e);
    return 0;
}

void burble_loop_remove(struct burble_loop *l, struct burble *c)
{
    LIST_EACH(it, &l->entries)
    {
        struct entry *e = CONTAINER_OF(it, struct entry, link);
        if (e->client == c)
            entry_end(e);
    }
    if (!l->turning)
        loop_entries_sweep(l);
}

void loop_entries_sweep(struct burble_loop *l)
{
    while (!list_empty(&l->gone))
        free(CONTAINER_OF(list_pop(&l->gone), struct entry, link));
}

void loop_entries_free(struct burble_loop *l)
{
    while (!list_empty(&l->entries))
        entry_end(CONTAINER_OF(l->entries.next, struct entry, link));
}

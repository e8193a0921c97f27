/* The life of queries: begun, finished by an answer or their deadline, told, forgotten. What c-ares
 * calls back for is only noted; users are called from resolver_run alone, when c-ares is not on the
 * stack, so they may do what they like. c-ares cannot give up a single question: a query that is
 * over before its questions are stays behind as "gone" until they are, or until no query is left
 * and all are given up together. */
#include "io/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "io/clock.h"
#include "io/resolver_inside.h"

enum { TIMEOUT_MS_MIN = 8 };

int resolver_open(struct loop *l, const struct resolver_options *o, struct resolver **out)
{
    *out = NULL;
    struct resolver *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_MEMORY;
    r->loop = l;
    r->timeout_ms = o != NULL && o->timeout_ms != 0 ? o->timeout_ms : RESOLVER_TIMEOUT_MS;
    if (r->timeout_ms < TIMEOUT_MS_MIN)
        r->timeout_ms = TIMEOUT_MS_MIN;
    if (r->timeout_ms > RESOLVER_TIMEOUT_MS_MAX)
        r->timeout_ms = RESOLVER_TIMEOUT_MS_MAX;
    list_init(&r->sockets);
    list_init(&r->live);
    list_init(&r->gone);
    list_init(&r->ready);
    int err = resolver_channel_open(r, o != NULL ? o->servers : NULL);
    if (err != 0) {
        free(r);
        return err;
    }
    *out = r;
    return 0;
}

static void part_clear(struct resolver_part *p)
{
    free(p->records);
    free(p->message);
    p->records = NULL;
    p->message = NULL;
}

static bool is_asked(const struct resolver_query *q)
{
    return q->parts[0].asked || q->parts[1].asked;
}

static void query_free(struct resolver_query *q)
{
    list_remove(&q->node);
    list_remove(&q->ready);
    for (unsigned i = 0; i < RESOLVER_PARTS_MAX; i++)
        part_clear(&q->parts[i]);
    q->resolver->count--;
    free(q);
}

/* Nobody wants to hear of it any more. */
static void query_drop(struct resolver_query *q)
{
    list_remove(&q->node);
    list_remove(&q->ready);
    list_push(&q->resolver->gone, &q->node);
    q->gone = true;
    if (!is_asked(q) && !q->calling)
        query_free(q);
}

static void part_finish(struct resolver_part *p, enum resolver_result result)
{
    struct resolver_query *q = p->query;
    p->finished = true;
    p->result = result;
    if (result != RESOLVER_OK)
        part_clear(p);
    if (!list_linked(&q->ready))
        list_push(&q->resolver->ready, &q->ready);
}

static enum resolver_result part_read(struct resolver_part *p, const uint8_t *message, size_t len)
{
    p->records = calloc(1, sizeof(*p->records));
    p->message = len > 0 ? malloc(len) : NULL;
    if (p->records == NULL || p->message == NULL)
        return len > 0 ? RESOLVER_MEMORY : RESOLVER_BAD_ANSWER;
    memcpy(p->message, message, len);
    return resolver_answer_read(p->message, len, p->type, p->records);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len)
{
    struct resolver_part *p = arg;
    struct resolver_query *q = p->query;
    (void)timeouts;
    p->asked = false;
    if (q->gone) {
        if (!is_asked(q) && !q->calling)
            query_free(q);
    } else if (!p->finished) {
        part_finish(p, status == ARES_SUCCESS ? part_read(p, message, (size_t)len)
                                              : resolver_channel_result(q, status));
    }
}

/* ----------------------------------------------------------------------------------- begin, end */

static struct resolver_query *query_new(struct resolver *r, void *ctx)
{
    if (r->closed || r->count >= RESOLVER_QUERIES_MAX)
        return NULL;
    struct resolver_query *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    if (r->count == 0)
        resolver_channel_refresh(r);
    r->count++;
    q->resolver = r;
    q->handle = ++r->handles;
    q->deadline_ms = clock_now().mono_ms + r->timeout_ms;
    q->refusals = r->refusals;
    q->ctx = ctx;
    list_push(&r->live, &q->node);
    return q;
}

static struct resolver_part *part_new(struct resolver_query *q, enum resolver_type type)
{
    struct resolver_part *p = &q->parts[q->part_count++];
    *p = (struct resolver_part){.query = q, .type = type};
    return p;
}

static void part_ask(struct resolver_part *p)
{
    p->asked = true;
    resolver_channel_ask(p->query->resolver, p->query->name, p->type, on_answer, p);
}

static uint64_t query_ask(struct resolver_query *q, const char *name, enum resolver_type type)
{
    struct resolver_part *p = part_new(q, type);
    if (resolver_name_read(name, q->name))
        part_ask(p);
    else
        part_finish(p, RESOLVER_BAD_NAME);
    return q->handle;
}

uint64_t resolver_srv(struct resolver *r, const char *name, resolver_srv_fn *fn, void *ctx)
{
    struct resolver_query *q = query_new(r, ctx);
    if (q == NULL)
        return 0;
    q->fn.srv = fn;
    return query_ask(q, name, RESOLVER_SRV);
}

uint64_t resolver_tlsa(struct resolver *r, const char *name, resolver_tlsa_fn *fn, void *ctx)
{
    struct resolver_query *q = query_new(r, ctx);
    if (q == NULL)
        return 0;
    q->fn.tlsa = fn;
    return query_ask(q, name, RESOLVER_TLSA);
}

uint64_t resolver_addresses(struct resolver *r, const char *host, resolver_addr_fn *fn, void *ctx)
{
    struct resolver_query *q = query_new(r, ctx);
    if (q == NULL)
        return 0;
    q->fn.addr = fn;
    struct resolver_part *six = part_new(q, RESOLVER_AAAA);
    enum resolver_result result = RESOLVER_MEMORY;
    six->records = calloc(1, sizeof(*six->records));
    if (six->records == NULL || resolver_local(r, host, &result, six->records)) {
        part_finish(six, result);
        return q->handle;
    }
    part_clear(six);
    struct resolver_part *four = part_new(q, RESOLVER_A);
    (void)resolver_name_read(host, q->name); /* or resolver_local had refused it */
    part_ask(six);
    part_ask(four);
    return q->handle;
}

/* Without queries there are no sockets. */
static void rest(struct resolver *r)
{
    if (list_empty(&r->live) && !list_empty(&r->gone))
        ares_cancel(r->channel);
}

void resolver_cancel(struct resolver *r, uint64_t handle)
{
    LIST_EACH(it, &r->live)
    {
        struct resolver_query *q = CONTAINER_OF(it, struct resolver_query, node);
        if (q->handle == handle) {
            query_drop(q);
            rest(r);
            return;
        }
    }
}

void resolver_close(struct resolver **rp)
{
    struct resolver *r = *rp;
    *rp = NULL;
    if (r == NULL)
        return;
    CHECK(!r->closed);
    r->closed = true;
    while (!list_empty(&r->live))
        query_drop(CONTAINER_OF(r->live.next, struct resolver_query, node));
    resolver_channel_close(r);
    if (!r->running)
        free(r);
}

/* ---------------------------------------------------------------------------------- the callbacks
 */

/* Of two results the one that says more: an address, then that something is not known, then that
 * the name does not exist. */
static unsigned weight_of(enum resolver_result result)
{
    return result == RESOLVER_OK        ? 3
           : result == RESOLVER_NO_NAME ? 1
           : result == RESOLVER_NO_DATA ? 0
                                        : 2;
}

static enum resolver_result whole_result(const struct resolver_query *q)
{
    enum resolver_result result = q->parts[0].result;
    for (unsigned i = 1; i < q->part_count; i++) {
        if (weight_of(q->parts[i].result) > weight_of(result))
            result = q->parts[i].result;
    }
    return result;
}

static void call_part(struct resolver_query *q, struct resolver_part *p)
{
    const struct resolver_records *records = p->records;
    size_t n = records != NULL ? records->n : 0;
    bool more = false;
    switch (p->type) {
    case RESOLVER_SRV:
        q->fn.srv(q->ctx, p->result, n > 0 ? records->of.srv : NULL, n);
        break;
    case RESOLVER_TLSA:
        q->fn.tlsa(q->ctx, p->result, n > 0 ? records->of.tlsa : NULL, n,
                   n > 0 && records->authenticated);
        break;
    default:
        for (unsigned i = 0; i < q->part_count; i++)
            more |= !q->parts[i].told;
        q->fn.addr(q->ctx, more ? p->result : whole_result(q), n > 0 ? records->of.addr : NULL, n,
                   more);
    }
}

static void query_tell(struct resolver_query *q)
{
    unsigned told = 0;
    q->calling = true;
    for (unsigned i = 0; i < q->part_count; i++) {
        struct resolver_part *p = &q->parts[i];
        if (p->finished && !p->told && !q->gone) {
            p->told = true;
            call_part(q, p);
            part_clear(p);
        }
        told += p->told;
    }
    q->calling = false;
    if (q->gone) {
        if (!is_asked(q))
            query_free(q);
    } else if (told == q->part_count) {
        query_drop(q);
    }
}

static void end_overdue(struct resolver *r, uint64_t now_ms)
{
    LIST_EACH(it, &r->live)
    {
        struct resolver_query *q = CONTAINER_OF(it, struct resolver_query, node);
        if (q->deadline_ms > now_ms)
            break;
        for (unsigned i = 0; i < q->part_count; i++) {
            if (!q->parts[i].finished)
                part_finish(&q->parts[i], RESOLVER_TIMEOUT);
        }
    }
}

void resolver_run(struct resolver *r, struct now now)
{
    struct list batch, *node;
    CHECK(!r->running && !r->closed);
    if (r->count == 0)
        return;
    r->running = true;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    end_overdue(r, now.mono_ms);
    /* What callbacks begin and is known at once is told in the next turn. */
    list_init(&batch);
    while ((node = list_pop(&r->ready)) != NULL)
        list_push(&batch, node);
    while ((node = list_pop(&batch)) != NULL)
        query_tell(CONTAINER_OF(node, struct resolver_query, ready));
    r->running = false;
    if (r->closed)
        free(r);
    else
        rest(r);
}

uint64_t resolver_deadline(const struct resolver *r)
{
    struct timeval wait, *least;
    if (!list_empty(&r->ready))
        return 0;
    if (list_empty(&r->live))
        return TIME_NEVER;
    uint64_t at_ms = CONTAINER_OF(r->live.next, struct resolver_query, node)->deadline_ms;
    least = ares_timeout(r->channel, NULL, &wait);
    if (least != NULL) { /* rounded up, so that it is over then */
        uint64_t again_ms = clock_now().mono_ms + 1 + (uint64_t)least->tv_sec * 1000 +
                            (uint64_t)least->tv_usec / 1000;
        at_ms = again_ms < at_ms ? again_ms : at_ms;
    }
    return at_ms;
}

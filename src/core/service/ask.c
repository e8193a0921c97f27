/* Questions of the server itself: RFC 6120 section 8.2.3, from the side that asks.
 *
 * The id is "ask:SHARD:HANDLE:TOKEN", decimal, but for the token, which is random. */
#include "core/service/ask.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/router.h"
#include "xml/parser.h"
#include "xmpp/secret.h"

enum { TOKEN_CHARS = 16 };

struct ask {
    struct timer timer;
    uint64_t handle;
    struct jid to; /* owned */
    char token[TOKEN_CHARS];
    ask_fn *fn;
    void *ctx;
};

static const struct origin NOBODY = {0};

static void drop(struct ask *a)
{
    timer_stop(&a->timer);
    mem_free((void *)(uintptr_t)a->to.text);
    mem_free(a->ctx);
    mem_free(a);
}

static void finish(struct engine *e, struct ask *a, const struct stanza *answer)
{
    handle_drop(&e->asks, a->handle);
    a->fn(e, a->ctx, answer);
    drop(a);
}

static void too_late(struct timer *t, void *ctx)
{
    finish(ctx, CONTAINER_OF(t, struct ask, timer), NULL);
}

void ask_send(struct engine *e, const struct host_config *host, const struct jid *to,
              enum stanza_type type, struct slice payload, ask_fn *fn, void *ctx)
{
    struct ask *a = mem_new(struct ask);
    struct buf id = {0};
    struct stanza s = {
        .kind = STANZA_IQ, .type = type, .to = *to, .payload = payload, .packed = true};
    CHECK(type == TYPE_GET || type == TYPE_SET);
    CHECK(jid_from_prepared(host->name, &s.from));
    a->to = jid_copy(to);
    a->fn = fn;
    a->ctx = ctx;
    a->timer.fire = too_late;
    a->handle = handle_new(&e->asks, a);
    timer_set(&e->timers, &a->timer, e->now.mono_ms + ASK_WAIT_MS);
    rng_token(e->rng, a->token, sizeof(a->token));
    buf_printf(&id, "ask:%u:%llu:%.*s", (unsigned)e->shard, (unsigned long long)a->handle,
               (int)sizeof(a->token), a->token);
    s.id = buf_slice(&id);
    route(e, &s, &NOBODY); /* a may be gone now */
    buf_free(&id);
}

/* The part of the id before the next colon, which goes. */
static struct slice part(struct slice *id)
{
    size_t end = slice_find(*id, ':');
    struct slice p = slice_of(id->ptr, end);
    *id = slice_from(*id, end < id->len ? end + 1 : end);
    return p;
}

void ask_answered(struct engine *e, const struct stanza *s)
{
    struct slice id = s->id;
    unsigned long long shard, handle;
    if (!slice_is(part(&id), "ask") || !slice_to_u64(part(&id), &shard) ||
        !slice_to_u64(part(&id), &handle) || shard >= e->shards)
        return;
    if (shard != e->shard) {
        struct mail *m = mail_new(MAIL_STANZA, e->shard, (uint32_t)shard);
        stanza_encode(&m->data, s);
        engine_post(e, m);
        return;
    }
    struct ask *a = handle_get(&e->asks, handle);
    if (a == NULL || !slice_eq(jid_full(&a->to), jid_full(&s->from)) ||
        !secret_equal(id, slice_of(a->token, sizeof(a->token))))
        return;
    struct stanza own = *s;
    struct xml_tree *tree = NULL;
    if (xml_some(own.root) || stanza_unpack(&own, &tree))
        finish(e, a, &own);
    xml_tree_free(&tree);
}

void ask_free(struct engine *e)
{
    for (uint32_t i = 0; i < e->asks.count; i++)
        if (e->asks.slots[i].object != NULL)
            drop(e->asks.slots[i].object);
    handles_free(&e->asks);
}

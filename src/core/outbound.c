/* Messages of our accounts to addresses that are not accounts: one entry of the log for the sender.
 * All stanzas of a shard to components leave in one order; the wait is that of a commit. */
#include "core/outbound.h"

#include "base/check.h"
#include "base/mem.h"
#include "core/message_log.h"
#include "core/resend.h"
#include "core/router.h"
#include "core/service/archive.h"
#include "core/service/keep.h"

struct outbound {
    struct list link; /* in engine.outbounds */
    struct origin origin;
    int64_t wall_ms;
    bool writing; /* its entry is on its way to the disk */
    int err;      /* of that */
    struct buf bytes;
};

static void leave(struct engine *e, struct stanza *s, const struct origin *origin)
{
    struct component *c = components_find(e, jid_domain(&s->to));
    if (c == NULL)
        route_error(e, s, STANZA_REMOTE_SERVER_TIMEOUT, SLICE("the component is not connected"),
                    origin);
    else if (!component_send(c, s))
        route_error(e, s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, origin);
    else
        engine_settle(e, origin);
}

/* Those at the front that wait for nothing leave. */
static void flush(struct engine *e)
{
    while (!list_empty(&e->outbounds)) {
        struct outbound *o = CONTAINER_OF(e->outbounds.next, struct outbound, link);
        struct stanza s;
        if (o->writing)
            return;
        list_remove(&o->link);
        CHECK(stanza_decode(buf_slice(&o->bytes), &s));
        if (o->err != 0)
            route_error(e, &s, STANZA_RESOURCE_CONSTRAINT, SLICE_NONE, &o->origin);
        else
            leave(e, &s, &o->origin);
        buf_free(&o->bytes);
        mem_free(o);
    }
}

static void written(struct engine *e, void *ctx, struct store_request *answer)
{
    struct outbound *o = ctx;
    struct log_entry entry = {.position = answer->position, .wall_ms = o->wall_ms};
    o->writing = false;
    o->err = answer->err;
    CHECK(stanza_decode(buf_slice(&o->bytes), &entry.stanza));
    struct account *a = account_find(e, jid_bare(&entry.stanza.from));
    if (o->err == 0 && a != NULL)
        message_log_apply(e, a, &entry);
    flush(e);
}

static void write(struct engine *e, struct outbound *o, const struct stanza *s)
{
    char label[ORIGIN_LABEL_BYTES];
    struct slice owner = jid_bare(&s->from);
    struct store_labels labels = {
        .wall_ms = o->wall_ms, .peer = jid_bare(&s->to), .origin = origin_label(&o->origin, label)};
    struct store_request *batch = flow_batch(e);
    resend_list(batch, owner, &o->origin, o->wall_ms);
    store_append(batch, STORE_ARCHIVE, &owner, 1, &labels, buf_slice(&o->bytes));
    uint32_t shard = engine_owner(e, owner);
    if (shard != e->shard)
        batch->echo = shard;
    o->writing = true;
    flow_submit(e, batch, written, o);
}

void outbound_send(struct engine *e, struct stanza *s, const struct origin *origin)
{
    bool archive = s->kind == STANZA_MESSAGE && origin->archive && s->type != TYPE_ERROR &&
                   s->type != TYPE_GROUPCHAT && keep_of(s) == KEEP_ARCHIVE &&
                   components_find(e, jid_domain(&s->to)) != NULL;
    if (!archive && list_empty(&e->outbounds)) {
        leave(e, s, origin);
        return;
    }
    struct outbound *o = mem_new(struct outbound);
    stanza_encode(&o->bytes, s);
    o->origin = *origin;
    o->wall_ms = e->now.wall_ms;
    list_push(&e->outbounds, &o->link);
    if (archive)
        write(e, o, s);
}

void outbound_free(struct engine *e)
{
    while (!list_empty(&e->outbounds)) {
        struct outbound *o = CONTAINER_OF(list_pop(&e->outbounds), struct outbound, link);
        buf_free(&o->bytes);
        mem_free(o);
    }
}

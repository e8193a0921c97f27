/* A ring of records, each with its head and an address. The two halves of the memory are filled in
 * turn: a half is forgotten as a whole when it is needed again. */
#include "core/trace.h"

#include "base/mem.h"

struct record {
    int64_t wall_ms;
    uint64_t id_hash, position;
    uint16_t who_len;
    uint8_t event;
};

struct trace {
    struct buf old, fresh;
    size_t half_bytes;
};

uint64_t trace_hash(const struct engine *e, struct slice id)
{
    uint64_t hash = id.len > 0 ? hash_bytes(&e->owner_key, id) : 0;
    return hash != 0 || id.len == 0 ? hash : 1;
}

void trace_note(struct engine *e, enum trace_event event, struct slice id, uint64_t position,
                struct slice who)
{
    size_t half_bytes = e->config->limits.trace_bytes / 2;
    if (half_bytes == 0 || who.len > UINT16_MAX)
        return;
    if (e->trace == NULL)
        e->trace = mem_new(struct trace);
    struct trace *t = e->trace;
    if (buf_len(&t->fresh) + sizeof(struct record) + who.len > half_bytes) {
        struct buf forgotten = t->old;
        t->old = t->fresh;
        t->fresh = forgotten;
        buf_clear(&t->fresh);
    }
    struct record r = {.wall_ms = e->now.wall_ms,
                       .id_hash = trace_hash(e, id),
                       .position = position,
                       .who_len = (uint16_t)who.len,
                       .event = (uint8_t)event};
    if (buf_append(&t->fresh, &r, sizeof(r)) == 0)
        buf_add(&t->fresh, who);
}

bool trace_next(const struct engine *e, size_t *at, struct trace_row *out)
{
    const struct trace *t = e->trace;
    if (t == NULL)
        return false;
    size_t old = buf_len(&t->old);
    struct slice rest = *at < old ? slice_from(buf_slice(&t->old), *at)
                                  : slice_from(buf_slice(&t->fresh), *at - old);
    struct record r;
    if (rest.len < sizeof(r))
        return false;
    memcpy(&r, rest.ptr, sizeof(r));
    *out = (struct trace_row){.event = r.event,
                              .wall_ms = r.wall_ms,
                              .id_hash = r.id_hash,
                              .position = r.position,
                              .who = slice_of(rest.ptr + sizeof(r), r.who_len)};
    *at += sizeof(r) + r.who_len;
    return true;
}

const char *trace_event_name(enum trace_event event)
{
    static const char *const NAMES[TRACE_EVENTS] = {
        [TRACE_RECEIVED] = "received",
        [TRACE_REPEATED] = "repeated",
        [TRACE_STORED] = "stored",
        [TRACE_WAITING] = "waiting",
        [TRACE_HANDED] = "handed",
        [TRACE_COPIED] = "copied",
        [TRACE_ACKNOWLEDGED] = "acknowledged",
        [TRACE_PUSHED] = "pushed",
        [TRACE_BOUNCED] = "bounced",
    };
    return NAMES[event];
}

void trace_free(struct engine *e)
{
    if (e->trace == NULL)
        return;
    buf_free(&e->trace->old);
    buf_free(&e->trace->fresh);
    mem_free(e->trace);
    e->trace = NULL;
}

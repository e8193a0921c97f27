/* Sessions of a region and their queues of unacknowledged stanzas (XEP-0198).
 *
 * What changes with every stanza is one store: a counter, or the tail of the queue, or out_h, which
 * is its front at the same time. What is larger is written beside what is there, and then one store
 * makes it the valid one. */
#include "core/region_inside.h"

struct region_session *region_session_at(const struct region *r, region_ref session)
{
    CHECK(session > 0 && session < r->high);
    struct region_session *s = region_block(r, session);
    CHECK(s->kind == BLOCK_SESSION);
    return s;
}

static size_t queue_count(const struct region_session *s)
{
    return s->tail - s->counters.out_h; /* modulo 2^32 */
}

region_ref region_session_make(struct region *r, const uint8_t id[REGION_ID_BYTES],
                               struct slice state, const struct region_counters *counters)
{
    if (state.len > REGION_BLOB_BYTES_MAX)
        return 0;
    if (!region_reserve(r, 1 + region_blob_blocks(state.len, REGION_SESSION_INLINE)))
        return 0;
    region_ref session = region_take(r);
    struct region_session *s = region_block(r, session);
    region_put_bytes(s->id, id, REGION_ID_BYTES);
    region_put_bytes(&s->counters, counters, sizeof(s->counters));
    region_put64(&s->state, region_blob_write(r, state, s->bytes, sizeof(s->bytes)));
    region_put32(&s->queue_first, 0);
    region_put32(&s->queue_last, 0);
    region_put32(&s->tail, counters->out_h);
    region_put64(&s->volatile_bytes, 0);
    return session;
}

void region_session_publish(struct region *r, region_ref session)
{
    struct region_session *s = region_block(r, session);
    region_put32(&s->kind, BLOCK_SESSION);
}

region_ref region_session_new(struct region *r, const uint8_t id[REGION_ID_BYTES],
                              struct slice state, const struct region_counters *counters)
{
    region_ref session = region_session_make(r, id, state, counters);
    if (session != 0)
        region_session_publish(r, session);
    return session;
}

struct region_counters *region_session_counters(struct region *r, region_ref session)
{
    return &region_session_at(r, session)->counters;
}

struct slice region_session_id(struct region *r, region_ref session)
{
    const struct region_session *s = region_session_at(r, session);
    return slice_of((const char *)s->id, sizeof(s->id));
}

void region_session_read(struct region *r, region_ref session, struct buf *out)
{
    const struct region_session *s = region_session_at(r, session);
    struct region_view v = region_view(r);
    CHECK(region_blob_read(&v, s->state, s->bytes, sizeof(s->bytes), out) || out->failed);
}

static void state_replace(struct region *r, struct region_session *s, struct slice state,
                          char *beside)
{
    uint64_t was = s->state;
    uint64_t word = region_blob_write(r, state, beside, sizeof(s->bytes));
    region_put64(&s->state, word);
    region_blob_free(r, was, sizeof(s->bytes));
}

bool region_session_state(struct region *r, region_ref session, struct slice state)
{
    struct region_session *s = region_session_at(r, session);
    if (state.len > REGION_BLOB_BYTES_MAX)
        return false;
    /* The bytes in the session's own block are the old state's: past it, and then into it. */
    bool beside = !region_word_inline(s->state);
    size_t inside = region_blob_blocks(state.len, sizeof(s->bytes));
    size_t outside = region_blob_blocks(state.len, 0);
    if (!region_reserve(r, beside ? inside : outside))
        return false;
    state_replace(r, s, state, beside ? s->bytes : NULL);
    if (!beside && inside < outside && region_reserve(r, inside))
        state_replace(r, s, state, s->bytes);
    return true;
}

/* ----------------------------------------------------------------------------------------- queue
 */

size_t region_count(const struct region *r, region_ref session)
{
    return queue_count(region_session_at(r, session));
}

size_t region_bytes(const struct region *r, region_ref session)
{
    return region_session_at(r, session)->volatile_bytes;
}

/* The slot of the next entry; the block is reserved. */
static struct region_slot *queue_slot(struct region *r, struct region_session *s)
{
    struct region_queue *last = s->queue_last != 0 ? region_block(r, s->queue_last) : NULL;
    if (last != NULL && s->tail - last->first < REGION_QUEUE_SLOTS)
        return &last->slots[s->tail - last->first];
    uint32_t block = region_take(r);
    struct region_queue *q = region_block(r, block);
    region_put32(&q->next, 0);
    region_put32(&q->first, s->tail);
    region_put32(&q->kind, BLOCK_QUEUE);
    region_put32(last != NULL ? &last->next : &s->queue_first, block);
    region_put32(&s->queue_last, block);
    return &q->slots[0];
}

bool region_queue_push(struct region *r, struct region_session *s, const struct region_entry *e)
{
    bool kept = e->position != 0;
    if (queue_count(s) == UINT32_MAX || (!kept && e->bytes.len > REGION_BLOB_BYTES_MAX))
        return false;
    size_t blocks = kept ? 0 : region_blob_blocks(e->bytes.len, 0);
    if (!region_reserve(r, blocks + 1))
        return false;
    struct region_slot *slot = queue_slot(r, s);
    uint64_t word = kept ? e->position : region_blob_write(r, e->bytes, NULL, 0);
    region_put64(&slot->word, word);
    region_put32(&slot->flags, e->flags);
    region_put32(&slot->bytes, kept ? 0 : REGION_VOLATILE | (uint32_t)e->bytes.len);
    region_put32(&s->tail, s->tail + 1);
    /* Who reads the entry believes it rather than the cursor; it stays true when it is gone. */
    if (e->position > s->counters.cursor)
        region_put64(&s->counters.cursor, e->position);
    if (!kept)
        region_put64(&s->volatile_bytes, s->volatile_bytes + e->bytes.len);
    return true;
}

bool region_push(struct region *r, region_ref session, const struct region_entry *entry)
{
    return region_queue_push(r, region_session_at(r, session), entry);
}

/* The entry at *at, which then tells the next one; NULL: there is none. */
static struct region_slot *queue_step(const struct region *r, const struct region_session *s,
                                      uint64_t *at)
{
    uint32_t done = (uint32_t)*at, block = (uint32_t)(*at >> 32);
    if (done >= queue_count(s))
        return NULL;
    if (done == 0)
        block = s->queue_first;
    struct region_queue *q = region_block(r, block);
    uint32_t slot = s->counters.out_h + done - q->first;
    if (slot == REGION_QUEUE_SLOTS) {
        block = q->next;
        q = region_block(r, block);
        slot = 0;
    }
    CHECK(block != 0 && slot < REGION_QUEUE_SLOTS);
    *at = (uint64_t)block << 32 | (done + 1);
    return &q->slots[slot];
}

bool region_peek(const struct region *r, region_ref session, uint64_t *at, struct region_entry *out)
{
    const struct region_slot *slot = queue_step(r, region_session_at(r, session), at);
    if (slot == NULL)
        return false;
    *out =
        (struct region_entry){.position = slot->bytes == 0 ? slot->word : 0, .flags = slot->flags};
    return true;
}

bool region_next(struct region *r, region_ref session, uint64_t *at, struct region_entry *out,
                 struct buf *bytes)
{
    const struct region_slot *slot = queue_step(r, region_session_at(r, session), at);
    buf_clear(bytes);
    if (slot == NULL)
        return false;
    *out = (struct region_entry){.flags = slot->flags};
    if (slot->bytes == 0) {
        out->position = slot->word;
    } else {
        struct region_view v = region_view(r);
        CHECK(region_blob_read(&v, slot->word, NULL, 0, bytes) || bytes->failed);
        out->bytes = buf_slice(bytes);
    }
    return true;
}

void region_flag(struct region *r, region_ref session, uint64_t at, uint32_t flags)
{
    const struct region_session *s = region_session_at(r, session);
    uint32_t index = (uint32_t)at - 1;
    CHECK((uint32_t)at > 0 && index < queue_count(s));
    struct region_queue *q = region_block(r, (uint32_t)(at >> 32));
    uint32_t slot = s->counters.out_h + index - q->first;
    CHECK(slot < REGION_QUEUE_SLOTS);
    region_put32(&q->slots[slot].flags, q->slots[slot].flags | flags);
}

static void slot_free(struct region *r, struct region_session *s, const struct region_slot *slot)
{
    if (slot->bytes == 0)
        return;
    region_blob_free(r, slot->word, 0);
    region_put64(&s->volatile_bytes, s->volatile_bytes - (slot->bytes & ~REGION_VOLATILE));
}

/* Frees what the entries from `from` on held that are no longer in the queue. */
static void queue_free(struct region *r, struct region_session *s, uint32_t from)
{
    uint32_t out_h = s->counters.out_h;
    while (s->queue_first != 0) {
        uint32_t block = s->queue_first;
        const struct region_queue *q = region_block(r, block);
        for (; from != out_h && from - q->first < REGION_QUEUE_SLOTS; from++)
            slot_free(r, s, &q->slots[from - q->first]);
        bool used = out_h != s->tail && out_h - q->first < REGION_QUEUE_SLOTS;
        if (used)
            break;
        uint32_t next = q->next;
        region_put32(&s->queue_first, next);
        if (next == 0)
            region_put32(&s->queue_last, 0);
        region_give(r, block);
    }
    CHECK(from == out_h);
}

void region_pop(struct region *r, region_ref session, size_t n)
{
    struct region_session *s = region_session_at(r, session);
    CHECK(n <= queue_count(s));
    uint32_t from = s->counters.out_h;
    if (n == 0)
        return;
    region_put32(&s->counters.out_h, from + (uint32_t)n);
    queue_free(r, s, from);
}

void region_session_clear(struct region *r, region_ref session)
{
    struct region_session *s = region_block(r, session);
    uint32_t from = s->counters.out_h;
    region_put32(&s->kind, BLOCK_FREE);
    region_put32(&s->counters.out_h, s->tail);
    queue_free(r, s, from);
    region_blob_free(r, s->state, sizeof(s->bytes));
    region_give(r, session);
}

void region_session_drop(struct region *r, region_ref session)
{
    region_session_at(r, session);
    region_session_clear(r, session);
}

/* Images: a record of a region as bytes that stand for themselves. Written from a region, living or
 * dead, by the one reader here; the dead one's memory may hold anything, so every number in it is
 * looked at before it is used, and no block is read twice.
 *
 * Numbers stand in the machine's order; the mark tells when it is another machine's. */
#include "core/region_inside.h"

enum { IMAGE_MARK = 0x62720001 };

struct session_image {
    uint32_t mark, kind;
    uint8_t id[REGION_ID_BYTES];
    struct region_counters counters;
    uint32_t state_bytes, queue_count, queue_bytes, spare;
}; /* the state, the queue */

struct entry_image {
    uint64_t position;
    uint32_t flags, bytes;
}; /* the bytes */

struct tail_image {
    uint32_t mark, kind;
    uint64_t sent;
    uint32_t owner_bytes, hole_count;
}; /* the owner, the holes */

/* --------------------------------------------------------------------------------------- writing
 */

/* Copies a block, once; false: there is none, or it was read before. */
static bool read_block(struct region_view *v, uint32_t block, void *out)
{
    if (block == 0 || block >= v->blocks)
        return false;
    if (v->seen != NULL) {
        uint64_t bit = 1ULL << (block % 64);
        if ((v->seen[block / 64] & bit) != 0)
            return false;
        v->seen[block / 64] |= bit;
    }
    memcpy(out, v->base + (size_t)block * REGION_BLOCK, REGION_BLOCK);
    return true;
}

bool region_blob_read(struct region_view *v, uint64_t word, const char *beside, size_t cap,
                      struct buf *out)
{
    size_t left = region_word_len(word);
    uint32_t block = region_word_block(word);
    if (left > REGION_BLOB_BYTES_MAX || (region_word_inline(word) && beside == NULL))
        return false;
    if (region_word_inline(word)) {
        size_t part = left < cap ? left : cap;
        if (buf_append(out, beside, part) != 0)
            return false;
        left -= part;
    }
    while (left > 0) {
        struct region_chain c;
        if (!read_block(v, block, &c) || c.kind != BLOCK_CHAIN)
            return false;
        size_t part = left < sizeof(c.bytes) ? left : sizeof(c.bytes);
        if (buf_append(out, c.bytes, part) != 0)
            return false;
        left -= part;
        block = c.next;
    }
    return block == 0;
}

static bool write_entry(struct region_view *v, const struct region_slot *slot, struct buf *out)
{
    bool kept = slot->bytes == 0;
    struct entry_image e = {.flags = slot->flags};
    if (kept)
        e.position = slot->word;
    else
        e.bytes = slot->bytes & ~REGION_VOLATILE;
    if (kept ? e.position == 0
             : (slot->bytes & REGION_VOLATILE) == 0 || region_word_len(slot->word) != e.bytes)
        return false;
    return buf_append(out, &e, sizeof(e)) == 0 &&
           (kept || region_blob_read(v, slot->word, NULL, 0, out));
}

/* The entries [out_h, tail); a position among them moves *cursor. */
static bool write_queue(struct region_view *v, const struct region_session *s, uint64_t *cursor,
                        struct buf *out)
{
    uint32_t at = s->counters.out_h, block = s->queue_first;
    bool found = false;
    while (at != s->tail) {
        struct region_queue q;
        if (!read_block(v, block, &q) || q.kind != BLOCK_QUEUE || (found && q.first != at))
            return false;
        /* Blocks whose entries are all gone may stand before. */
        for (; at != s->tail && at - q.first < REGION_QUEUE_SLOTS; at++) {
            const struct region_slot *slot = &q.slots[at - q.first];
            if (!write_entry(v, slot, out))
                return false;
            if (slot->bytes == 0 && slot->word > *cursor)
                *cursor = slot->word;
            found = true;
        }
        block = q.next;
    }
    return true;
}

static bool write_session(struct region_view *v, const struct region_session *s, struct buf *out)
{
    size_t start = buf_len(out);
    struct session_image head = {
        .mark = IMAGE_MARK,
        .kind = REGION_SESSION,
        .counters = s->counters,
        .queue_count = s->tail - s->counters.out_h,
    };
    memcpy(head.id, s->id, sizeof(head.id));
    if (buf_append(out, &head, sizeof(head)) != 0 ||
        !region_blob_read(v, s->state, s->bytes, sizeof(s->bytes), out))
        return false;
    head.state_bytes = (uint32_t)(buf_len(out) - start - sizeof(head));
    size_t queue = buf_len(out);
    if (!write_queue(v, s, &head.counters.cursor, out))
        return false;
    head.queue_bytes = (uint32_t)(buf_len(out) - queue);
    memcpy(out->ptr + out->start + start, &head, sizeof(head));
    return true;
}

static bool write_tail(struct region_view *v, const struct region_tail *t, struct buf *out)
{
    if (t->valid > 1)
        return false;
    uint64_t holes = t->state[t->valid].holes;
    struct tail_image head = {
        .mark = IMAGE_MARK,
        .kind = REGION_TAIL,
        .sent = t->state[t->valid].sent,
        .owner_bytes = (uint32_t)region_word_len(t->owner),
        .hole_count = (uint32_t)(region_word_len(holes) / sizeof(uint64_t)),
    };
    return region_word_len(holes) % sizeof(uint64_t) == 0 &&
           buf_append(out, &head, sizeof(head)) == 0 &&
           region_blob_read(v, t->owner, t->bytes, sizeof(t->bytes), out) &&
           region_blob_read(v, holes, NULL, 0, out);
}

bool region_image_write(struct region_view *v, uint32_t block, struct buf *out)
{
    union {
        uint32_t kind;
        struct region_session session;
        struct region_tail tail;
    } record;
    size_t start = buf_len(out);
    bool good = read_block(v, block, &record);
    if (good && record.kind == BLOCK_SESSION)
        good = write_session(v, &record.session, out);
    else if (good)
        good = record.kind == BLOCK_TAIL && write_tail(v, &record.tail, out);
    if (!good)
        buf_truncate(out, start);
    return good;
}

void region_session_image(struct region *r, region_ref session, struct buf *out)
{
    struct region_view v = region_view(r);
    region_session_at(r, session);
    CHECK(region_image_write(&v, session, out) || out->failed);
}

/* --------------------------------------------------------------------------------------- reading
 */

/* Takes n bytes from the front of *text. */
static bool take(struct slice *text, size_t n, struct slice *out)
{
    if (n > text->len)
        return false;
    *out = slice_of(text->ptr, n);
    *text = slice_from(*text, n);
    return true;
}

static bool read_session(struct slice text, struct region_image *out)
{
    struct session_image head;
    struct slice bytes;
    if (!take(&text, sizeof(head), &bytes))
        return false;
    memcpy(&head, bytes.ptr, sizeof(head));
    if (!take(&text, head.state_bytes, &out->state) || !take(&text, head.queue_bytes, &out->queue))
        return false;
    memcpy(out->id, head.id, sizeof(out->id));
    out->counters = head.counters;
    out->queue_count = head.queue_count;
    size_t at = 0;
    uint32_t n = 0;
    struct region_entry e;
    while (n < head.queue_count && region_image_next(out, &at, &e))
        n++;
    return text.len == 0 && n == head.queue_count && at == out->queue.len;
}

static bool read_tail(struct slice text, struct region_image *out)
{
    struct tail_image head;
    struct slice bytes;
    if (!take(&text, sizeof(head), &bytes))
        return false;
    memcpy(&head, bytes.ptr, sizeof(head));
    out->sent = head.sent;
    return take(&text, head.owner_bytes, &out->owner) &&
           take(&text, (size_t)head.hole_count * sizeof(uint64_t), &out->holes) && text.len == 0;
}

bool region_image_read(struct slice text, struct region_image *out)
{
    uint32_t words[2]; /* the mark, the kind */
    *out = (struct region_image){0};
    if (text.len < sizeof(words))
        return false;
    memcpy(words, text.ptr, sizeof(words));
    if (words[0] != IMAGE_MARK)
        return false;
    if (words[1] == REGION_SESSION) {
        out->kind = REGION_SESSION;
        return read_session(text, out);
    }
    out->kind = REGION_TAIL;
    return words[1] == REGION_TAIL && read_tail(text, out);
}

bool region_image_next(const struct region_image *image, size_t *at, struct region_entry *out)
{
    struct entry_image e;
    struct slice text = slice_from(image->queue, *at), bytes;
    if (!take(&text, sizeof(e), &bytes))
        return false;
    memcpy(&e, bytes.ptr, sizeof(e));
    if (!take(&text, e.bytes, &bytes) || (e.position != 0 && e.bytes != 0))
        return false;
    *out = (struct region_entry){.position = e.position, .flags = e.flags, .bytes = bytes};
    *at += sizeof(e) + e.bytes;
    return true;
}

region_ref region_session_restore(struct region *r, const struct region_image *image)
{
    if (image->kind != REGION_SESSION)
        return 0;
    region_ref session = region_session_make(r, image->id, image->state, &image->counters);
    if (session == 0)
        return 0;
    struct region_session *s = region_block(r, session);
    size_t at = 0;
    struct region_entry e;
    bool good = true;
    for (uint32_t n = 0; good && n < image->queue_count; n++)
        good = region_image_next(image, &at, &e) && region_queue_push(r, s, &e);
    if (!good) {
        region_session_clear(r, session);
        return 0;
    }
    region_session_publish(r, session);
    return session;
}

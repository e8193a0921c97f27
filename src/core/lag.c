/* What is kept for a session whose peer does not read (L13).
 *
 * A flood of presence must cost no more than a look at the heads of what is kept: what is
 * superseded is marked, and taken out when it is half of all. */
#include "core/lag.h"

#include "base/check.h"

/* In front of each encoded stanza. */
struct head {
    uint64_t from; /* hash of the sender */
    uint32_t len;
    uint32_t live;
};

static struct head head_at(const struct buf *kept, size_t at)
{
    struct head h;
    CHECK(buf_len(kept) - at >= sizeof(h));
    memcpy(&h, buf_slice(kept).ptr + at, sizeof(h));
    return h;
}

/* Marks what the sender said before; the bytes of all that is marked. */
static size_t supersede(struct buf *kept, uint64_t from)
{
    size_t dead = 0;
    struct head h;
    for (size_t at = 0; at < buf_len(kept); at += sizeof(h) + h.len) {
        h = head_at(kept, at);
        if (h.from == from)
            h.live = 0;
        memcpy(kept->ptr + kept->start + at, &h, sizeof(h));
        if (!h.live)
            dead += sizeof(h) + h.len;
    }
    return dead;
}

/* Takes out what is marked, and from the front what is more than room bytes. */
static void compact(struct buf *kept, size_t live, size_t room)
{
    struct buf out = {0};
    struct head h;
    for (size_t at = 0; at < buf_len(kept); at += sizeof(h) + h.len) {
        h = head_at(kept, at);
        size_t size = sizeof(h) + h.len;
        if (!h.live)
            continue;
        if (live <= room)
            buf_append(&out, buf_slice(kept).ptr + at, size);
        else
            live -= size;
    }
    buf_free(kept);
    *kept = out;
}

void lag_keep(struct buf *kept, size_t cap, const struct hash_key *key, const struct stanza *s)
{
    struct buf one = {0};
    stanza_encode(&one, s);
    struct head h = {
        .from = hash_bytes(key, jid_full(&s->from)), .len = (uint32_t)buf_len(&one), .live = 1};
    size_t size = sizeof(h) + h.len, room = cap > size ? cap - size : 0;
    size_t dead = supersede(kept, h.from), live = buf_len(kept) - dead;
    if (buf_len(kept) > room || dead > live)
        compact(kept, live, room);
    if (size <= cap && !one.failed) {
        buf_append(kept, &h, sizeof(h));
        buf_add(kept, buf_slice(&one));
    }
    buf_free(&one);
}

bool lag_next(const struct buf *kept, size_t *at, struct stanza *out)
{
    while (*at < buf_len(kept)) {
        struct head h = head_at(kept, *at);
        struct slice text = slice_of(buf_slice(kept).ptr + *at + sizeof(h), h.len);
        *at += sizeof(h) + h.len;
        if (!h.live)
            continue;
        CHECK(stanza_decode(text, out));
        return true;
    }
    return false;
}

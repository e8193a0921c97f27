/* Tails of a region: what of an account's log has been taken. */
#include "core/region_inside.h"

static struct region_tail *tail_at(const struct region *r, region_ref tail)
{
    CHECK(tail > 0 && tail < r->high);
    struct region_tail *t = region_block(r, tail);
    CHECK(t->kind == BLOCK_TAIL);
    return t;
}

static struct slice bytes_of(const uint64_t *positions, size_t n)
{
    return slice_of((const char *)positions, n * sizeof(*positions));
}

region_ref region_tail_new(struct region *r, struct slice owner, uint64_t sent,
                           const uint64_t *positions, size_t n)
{
    if (owner.len > REGION_BLOB_BYTES_MAX || n > REGION_BLOB_BYTES_MAX / sizeof(*positions))
        return 0;
    struct slice holes = bytes_of(positions, n);
    if (!region_reserve(r, 1 + region_blob_blocks(owner.len, REGION_TAIL_INLINE) +
                               region_blob_blocks(holes.len, 0)))
        return 0;
    region_ref tail = region_take(r);
    struct region_tail *t = region_block(r, tail);
    region_put64(&t->state[0].sent, sent);
    region_put64(&t->state[0].holes, region_blob_write(r, holes, NULL, 0));
    region_put32(&t->valid, 0);
    region_put64(&t->owner, region_blob_write(r, owner, t->bytes, sizeof(t->bytes)));
    region_put32(&t->kind, BLOCK_TAIL);
    return tail;
}

void region_tail_drop(struct region *r, region_ref tail)
{
    struct region_tail *t = tail_at(r, tail);
    region_put32(&t->kind, BLOCK_FREE);
    region_blob_free(r, t->state[t->valid].holes, 0);
    region_blob_free(r, t->owner, sizeof(t->bytes));
    region_give(r, tail);
}

void region_tail_sent(struct region *r, region_ref tail, uint64_t sent)
{
    struct region_tail *t = tail_at(r, tail);
    region_put64(&t->state[t->valid].sent, sent);
}

bool region_tail_set(struct region *r, region_ref tail, uint64_t sent, const uint64_t *positions,
                     size_t n)
{
    struct region_tail *t = tail_at(r, tail);
    if (n > REGION_BLOB_BYTES_MAX / sizeof(*positions))
        return false;
    struct slice holes = bytes_of(positions, n);
    if (!region_reserve(r, region_blob_blocks(holes.len, 0)))
        return false;
    uint32_t was = t->valid, next = was == 0;
    region_put64(&t->state[next].sent, sent);
    region_put64(&t->state[next].holes, region_blob_write(r, holes, NULL, 0));
    region_put32(&t->valid, next);
    region_blob_free(r, t->state[was].holes, 0);
    return true;
}

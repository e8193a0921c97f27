/* The blocks of a region: which are free (known on the heap alone), chains of bytes, growth.
 *
 * A block is free, or taken and not yet referred to, or referred to. It becomes referred to by one
 * store after it was filled, and is given back after the last reference is gone; so whoever reads
 * the memory later finds behind a reference what was meant, at any moment. */
#include "base/mem.h"
#include "core/region_inside.h"

enum { GROW_BYTES_MIN = 1 << 20, GROW_WAIT = 1000, FREE_CAP_FIRST = 64 };

static size_t blocks_left(const struct region *r)
{
    return r->free_count + (r->memory.bytes / REGION_BLOCK - r->high);
}

static bool grow_to(struct region *r, size_t bytes)
{
    struct region_memory *m = &r->memory;
    if (bytes > m->bytes_max)
        bytes = m->bytes_max;
    if (bytes <= m->bytes || m->grow == NULL || !m->grow(m->ctx, bytes))
        return false;
    m->bytes = bytes;
    return true;
}

/* Twice as much, at least 1 MiB more, at least what is needed; where the disk has less, just that.
 */
static void grow(struct region *r, size_t need)
{
    size_t bytes = r->memory.bytes;
    size_t wish = bytes > GROW_BYTES_MIN ? bytes : GROW_BYTES_MIN;
    grow_to(r, bytes + (wish > need ? wish : need));
    while (blocks_left(r) * REGION_BLOCK < need && grow_to(r, r->memory.bytes + GROW_BYTES_MIN))
        continue;
}

bool region_reserve(struct region *r, size_t n)
{
    if (blocks_left(r) >= n)
        return true;
    if (n > UINT32_MAX)
        return false;
    if (r->grow_wait > 0) {
        r->grow_wait--;
        return false;
    }
    if (r->memory.bytes < r->memory.bytes_max)
        grow(r, n * REGION_BLOCK);
    if (blocks_left(r) >= n)
        return true;
    r->grow_wait = GROW_WAIT;
    if (r->memory.full != NULL)
        r->memory.full(r->memory.ctx);
    return false;
}

uint32_t region_take(struct region *r)
{
    if (r->free_count > 0)
        return r->free[--r->free_count];
    CHECK(r->high < r->memory.bytes / REGION_BLOCK);
    uint32_t block = r->high++;
    uint32_t *kind = region_block(r, block);
    struct region_head *head = region_block(r, 0);
    region_put32(kind, BLOCK_FREE); /* whatever stood there before the region was formatted */
    region_put32(&head->high, r->high);
    return block;
}

void region_give(struct region *r, uint32_t block)
{
    CHECK(block > 0 && block < r->high);
    uint32_t *kind = region_block(r, block);
    region_put32(kind, BLOCK_FREE);
    if (r->free_count == r->free_cap) {
        r->free_cap = r->free_cap > 0 ? r->free_cap * 2 : FREE_CAP_FIRST;
        r->free = mem_resize(r->free, r->free_cap, sizeof(*r->free));
    }
    r->free[r->free_count++] = block;
}

size_t region_used(const struct region *r)
{
    return (r->high - r->free_count) * REGION_BLOCK;
}

size_t region_blob_blocks(size_t len, size_t beside)
{
    size_t left = len > beside ? len - beside : 0;
    return left / REGION_CHAIN_BYTES + (left % REGION_CHAIN_BYTES != 0);
}

uint64_t region_blob_write(struct region *r, struct slice bytes, char *beside, size_t cap)
{
    CHECK(bytes.len <= REGION_BLOB_BYTES_MAX);
    uint64_t word = (uint64_t)bytes.len << 32;
    if (beside != NULL) {
        size_t part = bytes.len < cap ? bytes.len : cap;
        region_put_bytes(beside, bytes.ptr, part);
        bytes = slice_from(bytes, part);
        word |= (uint64_t)REGION_INLINE << 32;
    }
    uint32_t block = 0;
    /* From the end, so that each block knows the next one. */
    while (bytes.len > 0) {
        size_t part = bytes.len % REGION_CHAIN_BYTES;
        part = part > 0 ? part : REGION_CHAIN_BYTES;
        uint32_t next = block;
        block = region_take(r);
        struct region_chain *c = region_block(r, block);
        bytes.len -= part;
        region_put_bytes(c->bytes, bytes.ptr + bytes.len, part);
        region_put32(&c->next, next);
        region_put32(&c->kind, BLOCK_CHAIN);
    }
    return word | block;
}

void region_blob_free(struct region *r, uint64_t word, size_t cap)
{
    size_t n = region_blob_blocks(region_word_len(word), region_word_inline(word) ? cap : 0);
    uint32_t block = region_word_block(word);
    for (; n > 0; n--) {
        const struct region_chain *c = region_block(r, block);
        uint32_t next = c->next;
        region_give(r, block);
        block = next;
    }
    CHECK(block == 0);
}

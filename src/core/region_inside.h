/* How a region's memory is laid out, and the stores that write it. For region*.c and their tests.
 *
 * Block 0 is the head. The kind of every block below `high` is true; the memory behind it was never
 * used. A reference is the number of a block; 0 is none. Sessions and tails are found by their
 * kind, everything else through them. */
#ifndef CORE_REGION_INSIDE_H
#define CORE_REGION_INSIDE_H

#include <stdatomic.h>

#include "base/check.h"
#include "core/region.h"

enum { REGION_FORMAT = 1, REGION_CHAIN_BYTES = 248, REGION_QUEUE_SLOTS = 15 };
/* Of one state, stanza, list of holes. */
enum { REGION_BLOB_BYTES_MAX = 1 << 28 };
enum { REGION_SESSION_INLINE = 144, REGION_TAIL_INLINE = 208 };

#define REGION_MAGIC 0x6e6f69676572620aULL

enum region_block_kind {
    BLOCK_FREE = 0,
    BLOCK_SESSION = 0x73657373,
    BLOCK_TAIL = 0x7461696c,
    BLOCK_CHAIN = 0x636861e9,
    BLOCK_QUEUE = 0x71756575,
};

struct region_head {
    uint64_t magic;
    uint64_t format;
    uint8_t boot_id[16];
    uint64_t layout;
    uint32_t high;
};

/* Bytes that are too long for where they belong: a blob is told by a word, block | length << 32,
 * and fills as many of these as it needs. */
struct region_chain {
    uint32_t kind, next;
    char bytes[REGION_CHAIN_BYTES];
};

/* In the length of a word: the first bytes stand beside it, see region_session. */
#define REGION_INLINE (1U << 31)
/* In the bytes of a slot: `word` tells a blob, not a position. */
#define REGION_VOLATILE (1U << 31)

struct region_slot {
    uint64_t word;
    uint32_t flags, bytes;
};

/* Entries are numbered like the outbound stanzas that they are: from counters.out_h on, below
 * session.tail. */
struct region_queue {
    uint32_t kind, next;
    uint32_t first; /* number of slots[0] */
    uint32_t spare;
    struct region_slot slots[REGION_QUEUE_SLOTS];
};

struct region_session {
    uint32_t kind;
    uint32_t queue_last; /* of the writer alone */
    uint8_t id[REGION_ID_BYTES];
    struct region_counters counters;
    uint64_t state;          /* a word */
    uint32_t queue_first;    /* holds the entry out_h, or stands before the block that does */
    uint32_t tail;           /* number of the next entry */
    uint64_t volatile_bytes; /* of the writer alone */
    char bytes[REGION_SESSION_INLINE];
};

struct region_tail {
    uint32_t kind;
    uint32_t valid; /* which of the two is; the other one is free to be written */
    struct {
        uint64_t sent;
        uint64_t holes; /* a word */
    } state[2];
    uint64_t owner; /* a word */
    char bytes[REGION_TAIL_INLINE];
};

_Static_assert(sizeof(struct region_head) <= REGION_BLOCK, "the head fits");
_Static_assert(sizeof(struct region_chain) == REGION_BLOCK, "blocks are full");
_Static_assert(sizeof(struct region_queue) == REGION_BLOCK, "blocks are full");
_Static_assert(sizeof(struct region_session) == REGION_BLOCK, "blocks are full");
_Static_assert(sizeof(struct region_tail) == REGION_BLOCK, "blocks are full");

struct region {
    struct region_memory memory;
    uint32_t high;  /* blocks below it are free (on the heap's list) or taken */
    uint32_t *free; /* a stack */
    size_t free_count, free_cap;
    unsigned grow_wait; /* after a failure: so many wishes are refused without trying */
};

/* ---------------------------------------------------------------------------------------- stores
 * The process may die between any two of them. What has to be in order is published: neither the
 * compiler nor the processor moves another store over it, in either direction. (That another
 * processor could see them in another order does not matter: whoever reads comes later.) */

#ifdef REGION_TEST
void region_test_stored(void);
#define REGION_STORED() region_test_stored()
enum { REGION_STORE_BYTES = 8 };
#else
#define REGION_STORED() ((void)0)
enum { REGION_STORE_BYTES = REGION_BLOCK };
#endif

static inline void region_put32(uint32_t *at, uint32_t value)
{
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
    atomic_signal_fence(memory_order_seq_cst);
    REGION_STORED();
}

static inline void region_put64(uint64_t *at, uint64_t value)
{
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
    atomic_signal_fence(memory_order_seq_cst);
    REGION_STORED();
}

/* Bytes that nobody sees yet. */
static inline void region_put_bytes(void *at, const void *from, size_t len)
{
    for (size_t done = 0; done < len; done += REGION_STORE_BYTES) {
        size_t part = len - done < REGION_STORE_BYTES ? len - done : REGION_STORE_BYTES;
        memcpy((char *)at + done, (const char *)from + done, part);
        REGION_STORED();
    }
}

/* ---------------------------------------------------------------------------------------- blocks
 */

static inline void *region_block(const struct region *r, uint32_t block)
{
    return r->memory.base + (size_t)block * REGION_BLOCK;
}

/* Makes sure that region_take succeeds n times; false: no room. */
bool region_reserve(struct region *r, size_t n);
/* A block that is nobody's: its kind may be anything but a session or a tail. */
uint32_t region_take(struct region *r);
/* Nobody refers to it any more. */
void region_give(struct region *r, uint32_t block);

static inline uint32_t region_word_block(uint64_t word)
{
    return (uint32_t)word;
}

static inline size_t region_word_len(uint64_t word)
{
    return (uint32_t)(word >> 32) & ~REGION_INLINE;
}

static inline bool region_word_inline(uint64_t word)
{
    return (word >> 32 & REGION_INLINE) != 0;
}

/* Blocks that a blob needs when its first `beside` bytes stand elsewhere. */
size_t region_blob_blocks(size_t len, size_t beside);
/* Writes a blob and tells its word; the blocks are reserved. Its first bytes go to beside[cap];
 * NULL, 0: none do. */
uint64_t region_blob_write(struct region *r, struct slice bytes, char *beside, size_t cap);
/* Gives its blocks back. cap as above. */
void region_blob_free(struct region *r, uint64_t word, size_t cap);

/* ----------------------------------------------------------------------------------------- reads
 * One reader for the living and for the dead, so that what comes back is what was there. */

struct region_view {
    const char *base;
    uint32_t blocks; /* that may be looked at */
    uint64_t *seen;  /* bit n: block n was read before, and so belongs to another. NULL: trusted */
};

static inline struct region_view region_view(const struct region *r)
{
    return (struct region_view){.base = r->memory.base, .blocks = r->high};
}

/* Appends the blob's bytes; false: damaged (or no memory), something may have been appended. */
bool region_blob_read(struct region_view *v, uint64_t word, const char *beside, size_t cap,
                      struct buf *out);
/* Appends the image of the record; false: damaged (or no memory), nothing was appended. */
bool region_image_write(struct region_view *v, uint32_t block, struct buf *out);

/* -------------------------------------------------------------------------------------- sessions
 */

struct region_session *region_session_at(const struct region *r, region_ref session);
/* region_session_new in two steps: a session that is not there yet, and then is. */
region_ref region_session_make(struct region *r, const uint8_t id[REGION_ID_BYTES],
                               struct slice state, const struct region_counters *counters);
void region_session_publish(struct region *r, region_ref session);
/* Drops it, published or not. */
void region_session_clear(struct region *r, region_ref session);
bool region_queue_push(struct region *r, struct region_session *s, const struct region_entry *e);

#endif

/* Memory that outlives the process: sessions that can be resumed, and what of each account's log
 * has been taken (design, section 5).
 *
 * A region is plain memory of the driver (a mapped file) in blocks of REGION_BLOCK bytes; what is
 * in it is told by offsets, so that another process reads it. One shard writes it, in an order in
 * which every state between two stores is good: a record is there from the release store of its
 * kind on, a queue entry from that of the queue's tail on. So it survives the death of the process
 * at any instruction, without a system call. It does not survive the machine: see region_stamp.
 * Everything that is needed to find free blocks is kept outside, on the heap.
 *
 * Pure: the memory is handed in. The base address never changes while the region is used. */
#ifndef CORE_REGION_H
#define CORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { REGION_BLOCK = 256, REGION_ID_BYTES = 16, REGION_SETTLED_WORDS = 4 };

struct region;

struct region_memory {
    char *base;       /* aligned to 8; zeroed when new */
    size_t bytes;     /* may be used now */
    size_t bytes_max; /* may be used after grow */
    /* Makes `bytes` bytes usable; false: it cannot. NULL: it never can. */
    bool (*grow)(void *ctx, size_t bytes);
    /* Told when something found no room, at the first time and then once in a while; or NULL. */
    void (*full)(void *ctx);
    void *ctx;
};

/* Who may trust what is in a region: the same boot of the same machine, the same layout. */
struct region_stamp {
    uint8_t boot_id[16];
    uint64_t layout; /* hash of whatever the meaning of the state bytes depends on */
};

/* Formats the memory, which holds nothing that is wanted any more. Writes the first block alone;
 * the others are written when they are used. */
struct region *region_new(const struct region_memory *memory, const struct region_stamp *stamp);
/* Frees the heap's part; the memory stays as it is. */
void region_free(struct region **r);
size_t region_used(const struct region *r); /* bytes in blocks that are taken */

/* -------------------------------------------------------------------------------------- sessions
 */

/* Numbers of a session that change with every stanza; in the region's memory, to be written in
 * place. Each is one aligned store. */
struct region_counters {
    uint64_t cursor; /* last position of the account's log that was applied */
    uint64_t settled[REGION_SETTLED_WORDS]; /* bit n % 256: of inbound number n, for n in
                                               (in_h, in_h + 256]; what it says of n, and of
                                               n + 256 when it is the other way, is in sm.c */
    uint32_t in_h;                          /* inbound stanzas: the settled prefix, modulo 2^32 */
    uint32_t out_h;  /* outbound stanzas that the client has acknowledged, modulo 2^32; written by
                        region_pop alone, for it is the front of the queue, too */
    uint32_t flags;  /* the session's own */
    uint32_t told_h; /* inbound stanzas that the client was told of long before (resend.h) */
    int64_t left_wall_ms; /* the stream was lost then; 0: it is connected */
};

/* An unacknowledged stanza. */
struct region_entry {
    uint64_t position;  /* in the log; 0: volatile, the bytes are kept here */
    uint32_t flags;     /* the session's own: role, ... */
    struct slice bytes; /* of a volatile one; lives until it is acknowledged */
};

typedef uint32_t region_ref; /* 0: none */

/* A session with this id and these state bytes; 0: no room. It is there (for another process) when
 * this returns. */
region_ref region_session_new(struct region *r, const uint8_t id[REGION_ID_BYTES],
                              struct slice state, const struct region_counters *counters);
void region_session_drop(struct region *r, region_ref session);
struct region_counters *region_session_counters(struct region *r, region_ref session);
/* Replaces the state bytes at once; false: no room, the old ones stay. */
bool region_session_state(struct region *r, region_ref session, struct slice state);
struct slice region_session_id(struct region *r, region_ref session);
/* The state bytes, appended to out. */
void region_session_read(struct region *r, region_ref session, struct buf *out);

/* The queue of unacknowledged stanzas, oldest first. push: false: no room, nothing happened. The
 * entry is published by one release store; an entry with a position also means that the cursor is
 * not below it, and raises it. */
bool region_push(struct region *r, region_ref session, const struct region_entry *entry);
size_t region_count(const struct region *r, region_ref session);
size_t region_bytes(const struct region *r, region_ref session); /* of volatile ones */
/* Walks the queue: *at = 0 at first, false at the end. bytes are appended to `bytes` (cleared
 * before) when the entry is volatile, and point there; they are wrong when bytes->failed. Nothing
 * is popped meanwhile. */
bool region_next(struct region *r, region_ref session, uint64_t *at, struct region_entry *out,
                 struct buf *bytes);
/* The same without the bytes of volatile ones. */
bool region_peek(const struct region *r, region_ref session, uint64_t *at,
                 struct region_entry *out);
/* Sets flags of the entry that was walked over last: *at as it was left. One store. */
void region_flag(struct region *r, region_ref session, uint64_t at, uint32_t flags);
/* The first n entries are acknowledged and go; counters.out_h grows with them. */
void region_pop(struct region *r, region_ref session, size_t n);

/* --------------------------------------------------------------------------------------- tails
 */

/* What of an account's log has been taken: all up to `sent`, but for the holes (ascending
 * positions), which are to be sent again. Written through here as long as the store may know less.
 * 0: no room. */
region_ref region_tail_new(struct region *r, struct slice owner, uint64_t sent,
                           const uint64_t *holes, size_t n);
void region_tail_drop(struct region *r, region_ref tail);
void region_tail_sent(struct region *r, region_ref tail, uint64_t sent); /* one store */
/* Replaces both at once: where `sent` passes what becomes a hole, there is no moment between them.
 * False: no room, all stays as it was; then it is better dropped than believed. */
bool region_tail_set(struct region *r, region_ref tail, uint64_t sent, const uint64_t *holes,
                     size_t n);

/* ----------------------------------------------------------------------------- after the process
 */

/* Images: what is in a region, in bytes without offsets, for another node, shard or binary. */
enum region_kind { REGION_SESSION = 1, REGION_TAIL = 2 };

struct region_image {
    enum region_kind kind;
    /* A session. */
    uint8_t id[REGION_ID_BYTES];
    struct region_counters counters;
    struct slice state;
    struct slice queue; /* region_image_next */
    uint32_t queue_count;
    /* A tail. */
    struct slice owner;
    uint64_t sent;
    struct slice holes; /* of uint64_t, in the machine's order; unaligned */
};

/* One record as an image, appended to out. */
void region_session_image(struct region *r, region_ref session, struct buf *out);
/* Reads an image; slices live with text. False: damaged. */
bool region_image_read(struct slice text, struct region_image *out);
bool region_image_next(const struct region_image *image, size_t *at, struct region_entry *out);
/* Makes the record of a session's image in r; 0: no room or damaged. */
region_ref region_session_restore(struct region *r, const struct region_image *image);

enum region_trust {
    REGION_GOOD,
    REGION_EMPTY,   /* never formatted, or zero */
    REGION_STALE,   /* another boot: nothing in it may be believed */
    REGION_FOREIGN, /* another format or layout */
    REGION_DAMAGED,
};
/* What the first bytes (a block is enough) say of the rest, and how much of it is to be read. */
enum region_trust region_judge(const char *base, size_t bytes, const struct region_stamp *stamp,
                               size_t *used_out);
/* Reads the memory of a process that is gone and gives an image of every record to fn; nothing in
 * it is trusted to be well formed: offsets and lengths are checked, chains are bounded. A damaged
 * record is skipped and counted in *damaged_out. */
enum region_trust region_recover(const char *base, size_t bytes, const struct region_stamp *stamp,
                                 void (*fn)(void *ctx, struct slice image), void *ctx,
                                 unsigned *damaged_out);

#endif

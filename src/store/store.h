/* The asynchronous storage interface. Three shapes carry everything:
 *
 *   kv   one value per owner and name                (owner "alice@host", name "vcard", key "")
 *   map  many keyed values per owner and name, in insertion order (name "roster", key = contact)
 *   log  entries with one payload and up to 4 owners, at positions given in commit order
 *
 * A kv is a map whose only key is empty; both are "items". A request is a heap object that moves:
 * the submitter gives it away and gets it back, answered, exactly once. A batch is atomic: all of
 * it is durable when its answer comes, or none of it happened. A query sees one snapshot, and sees
 * every batch of the same submitter that was answered before it was submitted. Reads never wait for
 * the writer. Answers of batches come in commit order per shard.
 *
 * Owners are prepared bare JIDs or domains; names are literals of [a-z0-9:._/-], at most 64 bytes.
 * Keys and values are bytes; keys at most 3071 bytes, values at most STORE_VALUE_BYTES. A name is
 * used for items or for a log, not for both.
 *
 * What a batch demands (STORE_ADD, STORE_EXPECT) is judged against the state before the batch; then
 * its writes are carried out in order. The empty key comes first in a map; all others stand in the
 * order in which they were first put. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

enum {
    STORE_VALUE_BYTES = 8 << 20,
    STORE_KEY_BYTES = 3071, /* also of an owner and a peer */
    STORE_NAME_BYTES = 64,
    STORE_ORIGIN_BYTES = 64,
    STORE_LOG_OWNERS = 4,
    STORE_TEXT_BYTES = 1024, /* of what is searched for */
    /* A list or range ends behind the row that brings the answer over this; more is true then. */
    STORE_ANSWER_BYTES = 4 << 20,
    /* A range or search looks at so many entries of its owner; more is true when there is another.
     */
    STORE_RANGE_LOOKS = 10000,
};

#define STORE_ECHO_NONE UINT32_MAX

enum store_op {
    /* Writes, in a batch. */
    STORE_PUT,    /* owner, name, key, value: replaces or adds (a replaced key keeps its place) */
    STORE_ADD,    /* the same, but the batch fails with ERR_EXISTS when the key is there */
    STORE_EXPECT, /* owner, name, key, value: the batch fails with ERR_NOT_FOUND unless the item
                     exists with exactly this value (value.ptr NULL: any value) */
    STORE_DELETE, /* owner, name, key: absent is fine */
    STORE_CLEAR,  /* owner, name: all keys */
    STORE_APPEND, /* name, owners, labels, value: a log entry; answered with its position. Those of
                     one batch stand one behind the other */
    STORE_DROP,   /* owner, name, from..to (inclusive positions): the owner's part of the log
                     entries; an entry goes when its last owner goes. The work grows with what is
                     dropped and holds up the batches behind it: a large log goes in slices */
    STORE_DROP_OWNER, /* owner: every item and every part in a log */
    STORE_REPLACE,    /* owner, name, from = position: the entry gets these flags and, unless
                         value.ptr is NULL, this value; for all its owners. Absent is fine */
    /* Reads, in a query. */
    STORE_GET,    /* owner, name, key: 0 or 1 row */
    STORE_LIST,   /* owner, name, key = "after this key" (ptr NULL: from the start), limit,
                     backwards; ERR_NOT_FOUND when that key is not there */
    STORE_RANGE,  /* log: owner, name, from..to, filter, limit, backwards: rows in order */
    STORE_SEARCH, /* the same, and every word of text is one of the entry's text (store/words.h) */
    STORE_COUNT,  /* owner, name: one row, position = count of log entries or items, wall_ms = bytes
                     of their values */
    STORE_OWNERS, /* name, key = "after this owner" (ptr NULL: from the start), limit: owners
                     that hold an item of this name, in byte order, in row.key */
    STORE_REPLAY, /* log: name, from..to, limit: entries of all owners in order; row.key has their
                     owners, with a NUL between two */
};

/* Labels of a log entry: what can be asked for or marked later. An owner that leaves an entry with
 * an empty peer becomes its peer, so that those who stay still know the other side. */
struct store_labels {
    struct slice peer;   /* bare JID of the other side; may be empty, best so when it is an owner */
    int64_t wall_ms;     /* stamp */
    uint32_t flags;      /* the owner's meaning */
    struct slice origin; /* idempotency key of the sender, at most 64 bytes, may be empty */
};

/* Which entries of a range are wanted. */
struct store_filter {
    struct slice peer; /* ptr NULL: any. The entry's peer or another owner is this one; when it is
                          the asking owner itself: its only owner and its peer are */
    int64_t wall_from, wall_to;        /* stamps, inclusive */
    uint32_t flags_mask, flags_wanted; /* flags & mask == wanted */
};

#define STORE_FILTER_NONE ((struct store_filter){.wall_from = INT64_MIN, .wall_to = INT64_MAX})

/* What an entry of a log says, for STORE_SEARCH: given to a store when it is opened. False: it says
 * nothing that could be searched for. Called on any thread of the store; pure. */
struct store_text {
    bool (*of)(void *ctx, struct slice name, struct slice value, uint32_t flags, struct buf *out);
    void *ctx;
};

struct store_row {
    uint32_t read; /* which read of the query it answers: 0, 1, ... */
    struct slice key, value;
    uint64_t position; /* log rows, counts */
    struct store_labels labels;
};

struct store_step; /* one operation; inside of the request */

struct store_request {
    struct list link; /* for whoever holds the request */
    uint32_t shard;   /* the submitter's mark, untouched: where the answer goes */
    uint64_t ticket;  /* the submitter's mark, untouched: a flow handle */
    bool write;       /* a batch, else a query */
    bool urgent;      /* reserved for small reads that a person waits for */
    uint32_t echo;    /* another shard that is to be told of the batch; STORE_ECHO_NONE */
    struct buf data;  /* the operations, encoded without pointers */
    uint32_t steps;   /* how many */
    /* The answer. */
    int err;           /* 0, ERR_EXISTS, ERR_NOT_FOUND (STORE_EXPECT, STORE_LIST), ERR_FULL,
                          ERR_REFUSED (STORE_SEARCH: the store was opened without store_text),
                          ERR_READONLY, ERR_IO, ERR_CORRUPT, ERR_BUSY (too slow: try again),
                          ERR_LIMIT (an owner, key, value, peer, origin or text was too long, a
                          text had too many words, or an answer was too large), ERR_MEMORY */
    uint64_t position; /* of the last STORE_APPEND in the batch; where the last STORE_RANGE or
                          STORE_SEARCH is taken up again, behind this one, when there is more */
    bool more;         /* a limit cut the rows of the last read; an earlier read that does not fit
                          into STORE_ANSWER_BYTES fails the query with ERR_LIMIT */
    struct buf rows;   /* encoded; store_rows */
    uint32_t row_count;
};

/* A new request; never NULL. Freed by store_request_free (data is wiped). */
struct store_request *store_batch_new(uint32_t shard, uint64_t ticket);
struct store_request *store_query_new(uint32_t shard, uint64_t ticket);
void store_request_free(struct store_request **r);

/* What the shard `echo` of a batch that was carried out is told: a copy with the answer, no ticket,
 * and the echo's shard as its own. The user of a store makes it where answers arrive, so that every
 * shard hears of batches in commit order. NULL: nobody is to be told. */
struct store_request *store_echo(const struct store_request *r);

/* Builders. What they are given is copied. A failed buffer shows as ERR_MEMORY in the answer, a
 * length over its limit (or an empty owner) as ERR_LIMIT; neither does anything else. The name's
 * form, the number of owners (1 to STORE_LOG_OWNERS; equal ones count once) and the kind of request
 * are CHECKed. A limit of 0 is none. */
void store_put(struct store_request *r, struct slice owner, struct slice name, struct slice key,
               struct slice value);
void store_add(struct store_request *r, struct slice owner, struct slice name, struct slice key,
               struct slice value);
void store_expect(struct store_request *r, struct slice owner, struct slice name, struct slice key,
                  struct slice value);
void store_delete(struct store_request *r, struct slice owner, struct slice name, struct slice key);
void store_clear(struct store_request *r, struct slice owner, struct slice name);
void store_append(struct store_request *r, struct slice name, const struct slice *owners, size_t n,
                  const struct store_labels *labels, struct slice value);
void store_drop(struct store_request *r, struct slice owner, struct slice name, uint64_t from,
                uint64_t to);
void store_drop_owner(struct store_request *r, struct slice owner);
void store_replace(struct store_request *r, struct slice owner, struct slice name,
                   uint64_t position, uint32_t flags, struct slice value);

void store_get(struct store_request *r, struct slice owner, struct slice name, struct slice key);
void store_list(struct store_request *r, struct slice owner, struct slice name, struct slice after,
                uint32_t limit);
/* The same, the newest first; before ptr NULL: from the end. */
void store_list_back(struct store_request *r, struct slice owner, struct slice name,
                     struct slice before, uint32_t limit);
void store_range(struct store_request *r, struct slice owner, struct slice name, uint64_t from,
                 uint64_t to, uint32_t limit, bool backwards);
void store_range_where(struct store_request *r, struct slice owner, struct slice name,
                       uint64_t from, uint64_t to, uint32_t limit, bool backwards,
                       const struct store_filter *filter);
/* Entries of the range with every word of text in what they say, whatever the order; a text without
 * words finds nothing. */
void store_search(struct store_request *r, struct slice owner, struct slice name, struct slice text,
                  uint64_t from, uint64_t to, uint32_t limit, bool backwards,
                  const struct store_filter *filter);
void store_replay(struct store_request *r, struct slice name, uint64_t from, uint64_t to,
                  uint32_t limit);
void store_count(struct store_request *r, struct slice owner, struct slice name);
void store_owners(struct store_request *r, struct slice name, struct slice after, uint32_t limit);

/* Walks the rows of an answer: *at = 0 at first; false at the end. Slices live with the request. */
bool store_rows(const struct store_request *r, size_t *at, struct store_row *out);

/* For drivers: 0, or what the builders found (ERR_MEMORY, ERR_LIMIT); such a request is answered
 * with it and not carried out. */
int store_request_check(const struct store_request *r);
/* For drivers: walks the operations; slices live with the request. */
struct store_operation {
    enum store_op op;
    struct slice owner, name, key, value, text;
    struct slice owners[STORE_LOG_OWNERS];
    size_t owner_count;
    struct store_labels labels;
    struct store_filter filter;
    uint64_t from, to;
    uint32_t limit;
    bool backwards;
};
bool store_operations(const struct store_request *r, size_t *at, struct store_operation *out);
/* For drivers: whether an entry passes; shares_peer: another of its owners is filter.peer, alone:
 * it has no other owner than the asking one. */
bool store_filter_passes(const struct store_filter *filter, struct slice owner,
                         const struct store_labels *labels, bool shares_peer, bool alone);
/* For drivers: adds a row to the answer; 0 or ERR_MEMORY. */
int store_answer_row(struct store_request *r, const struct store_row *row);
/* For drivers, before each read of a query: 0, or ERR_LIMIT: what was read already fills the
 * answer. */
int store_answer_begin(struct store_request *r);
/* For drivers: true when a row may follow n rows of the same read, of which limit are wanted (0:
 * all). False when there are enough of them or the answer is full; more is true then. */
bool store_answer_room(struct store_request *r, size_t n, uint32_t limit);
/* For drivers: empties the answer. */
void store_answer_clear(struct store_request *r);

/* A store as its users see it: SQLite (db), memory (below), a faulty one around either. */
struct store {
    const struct store_ops *ops;
    /* Set by the owner before the first submit: takes the answered request. A driver may call it on
     * a thread of its own; the twins call it from store_run. */
    void (*answered)(void *ctx, struct store_request *r);
    void *ctx;
};

struct store_ops {
    /* Takes the request; returns at once. */
    void (*submit)(struct store *s, struct store_request *r);
    /* The twins work here: up to n requests are carried out and answered; how many were. Drivers
     * with threads do nothing. */
    size_t (*run)(struct store *s, size_t n);
    /* Waits for what was submitted, answers it, closes. */
    void (*free)(struct store *s);
};

static inline void store_submit(struct store *s, struct store_request *r)
{
    s->ops->submit(s, r);
}

static inline size_t store_run(struct store *s, size_t n)
{
    return s->ops->run(s, n);
}

static inline void store_free(struct store **s)
{
    if (*s != NULL)
        (*s)->ops->free(*s);
    *s = NULL;
}

/* The in-memory twin: same conformance suite as the drivers. Deterministic; batches and queries are
 * carried out one after the other in the order of submission. */
struct store *store_memory_new(void);
/* What its entries say; before the first request. Without it searches are refused. */
void store_memory_text(struct store *twin, const struct store_text *text);

/* A faulty twin around another store (which it owns): answers chosen by a script, which is asked in
 * the order of submission, when the request's turn comes in store_run. What it passes on is
 * submitted to the inner store then, and run there, so that answers keep their order. */
struct store_faults {
    int (*batch_error)(void *ctx, const struct store_request *r); /* 0: pass on; else answer this */
    int (*query_error)(void *ctx, const struct store_request *r);
    void *ctx;
};
struct store *store_faulty_new(struct store *inner, const struct store_faults *faults);

#endif

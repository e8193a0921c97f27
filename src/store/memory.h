/* Inside of the in-memory twin. */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "base/hash.h"
#include "store/store.h"

/* Everything of one owner under one name: items in their order, and the owner's part of a log. */
struct shelf {
    struct hnode node; /* in memory.shelves, by owner and name */
    char *owner, *name;
    size_t owner_len, name_len;
    struct hmap by_key;
    struct list items;
    size_t item_count;
    struct entry **log; /* by position */
    size_t log_count, log_cap;
};

struct item {
    struct hnode node; /* in shelf.by_key */
    struct list link;  /* in shelf.items */
    char *key, *value;
    size_t key_len, value_len;
};

struct entry {
    uint64_t position;
    struct shelf *owners[STORE_LOG_OWNERS]; /* shelves that hold it, or NULL */
    int64_t wall_ms;
    uint32_t flags;
    char *peer, *origin, *value;
    size_t peer_len, origin_len, value_len;
};

struct memory {
    struct store store;
    struct list queue;
    struct hmap shelves;
    struct store_text text; /* of NULL: searches are refused */
    uint64_t last_position;
};

static inline struct slice memory_owner(const struct shelf *s)
{
    return slice_of(s->owner, s->owner_len);
}

/* NULL: there is none. */
struct shelf *memory_shelf(const struct memory *m, struct slice owner, struct slice name);
/* s may be NULL. */
struct item *memory_item(const struct shelf *s, struct slice key);
unsigned memory_entry_owners(const struct entry *e);
/* The entries from..to (inclusive) are log[*first_out .. *end_out - 1]. */
void memory_span(const struct shelf *s, uint64_t from, uint64_t to, size_t *first_out,
                 size_t *end_out);

/* Answers a query: its error. */
int memory_query(const struct memory *m, struct store_request *r);

#endif

/* Keyed hashing and an intrusive hash table. The key is 128 random bits, so a peer cannot choose
 * collisions (SipHash-1-3; Aumasson and Bernstein). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_key *key, struct slice s);
/* Continues over a second part. Each part carries its length, so ("ab", "c") and ("a", "bc") are
 * different inputs. */
uint64_t hash_pair(const struct hash_key *key, struct slice a, struct slice b);

struct hnode {
    struct hnode *next;
    uint64_t hash;
};

/* Chained table; grows by doubling. Zero-initialised is a valid empty table. */
struct hmap {
    struct hnode **buckets;
    size_t count;
    size_t cap; /* 0 or a power of two */
};

/* Makes room for one more, so that hmap_insert cannot fail: 0 or ERR_MEMORY. Without it, running
 * out of memory ends the process. */
int hmap_reserve(struct hmap *m);
/* node is linked; the caller has seen that no equal one is in the table. */
void hmap_insert(struct hmap *m, struct hnode *node, uint64_t hash);
/* First candidate with this hash, then hmap_next; the caller compares the key itself. */
struct hnode *hmap_first(const struct hmap *m, uint64_t hash);
struct hnode *hmap_next(const struct hnode *node, uint64_t hash);
/* node is in the table. */
void hmap_remove(struct hmap *m, struct hnode *node);
/* Walks everything; start with NULL. The current node must not be removed before stepping. */
struct hnode *hmap_walk(const struct hmap *m, const struct hnode *at);
/* Frees the buckets, not the nodes. */
void hmap_free(struct hmap *m);
/* Longest chain, for tests. */
size_t hmap_chain_max(const struct hmap *m);

#endif

/* Keyed hashing (SipHash-1-3) and an intrusive hash table. */
#include "base/hash.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

enum { HMAP_FIRST_CAP = 8 };

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    s->v0 ^= m;
}

static void sip_start(struct sip *s, const struct hash_key *key)
{
    s->v0 = key->k0 ^ 0x736f6d6570736575ULL;
    s->v1 = key->k1 ^ 0x646f72616e646f6dULL;
    s->v2 = key->k0 ^ 0x6c7967656e657261ULL;
    s->v3 = key->k1 ^ 0x7465646279746573ULL;
}

/* Whole words, then a last word with the remaining bytes and the length on top. */
static void sip_bytes(struct sip *s, struct slice in)
{
    size_t whole = in.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t m;
        memcpy(&m, in.ptr + i, 8);
        sip_word(s, m);
    }
    uint64_t last = (uint64_t)in.len << 56;
    if (in.len > whole) {
        unsigned char rest[8] = {0};
        memcpy(rest, in.ptr + whole, in.len - whole);
        uint64_t m;
        memcpy(&m, rest, 8);
        last |= m;
    }
    sip_word(s, last);
}

static uint64_t sip_end(struct sip *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_bytes(const struct hash_key *key, struct slice in)
{
    struct sip s;
    sip_start(&s, key);
    sip_bytes(&s, in);
    return sip_end(&s);
}

uint64_t hash_pair(const struct hash_key *key, struct slice a, struct slice b)
{
    struct sip s;
    sip_start(&s, key);
    sip_bytes(&s, a);
    sip_bytes(&s, b);
    return sip_end(&s);
}

static size_t next_cap(const struct hmap *m)
{
    return m->cap > 0 ? m->cap * 2 : HMAP_FIRST_CAP;
}

static void hmap_grow(struct hmap *m, struct hnode **buckets)
{
    size_t cap = next_cap(m);
    for (size_t i = 0; i < m->cap; i++) {
        struct hnode *node = m->buckets[i];
        while (node != NULL) {
            struct hnode *next = node->next;
            node->next = buckets[node->hash & (cap - 1)];
            buckets[node->hash & (cap - 1)] = node;
            node = next;
        }
    }
    mem_free(m->buckets);
    m->buckets = buckets;
    m->cap = cap;
}

int hmap_reserve(struct hmap *m)
{
    if (m->count < m->cap)
        return 0;
    struct hnode **buckets = calloc(next_cap(m), sizeof(*buckets));
    if (buckets == NULL)
        return ERR_MEMORY;
    hmap_grow(m, buckets);
    return 0;
}

void hmap_insert(struct hmap *m, struct hnode *node, uint64_t hash)
{
    if (m->count >= m->cap)
        hmap_grow(m, mem_array(next_cap(m), sizeof(*m->buckets)));
    node->hash = hash;
    node->next = m->buckets[hash & (m->cap - 1)];
    m->buckets[hash & (m->cap - 1)] = node;
    m->count++;
}

struct hnode *hmap_first(const struct hmap *m, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    struct hnode *node = m->buckets[hash & (m->cap - 1)];
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

struct hnode *hmap_next(const struct hnode *node, uint64_t hash)
{
    struct hnode *next = node->next;
    while (next != NULL && next->hash != hash)
        next = next->next;
    return next;
}

void hmap_remove(struct hmap *m, struct hnode *node)
{
    CHECK(m->cap > 0);
    struct hnode **at = &m->buckets[node->hash & (m->cap - 1)];
    while (*at != node) {
        CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->count--;
}

struct hnode *hmap_walk(const struct hmap *m, const struct hnode *at)
{
    size_t i = 0;
    if (at != NULL) {
        if (at->next != NULL)
            return at->next;
        i = (at->hash & (m->cap - 1)) + 1;
    }
    for (; i < m->cap; i++)
        if (m->buckets[i] != NULL)
            return m->buckets[i];
    return NULL;
}

void hmap_free(struct hmap *m)
{
    mem_free(m->buckets);
    *m = (struct hmap){0};
}

size_t hmap_chain_max(const struct hmap *m)
{
    size_t longest = 0;
    for (size_t i = 0; i < m->cap; i++) {
        size_t n = 0;
        for (const struct hnode *node = m->buckets[i]; node != NULL; node = node->next)
            n++;
        if (n > longest)
            longest = n;
    }
    return longest;
}

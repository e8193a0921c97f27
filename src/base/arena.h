/* Bump allocator with a byte cap: the lifetime of one stanza. The cap is the limit; reaching it is
 * an error value, never an abort. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *head;
    size_t used; /* bytes handed out and wasted, over all chunks */
    size_t cap;  /* 0: no cap */
};

/* Aligned to 8, not zeroed; NULL when the cap or memory is exhausted. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of s (not NUL-terminated); ptr is NULL on failure. */
struct slice arena_copy(struct arena *a, struct slice s);
/* Forgets everything, keeps one chunk of the first size for the next stanza. */
void arena_reset(struct arena *a);
/* Gives all memory back; the cap stays. */
void arena_free(struct arena *a);

#endif

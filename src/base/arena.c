/* Bump allocator with a byte cap. A block that would leave much of a chunk unused gets a chunk of
 * its own behind the first one, so that what is held stays close to what was handed out. Under
 * AddressSanitizer everything that is not handed out is poisoned. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(ptr, len)   ((void)(ptr), (void)(len))
#define __asan_unpoison_memory_region(ptr, len) ((void)(ptr), (void)(len))
#endif

enum { ARENA_CHUNK_BYTES = 4096, ARENA_LARGE_BYTES = 1024, ARENA_ALIGN = 8 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    char data[];
};

enum { ARENA_CHUNK_ROOM = ARENA_CHUNK_BYTES - sizeof(struct arena_chunk) };

/* Not inlined: the compiler would warn that nothing was written there yet. */
__attribute__((noinline)) static void hide(struct arena_chunk *c)
{
    __asan_poison_memory_region(c->data, c->size);
}

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *c = malloc(sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    *c = (struct arena_chunk){.size = size};
    hide(c);
    return c;
}

static bool within_cap(const struct arena *a, size_t size)
{
    return a->cap == 0 || (size <= a->cap && a->used <= a->cap - size);
}

/* The chunk that has room for size bytes, a new one if need be; what it wastes counts as used. */
static struct arena_chunk *chunk_for(struct arena *a, size_t size)
{
    struct arena_chunk *head = a->head;
    size_t left = head != NULL ? head->size - head->used : 0;
    if (head != NULL && left >= size)
        return within_cap(a, size) ? head : NULL;
    bool large = size > ARENA_LARGE_BYTES;
    size_t waste = large ? 0 : left;
    if (!within_cap(a, size + waste))
        return NULL;
    struct arena_chunk *c = chunk_new(large ? size : ARENA_CHUNK_ROOM);
    if (c == NULL)
        return NULL;
    a->used += waste;
    if (large && head != NULL) {
        c->next = head->next;
        head->next = c;
    } else {
        c->next = head;
        a->head = c;
    }
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_chunk *c = chunk_for(a, rounded);
    if (c == NULL)
        return NULL;
    void *ptr = c->data + c->used;
    __asan_unpoison_memory_region(ptr, size);
    c->used += rounded;
    a->used += rounded;
    return ptr;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len > 0 ? s.len : 1);
    if (copy == NULL)
        return SLICE_NONE;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return slice_of(copy, s.len);
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *kept = NULL;
    while (a->head != NULL) {
        struct arena_chunk *c = a->head;
        a->head = c->next;
        if (kept == NULL && c->size == ARENA_CHUNK_ROOM)
            kept = c;
        else
            free(c);
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
        hide(kept);
    }
    a->head = kept;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    while (a->head != NULL) {
        struct arena_chunk *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->used = 0;
}

/* Bump allocator with a byte cap. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { ARENA_CHUNK_BYTES = 4096, ARENA_ALIGN = 8 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    char data[];
};

static struct arena_chunk *arena_grow(struct arena *a, size_t need)
{
    size_t size = ARENA_CHUNK_BYTES - sizeof(struct arena_chunk);
    if (size < need)
        size = need;
    struct arena_chunk *c = malloc(sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    c->next = a->head;
    c->used = 0;
    c->size = size;
    a->head = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->cap != 0 && (size > a->cap || a->used > a->cap - size))
        return NULL;
    struct arena_chunk *c = a->head;
    if (c == NULL || c->size - c->used < size) {
        c = arena_grow(a, size);
        if (c == NULL)
            return NULL;
    }
    void *ptr = c->data + c->used;
    c->used += size;
    a->used += size;
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
    while (a->head != NULL && a->head->next != NULL) {
        struct arena_chunk *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    if (a->head != NULL && a->head->size > ARENA_CHUNK_BYTES) {
        free(a->head);
        a->head = NULL;
    }
    if (a->head != NULL)
        a->head->used = 0;
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

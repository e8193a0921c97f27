/* Handles: index and generation. */
#include "core/handle.h"

#include "base/check.h"
#include "base/mem.h"

enum { HANDLES_FIRST = 16 };

uint64_t handle_new(struct handles *h, void *object)
{
    CHECK(object != NULL);
    uint32_t i;
    if (h->free_head != 0) {
        i = h->free_head - 1;
        h->free_head = h->slots[i].next_free;
    } else {
        if (h->count == h->cap) {
            h->cap = h->cap > 0 ? h->cap * 2 : HANDLES_FIRST;
            h->slots = mem_resize(h->slots, h->cap, sizeof(*h->slots));
        }
        i = h->count++;
        h->slots[i].generation = 1;
    }
    h->slots[i].object = object;
    return (uint64_t)h->slots[i].generation << 32 | (i + 1);
}

void *handle_get(const struct handles *h, uint64_t handle)
{
    uint32_t i = (uint32_t)handle;
    if (i == 0 || i > h->count || h->slots[i - 1].generation != (uint32_t)(handle >> 32))
        return NULL;
    return h->slots[i - 1].object;
}

void *handle_walk(const struct handles *h, uint32_t *at)
{
    while (*at < h->count) {
        void *object = h->slots[(*at)++].object;
        if (object != NULL)
            return object;
    }
    return NULL;
}

void handle_drop(struct handles *h, uint64_t handle)
{
    CHECK(handle_get(h, handle) != NULL);
    uint32_t i = (uint32_t)handle - 1;
    h->slots[i].object = NULL;
    h->slots[i].generation++;
    h->slots[i].next_free = h->free_head;
    h->free_head = i + 1;
}

void handles_free(struct handles *h)
{
    mem_free(h->slots);
    *h = (struct handles){0};
}

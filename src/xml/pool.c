/* The buffer of a parser: the pool of records.
 *
 * A growing pool is copied, so that the old and the new one live side by side for a moment. Both
 * together, and all else that the parser holds, stay within XML_MEMORY_FACTOR x bytes of the stanza
 * + XML_MEMORY_BASE: the size of the new one is what that bound leaves, at most double the old. As
 * records take at most 1.5 bytes per byte of input, it is always at least 1.5 times the old. */
#include <stdlib.h>

#include "base/check.h"
#include "xml/machine.h"

enum { FIRST_BYTES = 1024, SPARE_BYTES = 64 };

bool xml_pool_grow(struct xml_machine *p, uint32_t n, const uint8_t *at)
{
    uint64_t fed = p->bytes + (uint64_t)(at - p->base);
    uint64_t need = (uint64_t)p->pool.used + n;
    uint64_t held = sizeof(struct xml_parser) + p->size + p->pool.cap;
    uint64_t bound = XML_MEMORY_FACTOR * fed + XML_MEMORY_BASE;
    uint64_t cap = p->pool.cap > 0 ? 2 * (uint64_t)p->pool.cap : FIRST_BYTES;
    if (held + cap > bound)
        cap = bound > held ? bound - held : 0;
    if (cap < need)
        cap = need;
    CHECK(cap < UINT32_MAX);
    WORK(p->pool.used);
    uint8_t *grown = realloc(p->pool.bytes, cap);
    if (grown == NULL)
        return false;
    p->pool.bytes = grown;
    p->pool.cap = (uint32_t)cap;
    return true;
}

bool xml_pool_long(struct xml_machine *p, uint32_t len)
{
    if (!xml_pool_room(p, 4))
        return false;
    uint8_t *at = p->pool.bytes + p->pool.used - len;
    memmove(at + 4, at, len);
    WORK(len);
    rec_set_u32(at, len);
    p->pool.used += 4;
    return true;
}

void xml_pool_free(struct xml_machine *p)
{
    free(p->pool.bytes);
    p->pool = (struct xml_pool){0};
    p->tree = (struct xml_tree){0};
}

void xml_pool_trim(struct xml_machine *p)
{
    uint32_t cap = p->pool.used + SPARE_BYTES;
    if (cap < FIRST_BYTES)
        cap = FIRST_BYTES;
    if (p->pool.cap / 2 < cap)
        return;
    uint8_t *trimmed = realloc(p->pool.bytes, cap);
    if (trimmed == NULL)
        return;
    p->pool.bytes = trimmed;
    p->pool.cap = cap;
}

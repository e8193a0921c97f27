/* Private to xml: writing characters so that they are read as themselves. */
#ifndef XML_ESCAPE_H
#define XML_ESCAPE_H

#include "base/buf.h"
#include "base/slice.h"

static inline bool put_room(struct buf *out, size_t n)
{
    return (out->cap - out->end >= n && !out->failed) || buf_reserve(out, n) == 0;
}

/* Bytes that need no care. */
static inline void put_raw(struct buf *out, struct slice s)
{
    if (s.len == 0 || !put_room(out, s.len))
        return;
    memcpy(out->ptr + out->end, s.ptr, s.len);
    out->end += (uint32_t)s.len;
}

#endif

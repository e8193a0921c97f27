/* Private to xml: writing characters so that they are read as themselves. */
#ifndef XML_ESCAPE_H
#define XML_ESCAPE_H

#include "base/buf.h"
#include "base/slice.h"

/* "<name" or the like: bytes that need no care. */
static inline void put_raw(struct buf *out, struct slice s)
{
    if (out->cap - out->end >= s.len && !out->failed) {
        if (s.len > 0)
            memcpy(out->ptr + out->end, s.ptr, s.len);
        out->end += (uint32_t)s.len;
    } else {
        buf_add(out, s);
    }
}

#endif

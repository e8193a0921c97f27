/* A growable byte buffer with a consuming front. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

enum { BUF_FIRST_BYTES = 256 };

int buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return ERR_MEMORY;
    if (b->cap - b->end >= n)
        return 0;
    size_t used = buf_len(b);
    if (b->start > 0 && b->cap - used >= n && b->start >= used) {
        memmove(b->ptr, b->ptr + b->start, used);
        b->start = 0;
        b->end = (uint32_t)used;
        return 0;
    }
    size_t need, cap = b->cap > 0 ? b->cap : BUF_FIRST_BYTES;
    if (__builtin_add_overflow((size_t)b->end, n, &need) || need > BUF_BYTES_MAX) {
        b->failed = 1;
        return ERR_MEMORY;
    }
    while (cap < need)
        cap *= 2;
    char *grown = realloc(b->ptr, cap);
    if (grown == NULL) {
        b->failed = 1;
        return ERR_MEMORY;
    }
    b->ptr = grown;
    b->cap = (uint32_t)cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return b->failed ? ERR_MEMORY : 0;
    int err = buf_reserve(b, len);
    if (err != 0)
        return err;
    memcpy(b->ptr + b->end, data, len);
    b->end += (uint32_t)len;
    return 0;
}

int buf_add(struct buf *b, struct slice s)
{
    return buf_append(b, s.ptr, s.len);
}

int buf_byte(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    CHECK(n >= 0);
    int err = buf_reserve(b, (size_t)n + 1);
    if (err != 0)
        return err;
    vsnprintf(b->ptr + b->end, (size_t)n + 1, fmt, args);
    b->end += (uint32_t)n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int err = buf_vprintf(b, fmt, args);
    va_end(args);
    return err;
}

void buf_consume(struct buf *b, size_t n)
{
    CHECK(n <= buf_len(b));
    b->start += (uint32_t)n;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buf_truncate(struct buf *b, size_t len)
{
    CHECK(len <= buf_len(b));
    b->end = b->start + (uint32_t)len;
}

void buf_clear(struct buf *b)
{
    b->start = b->end = 0;
    b->failed = 0;
}

void buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

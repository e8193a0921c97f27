/* A growable byte buffer with a consuming front. Growth failure is an error, not an abort, and is
 * sticky: appends after it are refused too, so a writer checks once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf {
    char *ptr;
    uint32_t start; /* first unread byte */
    uint32_t end;   /* behind the last byte */
    uint32_t cap;
    uint32_t failed; /* ERR_MEMORY happened */
};

#define BUF_BYTES_MAX (1u << 30)

static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->ptr + b->start, b->end - b->start);
}

/* Room for n more bytes at ptr + end: 0 or ERR_MEMORY. */
int buf_reserve(struct buf *b, size_t n);
int buf_append(struct buf *b, const void *data, size_t len);
int buf_add(struct buf *b, struct slice s);
#define buf_lit(b, lit) buf_append((b), (lit), sizeof(lit) - 1)
int buf_byte(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
/* Drops n bytes from the front; n <= buf_len. */
void buf_consume(struct buf *b, size_t n);
/* Cuts the content back to len bytes; len <= buf_len. */
void buf_truncate(struct buf *b, size_t len);
/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *b);
/* Gives the memory back. */
void buf_free(struct buf *b);

#endif

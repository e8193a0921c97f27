/* Byte slices: pointer and length, never NUL-terminated. A slice owns nothing. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE(lit) ((struct slice){.ptr = (lit), .len = sizeof(lit) - 1})
#define SLICE_NONE ((struct slice){.ptr = NULL, .len = 0})
/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).len, (s).ptr != NULL ? (s).ptr : ""

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){.ptr = ptr, .len = len};
}

static inline struct slice slice_z(const char *z)
{
    return (struct slice){.ptr = z, .len = z != NULL ? strlen(z) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Compares with a literal: slice_is(name, "message"). */
#define slice_is(s, lit) slice_eq((s), SLICE(lit))

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline struct slice slice_from(struct slice s, size_t at)
{
    return slice_of(s.ptr + at, s.len - at);
}

/* Total order by bytes, then by length: -1, 0, 1. */
int slice_compare(struct slice a, struct slice b);

/* Where key stands in a table that is sorted so, or where it belongs. key_at(table, i): the key of
 * the i-th of count entries. */
size_t slice_place(struct slice key, const void *table, size_t count,
                   struct slice (*key_at)(const void *table, size_t i), bool *found_out);

/* First position of c, or s.len. */
size_t slice_find(struct slice s, char c);

/* Parses a decimal number of 1..20 digits and nothing else; false on overflow or junk. */
bool slice_to_u64(struct slice s, unsigned long long *out);

/* The same with an optional sign, in int range. */
bool slice_to_int(struct slice s, int *out);

#endif

/* Byte slices: comparison and number parsing. */
#include "base/slice.h"

#include <limits.h>

int slice_compare(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c != 0)
        return c < 0 ? -1 : 1;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

size_t slice_place(struct slice key, const void *table, size_t count,
                   struct slice (*key_at)(const void *table, size_t i), bool *found_out)
{
    size_t low = 0, high = count;
    *found_out = false;
    while (low < high && !*found_out) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(key_at(table, middle), key);
        *found_out = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *found_out ? high : low;
}

size_t slice_find(struct slice s, char c)
{
    const char *hit = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return hit != NULL ? (size_t)(hit - s.ptr) : s.len;
}

bool slice_to_u64(struct slice s, unsigned long long *out)
{
    if (s.len == 0 || s.len > 20)
        return false;
    unsigned long long n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(n, 10ULL, &n) ||
            __builtin_add_overflow(n, (unsigned long long)(s.ptr[i] - '0'), &n))
            return false;
    }
    *out = n;
    return true;
}

bool slice_to_int(struct slice s, int *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = slice_from(s, 1);
    unsigned long long n;
    if (!slice_to_u64(s, &n) || n > (unsigned long long)INT_MAX + negative)
        return false;
    *out = negative ? (int)-(long long)n : (int)n;
    return true;
}

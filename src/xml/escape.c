/* Character data and attribute values on their way out (XML 1.0, 2.4 and 3.3.3): stretches of plain
 * characters are copied as they are.
 *
 * '>' is always escaped, so that "]]>" never arises. In values, white space other than the space
 * is written as references, because a reader would turn it into spaces. */
#include "xml/escape.h"

#include "xml/writer.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { IN_TEXT = 1, IN_VALUE = 2 };

static const uint8_t ESCAPED[256] = {
    ['&'] = IN_TEXT | IN_VALUE,  ['<'] = IN_TEXT | IN_VALUE, ['>'] = IN_TEXT | IN_VALUE,
    ['\r'] = IN_TEXT | IN_VALUE, ['\''] = IN_VALUE,          ['"'] = IN_VALUE,
    ['\t'] = IN_VALUE,           ['\n'] = IN_VALUE,
};

static struct slice escape_of(uint8_t c)
{
    switch (c) {
    case '&':
        return SLICE("&amp;");
    case '<':
        return SLICE("&lt;");
    case '>':
        return SLICE("&gt;");
    case '\'':
        return SLICE("&apos;");
    case '"':
        return SLICE("&quot;");
    case '\t':
        return SLICE("&#9;");
    case '\n':
        return SLICE("&#10;");
    default:
        return SLICE("&#13;");
    }
}

/* Copies the plain stretch at the front of s, for which there is room; returns its length. */
static inline size_t copy_bytes(char *w, struct slice s, unsigned where)
{
    size_t n = 0;
    for (; n < s.len && (ESCAPED[(uint8_t)s.ptr[n]] & where) == 0; n++)
        w[n] = s.ptr[n];
    return n;
}

#ifdef __SSE2__
enum { BLOCK = 16 };

/* Bits of the bytes that need an escape. */
static inline unsigned escaped(__m128i v, unsigned where)
{
    /* '<' and '>' differ in one bit, and so do '&' and '\''. */
    __m128i hit = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
    if (where == IN_TEXT) {
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
    } else {
        __m128i quote = _mm_or_si128(v, _mm_set1_epi8(1)), top = _mm_set1_epi8(0x1f);
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(quote, _mm_set1_epi8('\'')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(v, top), top));
    }
    return (unsigned)_mm_movemask_epi8(hit);
}

/* Fewer than 16 bytes, as two parts that overlap. */
static inline size_t copy_short(char *w, struct slice s, unsigned where)
{
    if (s.len >= 8) {
        __m128i a = _mm_loadl_epi64((const __m128i *)(const void *)s.ptr);
        __m128i b = _mm_loadl_epi64((const __m128i *)(const void *)(s.ptr + s.len - 8));
        if (escaped(_mm_unpacklo_epi64(a, b), where) != 0)
            return copy_bytes(w, s, where);
        _mm_storel_epi64((__m128i *)(void *)w, a);
        _mm_storel_epi64((__m128i *)(void *)(w + s.len - 8), b);
        return s.len;
    }
    if (s.len >= 4) {
        uint32_t a, b;
        memcpy(&a, s.ptr, 4);
        memcpy(&b, s.ptr + s.len - 4, 4);
        __m128i v = _mm_unpacklo_epi32(_mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b));
        if ((escaped(v, where) & 0xff) != 0)
            return copy_bytes(w, s, where);
        memcpy(w, &a, 4);
        memcpy(w + s.len - 4, &b, 4);
        return s.len;
    }
    return copy_bytes(w, s, where);
}

static inline size_t copy_plain(char *w, struct slice s, unsigned where)
{
    if (s.len < BLOCK)
        return copy_short(w, s, where);
    size_t n = 0;
    for (;;) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + n));
        _mm_storeu_si128((__m128i *)(void *)(w + n), v);
        unsigned hit = escaped(v, where);
        if (hit != 0)
            return n + (unsigned)__builtin_ctz(hit);
        if (n + BLOCK == s.len)
            return s.len;
        n = s.len - n < 2 * BLOCK ? s.len - BLOCK : n + BLOCK; /* the last one overlaps */
    }
}
#else
static inline size_t copy_plain(char *w, struct slice s, unsigned where)
{
    return copy_bytes(w, s, where);
}
#endif

static inline void put_escaped(struct buf *out, struct slice s, unsigned where)
{
    while (s.len > 0 && put_room(out, s.len)) {
        size_t n = copy_plain(out->ptr + out->end, s, where);
        out->end += (uint32_t)n;
        if (n == s.len)
            return;
        uint8_t c = (uint8_t)s.ptr[n];
        put_raw(out, (ESCAPED[c] & where) != 0 ? escape_of(c) : slice_of(s.ptr + n, 1));
        s = slice_from(s, n + 1);
    }
}

void xml_write_text(struct buf *out, struct slice text)
{
    put_escaped(out, text, IN_TEXT);
}

void xml_write_value(struct buf *out, struct slice value)
{
    put_escaped(out, value, IN_VALUE);
}

void xml_write_attr(struct buf *out, struct slice name, struct slice value)
{
    if (!put_room(out, name.len + 3))
        return;
    char *w = out->ptr + out->end;
    *w++ = ' ';
    if (name.len > 0)
        memcpy(w, name.ptr, name.len);
    memcpy(w + name.len, "='", 2);
    out->end += (uint32_t)name.len + 3;
    put_escaped(out, value, IN_VALUE);
    put_raw(out, SLICE("'"));
}

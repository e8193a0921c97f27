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

/* Length of the plain stretch at the front of s. */
static inline size_t plain(struct slice s, unsigned where)
{
    size_t n = 0;
#ifdef __SSE2__
    for (; s.len - n >= 16; n += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + n));
        __m128i hit = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
        if (where == IN_TEXT) {
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
        } else { /* '&' and '\'' differ in one bit; so may control characters, none of which else
                    is there */
            hit = _mm_or_si128(
                hit, _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(1)), _mm_set1_epi8('\'')));
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
            hit = _mm_or_si128(
                hit, _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f)));
        }
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask != 0)
            return n + (unsigned)__builtin_ctz(mask);
    }
#endif
    while (n < s.len && (ESCAPED[(uint8_t)s.ptr[n]] & where) == 0)
        n++;
    return n;
}

static inline void put_escaped(struct buf *out, struct slice s, unsigned where)
{
    for (;;) {
        size_t n = plain(s, where);
        put_raw(out, slice_of(s.ptr, n));
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

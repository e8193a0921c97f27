/* Private to xml: classes of characters (XML 1.0, fifth edition, 2.2 and 2.3), and the inner loops
 * that copy stretches of plain characters. */
#ifndef XML_CHARS_H
#define XML_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    CH_NAME_START = 1, /* without ':' and without what is not ASCII */
    CH_NAME = 2,
    CH_SPACE = 4,
    CH_TEXT_STOP = 8,   /* not copied blindly in text */
    CH_VALUE_STOP = 16, /* nor in values */
};

extern const uint8_t XML_CHARS[256];

static inline bool ch_is(uint8_t c, unsigned classes)
{
    return (XML_CHARS[c] & classes) != 0;
}

/* Char: what may stand in a document at all. */
static inline bool ch_allowed(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    return code < 0xd800 || (code >= 0xe000 && code < 0xfffe) ||
           (code >= 0x10000 && code <= 0x10ffff);
}

/* NameStartChar and NameChar beyond ASCII. */
bool ch_is_name_start(uint32_t code);
bool ch_is_name(uint32_t code);

enum { CH_BLOCK = 16 };

/* Copies 16 bytes, of which at least as many are plain characters of text (quote 0) or of a value
 * as it returns. */
static inline unsigned ch_copy_block(uint8_t *w, const uint8_t *s, uint8_t quote)
{
#ifdef __SSE2__
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
    _mm_storeu_si128((__m128i *)(void *)w, v);
    /* Signed comparison finds control characters and what is not ASCII in one. */
    __m128i stop = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
    if (quote == 0) { /* '<' and '>' differ in one bit */
        __m128i angle = _mm_or_si128(v, _mm_set1_epi8(2));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(angle, _mm_set1_epi8('>')));
    } else {
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('<')));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8((char)quote)));
    }
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(stop) | 1U << CH_BLOCK);
#else
    unsigned n = 0;
    for (; n < CH_BLOCK && !ch_is(s[n], quote == 0 ? CH_TEXT_STOP : CH_VALUE_STOP); n++)
        w[n] = s[n];
    return n;
#endif
}

/* Length of the run of ASCII name characters, without ':', at the front of 16 bytes. */
static inline unsigned ch_name_run(const uint8_t *s)
{
#ifdef __SSE2__
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i other = _mm_sub_epi8(v, _mm_set1_epi8('-')); /* "-./0123456789" */
    __m128i name = _mm_cmpeq_epi8(letter, _mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')));
    other = _mm_cmpeq_epi8(other, _mm_min_epu8(other, _mm_set1_epi8('9' - '-')));
    other = _mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('/')), other);
    name = _mm_or_si128(name, _mm_or_si128(other, _mm_cmpeq_epi8(v, _mm_set1_epi8('_'))));
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(name));
#else
    unsigned n = 0;
    while (n < 16 && ch_is(s[n], CH_NAME))
        n++;
    return n;
#endif
}

struct xml_machine;

/* Copy from p->p to the pool up to a byte that needs a decision, or to p->end. false: no memory. */
bool xml_copy_text(struct xml_machine *p);
bool xml_copy_value(struct xml_machine *p);

#endif

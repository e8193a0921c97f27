/* Classes of characters (XML 1.0, fifth edition, 2.2 and 2.3), and the inner loops that copy
 * stretches of plain characters, 16 bytes at a time where the machine can.
 *
 * The loops check UTF-8 (RFC 3629) as they go. Whatever they do not pass over, they leave to the
 * caller: a loop may stop too early, never too late. */
#include "xml/chars.h"

#include "xml/machine.h"

#define STOP (CH_TEXT_STOP | CH_VALUE_STOP)

const uint8_t XML_CHARS[256] = {
    [0x00 ... 0x08] = STOP,
    ['\t'] = CH_SPACE | STOP,
    ['\n'] = CH_SPACE | STOP,
    [0x0b ... 0x0c] = STOP,
    ['\r'] = CH_SPACE | STOP,
    [0x0e ... 0x1f] = STOP,
    [' '] = CH_SPACE,
    ['"'] = CH_VALUE_STOP,
    ['&'] = STOP,
    ['\''] = CH_VALUE_STOP,
    ['-'] = CH_NAME,
    ['.'] = CH_NAME,
    ['0' ... '9'] = CH_NAME,
    ['<'] = STOP,
    ['>'] = CH_TEXT_STOP,
    ['A' ... 'Z'] = CH_NAME_START | CH_NAME,
    ['_'] = CH_NAME_START | CH_NAME,
    ['a' ... 'z'] = CH_NAME_START | CH_NAME,
    [0x80 ... 0xff] = STOP,
};

struct range {
    uint32_t first, last;
};

static const struct range NAME_START[] = {
    {0xc0, 0xd6},     {0xd8, 0xf6},     {0xf8, 0x2ff},    {0x370, 0x37d},
    {0x37f, 0x1fff},  {0x200c, 0x200d}, {0x2070, 0x218f}, {0x2c00, 0x2fef},
    {0x3001, 0xd7ff}, {0xf900, 0xfdcf}, {0xfdf0, 0xfffd}, {0x10000, 0xeffff},
};

bool ch_is_name_start(uint32_t code)
{
    for (size_t i = 0; i < sizeof(NAME_START) / sizeof(NAME_START[0]); i++) {
        if (code <= NAME_START[i].last)
            return code >= NAME_START[i].first;
    }
    return false;
}

bool ch_is_name(uint32_t code)
{
    return ch_is_name_start(code) || code == 0xb7 || (code >= 0x300 && code <= 0x36f) ||
           code == 0x203f || code == 0x2040;
}

static inline bool follows(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the character at p when it is whole, valid and allowed; 0 otherwise. */
static inline unsigned char_length(const uint8_t *p, const uint8_t *end)
{
    ptrdiff_t left = end - p;
    if (p[0] < 0xe0)
        return left >= 2 && p[0] >= 0xc2 && follows(p[1]) ? 2 : 0;
    if (p[0] < 0xf0) {
        if (left < 3 || !follows(p[1]) || !follows(p[2]))
            return 0;
        unsigned code = (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
        return code >= 0x800 && (code < 0xd800 || code >= 0xe000) && code < 0xfffe ? 3 : 0;
    }
    if (left < 4 || !follows(p[1]) || !follows(p[2]) || !follows(p[3]))
        return 0;
    unsigned high = (p[0] & 0x0fU) << 6 | (p[1] & 0x3fU); /* code >> 12 */
    return p[0] <= 0xf4 && high >= 0x10 && high <= 0x10f ? 4 : 0;
}

/* Copies ASCII up to a stop; at most up to full in the pool, which has CH_BLOCK bytes behind it. */
static inline const uint8_t *copy_ascii(const uint8_t *p, const uint8_t *end, uint8_t **w,
                                        const uint8_t *full, uint8_t quote)
{
    while (end - p >= CH_BLOCK && *w <= full) {
        unsigned n = ch_copy_block(*w, p, quote);
        if (n < CH_BLOCK) {
            *w += n;
            return p + n;
        }
        p += CH_BLOCK; /* not n: the next block need not wait for it */
        *w += CH_BLOCK;
    }
    unsigned stop_class = quote == 0 ? CH_TEXT_STOP : CH_VALUE_STOP;
    while (p < end && *w <= full && !ch_is(*p, stop_class))
        *(*w)++ = *p++;
    return p;
}

/* Copies whole characters beyond ASCII; stops like copy_ascii, and at what is cut or malformed. */
static inline const uint8_t *copy_wide(const uint8_t *p, const uint8_t *end, uint8_t **w,
                                       const uint8_t *full)
{
    while (p < end && *p >= 0x80 && *w <= full) {
        unsigned n = char_length(p, end);
        if (n == 0)
            break;
        for (unsigned i = 0; i < n; i++)
            (*w)[i] = p[i];
        p += n;
        *w += n;
    }
    return p;
}

static inline bool copy(struct xml_machine *x, uint8_t quote)
{
    const uint8_t *p = x->p, *end = x->end;
    bool full;
    do {
        if (x->pool.cap - x->pool.used < 2 * CH_BLOCK && !xml_pool_grow(x, 2 * CH_BLOCK, p))
            return false;
        uint8_t *w = x->pool.bytes + x->pool.used;
        const uint8_t *last = x->pool.bytes + x->pool.cap - CH_BLOCK;
        const uint8_t *wide;
        do {
            wide = copy_ascii(p, end, &w, last, quote);
            p = copy_wide(wide, end, &w, last);
        } while (p != wide);
        x->pool.used = (uint32_t)(w - x->pool.bytes);
        full = w > last;
    } while (full && p < end);
    WORK((uint64_t)(p - x->p) + 1);
    x->p = p;
    return true;
}

bool xml_copy_text(struct xml_machine *p)
{
    return copy(p, 0);
}

bool xml_copy_value(struct xml_machine *p)
{
    return copy(p, p->quote);
}

/* Attributes (XML 1.0, 3.1 and 3.3.3; Namespaces in XML, 5 and 6.3). An attribute is written into
 * its record as it comes; one that lies whole in the input is taken in one go. */
#include "xml/name.h"

/* Makes the record at the end of the pool the last attribute of the tag. */
static inline uint8_t *link_record(struct xml_machine *p)
{
    uint8_t *b = p->pool.bytes;
    if (p->attr != 0)
        b[p->attr] &= (uint8_t)~REC_LAST;
    else
        b[p->element] |= REC_ATTRS;
    p->attr = p->pool.used;
    b[p->attr] = REC_ATTR | REC_LAST;
    return b + p->attr;
}

/* Whether an attribute of this tag before the last one has the same name as written. */
static inline bool is_repeated(struct xml_machine *p, const uint8_t *name, uint32_t len)
{
    /* A name whose bit is not set has not been seen. */
    uint64_t bit = 1ULL << ((name[0] * 5U + name[len - 1] * 11U + name[len / 2] + len) & 63);
    if ((p->seen & bit) == 0) {
        p->seen |= bit;
        return false;
    }
    const uint8_t *r = p->pool.bytes + p->element, *last = p->pool.bytes + p->attr;
    for (r += rec_element_size(r); r != last; r += rec_attr_size(r)) {
        WORK(1);
        if (rec_attr_qname_len(r) == len && memcmp(r + rec_attr_head(r), name, len) == 0)
            return true;
    }
    return false;
}

/* The name of the last attribute, record r, is known. */
static inline enum step named(struct xml_machine *p, uint8_t *r)
{
    const uint8_t *name = r + rec_attr_head(r);
    if (is_repeated(p, name, rec_attr_qname_len(r)))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    /* "xmlns" alone, or as the prefix. */
    bool prefixed = (r[0] & REC_PREFIXED) != 0;
    p->value_is_decl = r[prefixed ? 4 : 1] == 5 && memcmp(name, "xmlns", 5) == 0;
    if (p->value_is_decl)
        r[0] |= REC_DECL;
    else if (p->attrs++ >= p->limits.attributes)
        return xml_bad(p, XML_TOO_COMPLEX);
    p->prefixed_attrs |= prefixed && !p->value_is_decl;
    return STEP_ON;
}

/* --- in one go --- */

enum { PLAIN_VALUE_MAX = REC_SHORT_MAX - CH_BLOCK, PLAIN_ROOM = 3 + 2 * CH_BLOCK + REC_SHORT_MAX };

/* Takes name='value' when it is ASCII without prefix and reference, not long, and whole. false:
 * nothing was taken. */
static inline bool take_plain(struct xml_machine *p)
{
    const uint8_t *s = p->p, *end = p->end;
    if (end - s < 2 * CH_BLOCK || p->pool.cap - p->pool.used < PLAIN_ROOM)
        return false;
    unsigned n = ch_name_run(s), run;
    uint8_t quote = s[n + 1];
    if (n == 0 || n == CH_BLOCK || n > p->limits.name_bytes || s[n] != '=' ||
        (quote != '\'' && quote != '"'))
        return false;
    uint8_t *r = p->pool.bytes + p->pool.used, *value = r + 3 + n;
    memcpy(r + 3, s, CH_BLOCK);
    s += n + 2;
    uint32_t len = 0;
    do {
        if (end - s < CH_BLOCK || len > PLAIN_VALUE_MAX)
            return false;
        run = ch_copy_block(value + len, s, quote);
        len += run;
        s += run;
    } while (run == CH_BLOCK);
    if (*s != quote)
        return false;
    WORK(n + len);
    link_record(p);
    r[1] = (uint8_t)n;
    r[2] = (uint8_t)len;
    p->pool.used = (uint32_t)(value + len - p->pool.bytes);
    p->p = s + 1;
    return true;
}

/* --- bit by bit --- */

static enum step begin(struct xml_machine *p)
{
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    link_record(p);
    p->pool.used += 3;
    p->name_at = p->pool.used;
    p->colon = 0;
    p->state = S_ATTR;
    return xml_attr_name(p);
}

enum step xml_attr_name(struct xml_machine *p)
{
    enum step step = xml_name_read(p);
    if (step != STEP_ON)
        return step;
    if (p->colon != 0 && !xml_name_shift(p, 2))
        return xml_bad(p, XML_MEMORY);
    uint8_t *r = p->pool.bytes + p->attr;
    if (p->colon == 0) {
        r[1] = (uint8_t)(p->pool.used - p->name_at);
    } else {
        r[0] |= REC_PREFIXED;
        r[1] = (uint8_t)(p->pool.used - p->colon - 3);
        r[3] = SPACE_NONE;
        r[4] = (uint8_t)(p->colon - p->name_at);
    }
    p->state = S_EQUALS;
    return named(p, r);
}

enum step xml_attr_begin(struct xml_machine *p)
{
    if (!take_plain(p))
        return begin(p);
    uint8_t *r = p->pool.bytes + p->attr;
    enum step step = named(p, r);
    p->state = step == STEP_ON ? S_TAG : p->state;
    return step == STEP_ON && p->value_is_decl ? xml_declare(p, r) : step;
}

enum step xml_value_done(struct xml_machine *p)
{
    uint32_t len = p->pool.used - p->value_at;
    if (len > REC_SHORT_MAX && !xml_pool_long(p, len))
        return xml_bad(p, XML_MEMORY);
    uint8_t *r = p->pool.bytes + p->attr;
    if (len > REC_SHORT_MAX) {
        r[0] |= REC_LONG;
        len = 0;
    }
    r[2] = (uint8_t)len;
    p->quote = 0;
    p->state = S_TAG;
    return p->value_is_decl ? xml_declare(p, r) : STEP_ON;
}

/* --- namespaces --- */

/* Whether two attributes with prefixes have the same name; r lies before other. */
static bool same_name(const uint8_t *r, const uint8_t *other)
{
    return r[1] == other[1] && r[3] == other[3] &&
           memcmp(rec_attr_name(r).ptr, rec_attr_name(other).ptr, r[1]) == 0;
}

enum step xml_attrs_resolve(struct xml_machine *p)
{
    uint8_t *first = p->pool.bytes + p->element, *r, *last = p->pool.bytes + p->attr;
    first += rec_element_size(first);
    for (r = first; r <= last; r += rec_attr_size(r)) {
        if ((r[0] & (REC_PREFIXED | REC_DECL)) != REC_PREFIXED)
            continue;
        int ns = xml_prefix_lookup(p, r + 5, r[4]);
        if (ns < 0)
            return xml_bad(p, XML_NOT_WELL_FORMED);
        r[3] = (uint8_t)ns;
        if (ns != SPACE_XML &&
            !xml_count_rewritten(p, (unsigned)ns, sizeof(" xmlns:ns120='' ns120:")))
            return xml_bad(p, XML_TOO_COMPLEX);
        for (const uint8_t *q = first; q < r; q += rec_attr_size(q)) {
            WORK(1);
            if ((q[0] & (REC_PREFIXED | REC_DECL)) == REC_PREFIXED && same_name(q, r))
                return xml_bad(p, XML_NOT_WELL_FORMED);
        }
    }
    return STEP_ON;
}

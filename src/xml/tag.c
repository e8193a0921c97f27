/* Start tags and end tags (XML 1.0, 3.1; Namespaces in XML, 4 and 6).
 *
 * Names and attributes are written into their records as they come. A prefix is found out at its
 * colon, and what it stands for when the tag is complete. */
#include "xml/chars.h"
#include "xml/machine.h"

/* --- names --- */

/* The part of a name behind the colon, or the whole. */
static inline uint32_t part_at(const struct xml_parser *p)
{
    return p->colon != 0 ? p->colon + 1 : p->name_at;
}

static enum step name_wide(struct xml_parser *p)
{
    uint32_t code;
    enum step step = xml_take_char(p, &code);
    if (step != STEP_ON)
        return step;
    bool first = p->pool.used == part_at(p);
    if (first ? !ch_is_name_start(code) : !ch_is_name(code))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (!xml_pool_room(p, 4))
        return xml_bad(p, XML_MEMORY);
    memcpy(p->pool.bytes + p->pool.used, p->part, sizeof(p->part));
    p->pool.used += p->part_len;
    p->part_len = 0;
    return STEP_ON;
}

/* Copies ASCII name characters. */
static inline enum step name_plain(struct xml_parser *p)
{
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    const uint8_t *s = p->p, *end = p->end;
    if (end - s > p->pool.cap - p->pool.used)
        end = s + (p->pool.cap - p->pool.used);
    uint8_t *w = p->pool.bytes + p->pool.used;
    if (s < end && p->pool.used == part_at(p) && !ch_is(*s, CH_NAME_START) && *s < 0x80)
        return xml_bad(p, XML_NOT_WELL_FORMED);
    while (s < end && ch_is(*s, CH_NAME))
        *w++ = *s++;
    WORK((uint64_t)(s - p->p) + 1);
    p->p = s;
    p->pool.used = (uint32_t)(w - p->pool.bytes);
    return STEP_ON;
}

static enum step name_any(struct xml_parser *p)
{
    for (;;) {
        enum step step = STEP_ON;
        if (p->part_len == 0)
            step = name_plain(p);
        if (step != STEP_ON)
            return step;
        if (p->pool.used - part_at(p) > p->limits.name_bytes)
            return xml_bad(p, XML_TOO_COMPLEX);
        if (p->p == p->end)
            return STEP_MORE;
        if (*p->p >= 0x80 || p->part_len > 0) {
            step = name_wide(p);
            if (step != STEP_ON)
                return step;
        } else if (*p->p == ':') {
            if (p->colon != 0 || !xml_pool_room(p, 1))
                return xml_bad(p, p->colon != 0 ? XML_NOT_WELL_FORMED : XML_MEMORY);
            p->colon = p->pool.used;
            p->pool.bytes[p->pool.used++] = ':';
            p->p++;
        } else if (!ch_is(*p->p, CH_NAME)) {
            return STEP_ON;
        }
    }
}

/* STEP_ON: the name is complete and p->p is behind it. */
static inline enum step name_run(struct xml_parser *p)
{
    /* The common case: a short name of ASCII without a prefix. */
    enum { BLOCK = 16 };
    const uint8_t *s = p->p;
    if (p->end - s >= BLOCK && p->pool.cap - p->pool.used >= BLOCK && p->pool.used == p->name_at &&
        p->part_len == 0) {
        unsigned n = ch_name_run(s);
        if (n < BLOCK && s[n] < 0x80 && s[n] != ':' && n <= p->limits.name_bytes &&
            ch_is(s[0], CH_NAME_START)) {
            memcpy(p->pool.bytes + p->pool.used, s, BLOCK);
            p->pool.used += n;
            p->p = s + n;
            WORK(n);
            return STEP_ON;
        }
    }
    return name_any(p);
}

/* Makes room for n bytes between a record's head and the name behind it, which has a prefix. */
static bool name_shift(struct xml_parser *p, unsigned n)
{
    if (!xml_pool_room(p, n))
        return false;
    uint8_t *name = p->pool.bytes + p->name_at;
    memmove(name + n, name, p->pool.used - p->name_at);
    WORK(p->pool.used - p->name_at);
    p->pool.used += n;
    return true;
}

/* --- elements --- */

static inline bool is_header(const struct xml_parser *p)
{
    return p->mode == XML_STREAM && !p->root;
}

enum step xml_element_begin(struct xml_parser *p)
{
    if (p->elements >= p->limits.elements || p->depth >= p->limits.depth)
        return xml_bad(p, XML_TOO_COMPLEX);
    if (!xml_text_done(p) || !xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    p->elements++;
    p->element = p->pool.used;
    p->attr = 0;
    p->attrs = 0;
    p->seen = 0;
    p->prefixed_attrs = false;
    p->fresh = false;
    p->pool.bytes[p->pool.used] = REC_ELEMENT;
    p->pool.used += 3;
    p->name_at = p->pool.used;
    p->colon = 0;
    p->state = S_NAME;
    return STEP_ON;
}

static inline enum step element_named(struct xml_parser *p)
{
    if (p->colon == 0) {
        p->pool.bytes[p->element + 2] = (uint8_t)(p->pool.used - p->name_at);
    } else {
        if (!name_shift(p, 1))
            return xml_bad(p, XML_MEMORY);
        uint8_t *r = p->pool.bytes + p->element;
        r[0] |= REC_PREFIXED;
        r[2] = (uint8_t)(p->pool.used - p->colon - 2);
        r[3] = (uint8_t)(p->colon - p->name_at);
    }
    p->state = S_TAG;
    return STEP_ON;
}

/* --- attributes --- */

static enum step attr_begin(struct xml_parser *p)
{
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    uint8_t *b = p->pool.bytes;
    if (p->attr != 0)
        b[p->attr] &= (uint8_t)~REC_LAST;
    else
        b[p->element] |= REC_ATTRS;
    p->attr = p->pool.used;
    b[p->attr] = REC_ATTR | REC_LAST;
    p->pool.used += 3;
    p->name_at = p->pool.used;
    p->colon = 0;
    p->state = S_ATTR;
    return STEP_ON;
}

/* Whether an attribute of this tag before the one at last has the same name as written. */
static bool attr_seen(struct xml_parser *p)
{
    const uint8_t *b = p->pool.bytes, *last = b + p->attr;
    uint32_t len = rec_attr_qname_len(last);
    const uint8_t *name = last + rec_attr_head(last);
    uint64_t bit = 1ULL << ((name[0] * 5U + name[len - 1] * 11U + name[len / 2] + len) & 63);
    if ((p->seen & bit) == 0) {
        p->seen |= bit;
        return false;
    }
    const uint8_t *r = b + p->element;
    for (r += rec_element_size(r); r != last; r += rec_attr_size(r)) {
        WORK(1);
        if (rec_attr_qname_len(r) == len && memcmp(r + rec_attr_head(r), name, len) == 0)
            return true;
    }
    return false;
}

static inline enum step attr_named(struct xml_parser *p)
{
    uint8_t *r = p->pool.bytes + p->attr;
    uint32_t len = p->pool.used - p->name_at;
    if (p->colon == 0) {
        r[1] = (uint8_t)len;
        p->value_is_decl = len == 5 && memcmp(r + 3, "xmlns", 5) == 0;
    } else {
        if (!name_shift(p, 2))
            return xml_bad(p, XML_MEMORY);
        r = p->pool.bytes + p->attr;
        r[0] |= REC_PREFIXED;
        r[1] = (uint8_t)(p->pool.used - p->colon - 3);
        r[3] = SPACE_NONE;
        r[4] = (uint8_t)(p->colon - p->name_at);
        p->value_is_decl = r[4] == 5 && memcmp(r + 5, "xmlns", 5) == 0;
        p->prefixed_attrs |= !p->value_is_decl;
    }
    if (attr_seen(p))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (p->value_is_decl)
        r[0] |= REC_DECL;
    else if (p->attrs++ >= p->limits.attributes)
        return xml_bad(p, XML_TOO_COMPLEX);
    p->state = S_EQUALS;
    return STEP_ON;
}

enum step xml_value_done(struct xml_parser *p)
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

/* --- the ends of tags --- */

/* Whether two attributes with prefixes have the same name; r lies before other. */
static bool same_name(const uint8_t *r, const uint8_t *other)
{
    return r[1] == other[1] && r[3] == other[3] &&
           memcmp(rec_attr_name(r).ptr, rec_attr_name(other).ptr, r[1]) == 0;
}

/* Gives the attributes with prefixes their namespaces. */
static enum step resolve_attrs(struct xml_parser *p)
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
        if (ns != SPACE_XML && !xml_count_rewritten(p, (unsigned)ns))
            return xml_bad(p, XML_TOO_COMPLEX);
        for (const uint8_t *q = first; q < r; q += rec_attr_size(q)) {
            WORK(1);
            if ((q[0] & (REC_PREFIXED | REC_DECL)) == REC_PREFIXED && same_name(q, r))
                return xml_bad(p, XML_NOT_WELL_FORMED);
        }
    }
    return STEP_ON;
}

static enum step tag_done(struct xml_parser *p, bool empty)
{
    if (p->prefixed_attrs && resolve_attrs(p) != STEP_ON)
        return STEP_BAD;
    uint8_t *r = p->pool.bytes + p->element;
    if ((r[0] & REC_PREFIXED) != 0) {
        int ns = xml_prefix_lookup(p, r + 4, r[3]);
        if (ns < 0)
            return xml_bad(p, XML_NOT_WELL_FORMED);
        r[1] = (uint8_t)ns;
    } else {
        r[1] = p->default_ns;
    }
    if (is_header(p))
        return xml_header_done(p, empty);
    if (p->depth > 0 && r[1] != p->pool.bytes[p->work->open[p->depth - 1].record + 1] &&
        !xml_count_rewritten(p, r[1]))
        return xml_bad(p, XML_TOO_COMPLEX);
    p->p++;
    p->state = S_TEXT;
    if (empty) {
        xml_undeclare(p);
        return p->depth == 0 ? xml_stanza_done(p) : STEP_ON;
    }
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    p->pool.bytes[p->element] |= REC_SPAN;
    p->work->open[p->depth++] = (struct xml_open){.record = p->element, .span = p->pool.used};
    p->pool.used += 4;
    return STEP_ON;
}

/* The bytes that the end tag must have. */
static struct slice awaited_name(const struct xml_parser *p)
{
    if (p->depth == 0)
        return slice_of((const char *)p->scope->bytes, p->scope->root_len);
    return rec_element_qname(p->pool.bytes + p->work->open[p->depth - 1].record);
}

static enum step end_done(struct xml_parser *p)
{
    if (p->depth == 0)
        return xml_root_closed(p);
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    p->depth--;
    uint32_t span = p->work->open[p->depth].span;
    p->pool.bytes[p->pool.used++] = REC_END;
    rec_set_u32(p->pool.bytes + span, p->pool.used - span);
    xml_undeclare(p);
    p->state = S_TEXT;
    return p->depth == 0 ? xml_stanza_done(p) : STEP_ON;
}

enum step xml_end_name(struct xml_parser *p)
{
    struct slice name = slice_from(awaited_name(p), p->matched);
    size_t n = (size_t)(p->end - p->p) < name.len ? (size_t)(p->end - p->p) : name.len;
    if (n > 0 && memcmp(p->p, name.ptr, n) != 0)
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->p += n;
    p->matched = (uint16_t)(p->matched + n);
    WORK(n);
    if (n < name.len)
        return STEP_MORE;
    p->state = S_END_SPACE;
    return STEP_ON;
}

/* --- the states --- */

static inline void skip_space(struct xml_parser *p)
{
    while (p->p < p->end && ch_is(*p->p, CH_SPACE))
        p->p++;
}

/* Behind the name of an attribute. */
static inline enum step equals(struct xml_parser *p)
{
    if (p->end - p->p < 2 || p->p[0] != '=' || (p->p[1] != '\'' && p->p[1] != '"'))
        return STEP_ON; /* white space, or the rest has not come yet */
    p->quote = p->p[1];
    p->p += 2;
    p->value_at = p->pool.used;
    p->state = S_VALUE;
    return xml_value(p);
}

static inline enum step attribute(struct xml_parser *p)
{
    enum step step = attr_begin(p);
    if (step == STEP_ON)
        step = name_run(p);
    if (step == STEP_ON)
        step = attr_named(p);
    return step == STEP_ON ? equals(p) : step;
}

/* Behind the name of an element or a value: attributes, up to the end of the tag. */
static enum step tag_rest(struct xml_parser *p)
{
    for (;;) {
        if (p->p == p->end)
            return STEP_MORE;
        uint8_t c = *p->p;
        if (p->state == S_TAG && ch_is(c, CH_SPACE)) {
            p->p++;
            p->state = S_SPACE;
            continue;
        }
        if (c == '>')
            return tag_done(p, false);
        if (c == '/') {
            p->state = S_EMPTY;
            p->p++;
            return STEP_ON;
        }
        if (p->state == S_SPACE && ch_is(c, CH_SPACE)) {
            p->p++;
            continue;
        }
        if (p->state != S_SPACE || (!ch_is(c, CH_NAME_START) && c < 0x80))
            return xml_bad(p, XML_NOT_WELL_FORMED);
        enum step step = attribute(p);
        if (step != STEP_ON || p->state != S_TAG)
            return step;
    }
}

/* One byte of what stands between names and values. */
static enum step punctuation(struct xml_parser *p)
{
    uint8_t c = *p->p;
    switch (p->state) {
    case S_EMPTY:
        return c == '>' ? tag_done(p, true) : xml_bad(p, XML_NOT_WELL_FORMED);
    case S_EQUALS:
        if (c != '=')
            return xml_bad(p, XML_NOT_WELL_FORMED);
        p->state = S_QUOTE;
        break;
    case S_QUOTE:
        if (c != '"' && c != '\'')
            return xml_bad(p, XML_NOT_WELL_FORMED);
        p->quote = c;
        p->value_at = p->pool.used;
        p->state = S_VALUE;
        break;
    default: /* S_END_SPACE */
        if (c != '>')
            return xml_bad(p, XML_NOT_WELL_FORMED);
        p->p++;
        return end_done(p);
    }
    p->p++;
    return STEP_ON;
}

enum step xml_tag(struct xml_parser *p)
{
    enum step step;
    switch (p->state) {
    case S_NAME:
        step = name_run(p);
        if (step == STEP_ON)
            step = element_named(p);
        return step == STEP_ON ? tag_rest(p) : step;
    case S_ATTR:
        step = name_run(p);
        return step == STEP_ON ? attr_named(p) : step;
    case S_TAG:
    case S_SPACE:
        return tag_rest(p);
    case S_EMPTY:
        break;
    default:
        skip_space(p);
    }
    return p->p < p->end ? punctuation(p) : STEP_MORE;
}

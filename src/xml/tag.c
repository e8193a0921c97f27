/* Start tags and end tags (XML 1.0, 3.1; Namespaces in XML, 4 and 6).
 *
 * An element is written into its record as it comes. What a prefix stands for is found out when the
 * tag is complete. */
#include "xml/name.h"

static inline bool is_header(const struct xml_machine *p)
{
    return p->mode == XML_STREAM && !p->root;
}

/* --- the ends of tags --- */

static enum step tag_done(struct xml_machine *p, bool empty)
{
    if (p->prefixed_attrs && xml_attrs_resolve(p) != STEP_ON)
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
    if (p->depth == 0 && r[1] == SPACE_STREAMS && p->mode == XML_STREAM &&
        slice_is(rec_element_name(r), "stream"))
        return xml_bad(p, XML_SECOND_HEADER);
    if (p->depth > 0 && r[1] != p->pool.bytes[p->open[p->depth - 1].record + 1] &&
        !xml_count_rewritten(p, r[1], sizeof(" xmlns=''") - 1))
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
    p->open[p->depth++] = (struct xml_open){.record = p->element, .span = p->pool.used};
    p->pool.used += 4;
    return STEP_ON;
}

/* The bytes that the end tag must have. */
static struct slice awaited_name(const struct xml_machine *p)
{
    if (p->depth == 0)
        return slice_of((const char *)p->scope->bytes, p->scope->root_len);
    return rec_element_qname(p->pool.bytes + p->open[p->depth - 1].record);
}

static enum step end_done(struct xml_machine *p)
{
    if (p->depth == 0)
        return xml_root_closed(p);
    if (!xml_pool_room(p, 16))
        return xml_bad(p, XML_MEMORY);
    p->depth--;
    uint32_t span = p->open[p->depth].span;
    p->pool.bytes[p->pool.used++] = REC_END;
    rec_set_u32(p->pool.bytes + span, p->pool.used - span);
    xml_undeclare(p);
    p->state = S_TEXT;
    return p->depth == 0 ? xml_stanza_done(p) : STEP_ON;
}

enum step xml_end_name(struct xml_machine *p)
{
    struct slice name = slice_from(awaited_name(p), p->matched);
    if (p->matched == 0 && (size_t)(p->end - p->p) > name.len && p->p[name.len] == '>' &&
        memcmp(p->p, name.ptr, name.len) == 0) { /* nearly always */
        WORK(name.len);
        p->p += name.len + 1;
        return end_done(p);
    }
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

/* At the '/' of an end tag. */
static inline enum step end_begin(struct xml_machine *p)
{
    if (p->depth == 0 && !p->root)
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (!xml_text_done(p))
        return xml_bad(p, XML_MEMORY);
    p->p++;
    p->matched = 0;
    p->state = S_END_NAME;
    return xml_end_name(p);
}

/* --- start tags --- */

/* Behind the name of an element or a value: attributes, up to the end of the tag. */
static enum step tag_rest(struct xml_machine *p)
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
            return p->p < p->end && *p->p == '>' ? tag_done(p, true) : STEP_ON;
        }
        if (p->state == S_SPACE && ch_is(c, CH_SPACE)) {
            p->p++;
            continue;
        }
        if (p->state != S_SPACE || (!ch_is(c, CH_NAME_START) && c < 0x80))
            return xml_bad(p, XML_NOT_WELL_FORMED);
        enum step step = xml_attr_begin(p);
        if (step != STEP_ON || p->state != S_TAG)
            return step;
    }
}

static inline enum step element_name(struct xml_machine *p)
{
    enum step step = xml_name_read(p);
    if (step != STEP_ON)
        return step;
    if (p->colon == 0) {
        p->pool.bytes[p->element + 2] = (uint8_t)(p->pool.used - p->name_at);
    } else {
        if (!xml_name_shift(p, 1))
            return xml_bad(p, XML_MEMORY);
        uint8_t *r = p->pool.bytes + p->element;
        r[0] |= REC_PREFIXED;
        r[2] = (uint8_t)(p->pool.used - p->colon - 2);
        r[3] = (uint8_t)(p->colon - p->name_at);
    }
    p->state = S_TAG;
    return tag_rest(p);
}

static inline enum step element_begin(struct xml_machine *p)
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
    return element_name(p);
}

/* --- the states --- */

enum step xml_less(struct xml_machine *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    uint8_t c = *p->p;
    if (ch_is(c, CH_NAME_START) || c >= 0x80)
        return element_begin(p);
    switch (c) {
    case '/':
        return end_begin(p);
    case '!':
        p->state = S_BANG;
        break;
    case '?':
        p->state = S_QUESTION;
        break;
    default:
        return xml_bad(p, XML_NOT_WELL_FORMED);
    }
    p->matched = 0;
    p->p++;
    return STEP_ON;
}

static inline void skip_space(struct xml_machine *p)
{
    while (p->p < p->end && ch_is(*p->p, CH_SPACE))
        p->p++;
}

/* One byte of what stands between names and values. */
static enum step punctuation(struct xml_machine *p)
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

enum step xml_tag(struct xml_machine *p)
{
    switch (p->state) {
    case S_NAME:
        return element_name(p);
    case S_ATTR:
        return xml_attr_name(p);
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

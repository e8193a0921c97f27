/* References (XML 1.0, 4.1 and 4.6; RFC 6120 11.1): characters by number, and the five predefined
 * entities. There are no others, and nothing to expand. */
#include "base/utf8.h"
#include "xml/chars.h"
#include "xml/machine.h"

/* The character of the reference is known; p->p is behind its ';'. */
static enum step reference_done(struct xml_machine *p, uint32_t code)
{
    if (!ch_allowed(code))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (p->quote == 0 && !xml_text_open(p))
        return xml_bad(p, XML_MEMORY);
    if (!xml_pool_room(p, 4))
        return xml_bad(p, XML_MEMORY);
    p->pool.used += utf8_encode(code, (char *)p->pool.bytes + p->pool.used);
    p->literal = p->pool.used;
    p->state = p->quote == 0 ? S_TEXT : S_VALUE;
    return STEP_ON;
}

/* The five, each with its character behind its name. */
static const char ENTITIES[][8] = {"lt;<", "gt;>", "amp;&", "quot;\"", "apos;'"};

/* p->code is 1 + the index of the entity whose beginning was read, or 0 for another name. */
static enum step reference_name(struct xml_machine *p)
{
    uint8_t c = *p->p;
    for (uint32_t i = p->code; i > 0 && i <= sizeof(ENTITIES) / sizeof(ENTITIES[0]); i++) {
        const char *e = ENTITIES[i - 1];
        /* Only "amp;" and "apos;" begin alike. */
        if (strncmp(e, ENTITIES[p->code - 1], p->matched) != 0 || (uint8_t)e[p->matched] != c)
            continue;
        p->code = i;
        p->matched++;
        p->p++;
        return c == ';' ? reference_done(p, (uint8_t)e[p->matched]) : STEP_ON;
    }
    if (c == ';' && p->matched > 0)
        return xml_bad(p, XML_RESTRICTED);
    if (c < 0x80 && !ch_is(c, p->matched == 0 ? CH_NAME_START : CH_NAME) && c != ':')
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->code = 0;
    p->matched = 1;
    p->p++;
    return STEP_ON;
}

static enum step reference_digit(struct xml_machine *p)
{
    uint8_t c = *p->p++;
    bool hex = p->state == S_REF_HEX;
    uint32_t digit = 16;
    if (c >= '0' && c <= '9')
        digit = c - '0';
    else if (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        digit = (c | 0x20U) - 'a' + 10;
    if (c == ';' && p->matched > 0)
        return reference_done(p, p->code);
    if (digit == 16)
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->matched = 1;
    p->code = p->code * (hex ? 16 : 10) + digit;
    if (p->code > 0x10ffff)
        p->code = 0x110000; /* stays out of range: 16 times that fits */
    return STEP_ON;
}

enum step xml_reference(struct xml_machine *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    switch (p->state) {
    case S_REF:
        p->matched = 0;
        p->code = *p->p == '#' ? 0 : 1;
        p->state = *p->p == '#' ? S_REF_NUMBER : S_REF_NAME;
        p->p += *p->p == '#';
        return STEP_ON;
    case S_REF_NUMBER:
        p->state = *p->p == 'x' ? S_REF_HEX : S_REF_DECIMAL;
        p->p += *p->p == 'x';
        return STEP_ON;
    case S_REF_NAME:
        return reference_name(p);
    default:
        return reference_digit(p);
    }
}

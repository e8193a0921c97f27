/* Character data, values of attributes, CDATA sections and references (XML 1.0, 2.4, 2.7, 2.11,
 * 3.3.3 and 4.1; RFC 6120 11.1 allows the five predefined entities and no other). */
#include "base/utf8.h"
#include "xml/chars.h"
#include "xml/machine.h"

enum step xml_take_char(struct xml_parser *p, uint32_t *code_out)
{
    while (p->p < p->end) {
        p->part[p->part_len++] = *p->p;
        int n = utf8_decode(slice_of((const char *)p->part, p->part_len), code_out);
        if (n < 0)
            return xml_bad(p, XML_UNSUPPORTED_ENCODING);
        p->p++;
        if (n > 0)
            return ch_allowed(*code_out) ? STEP_ON : xml_bad(p, XML_NOT_WELL_FORMED);
    }
    return STEP_MORE;
}

static inline enum step put_byte(struct xml_parser *p, uint8_t c)
{
    if (!xml_pool_room(p, 1))
        return xml_bad(p, XML_MEMORY);
    p->pool.bytes[p->pool.used++] = c;
    return STEP_ON;
}

static enum step put_wide(struct xml_parser *p)
{
    uint32_t code;
    enum step step = xml_take_char(p, &code);
    if (step != STEP_ON)
        return step;
    if (!xml_pool_room(p, 4))
        return xml_bad(p, XML_MEMORY);
    memcpy(p->pool.bytes + p->pool.used, p->part, sizeof(p->part));
    p->pool.used += p->part_len;
    p->part_len = 0;
    return STEP_ON;
}

static bool text_open(struct xml_parser *p)
{
    if (p->text != NO_TEXT)
        return true;
    if (!xml_pool_room(p, 16))
        return false;
    p->text = p->pool.used;
    p->pool.bytes[p->text] = REC_TEXT;
    p->pool.used += 2;
    p->literal = p->pool.used;
    return true;
}

bool xml_text_done(struct xml_parser *p)
{
    if (p->text == NO_TEXT)
        return true;
    uint32_t len = p->pool.used - p->text - 2;
    if (len > REC_SHORT_MAX && !xml_pool_long(p, len))
        return false;
    uint8_t *r = p->pool.bytes + p->text;
    if (len == 0) { /* an empty CDATA section */
        p->pool.used = p->text;
    } else if (len > REC_SHORT_MAX) {
        r[0] |= REC_LONG;
        r[1] = 0;
    } else {
        r[1] = (uint8_t)len;
    }
    p->text = NO_TEXT;
    return true;
}

/* A control character, or one that is not ASCII. A line end becomes eol. */
static enum step put_special(struct xml_parser *p, uint8_t c, uint8_t tab, uint8_t eol)
{
    if (c >= 0x80)
        return put_wide(p);
    if (c != '\t' && c != '\n' && c != '\r')
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->skip_lf = c == '\r';
    p->p++;
    return put_byte(p, c == '\t' ? tab : eol);
}

/* Finishes a character that was cut, and a line end. STEP_ON: go on at p->p, if anything is left.
 */
static inline enum step resume(struct xml_parser *p)
{
    if (p->part_len > 0)
        return put_wide(p);
    if (p->skip_lf && p->p < p->end) {
        p->p += *p->p == '\n';
        p->skip_lf = false;
    }
    return STEP_ON;
}

enum step xml_value(struct xml_parser *p)
{
    for (;;) {
        enum step step = STEP_ON;
        if (p->part_len > 0 || p->skip_lf)
            step = resume(p);
        if (step != STEP_ON)
            return step;
        if (!xml_copy_value(p))
            return xml_bad(p, XML_MEMORY);
        if (p->value_is_decl && p->pool.used - p->value_at > p->limits.uri_bytes)
            return xml_bad(p, XML_TOO_COMPLEX);
        if (p->p == p->end)
            return STEP_MORE;
        uint8_t c = *p->p;
        if (c == p->quote) {
            p->p++;
            return xml_value_done(p);
        }
        switch (c) {
        case '&':
            p->p++;
            p->state = S_REF;
            return STEP_ON;
        case '<':
            return xml_bad(p, XML_NOT_WELL_FORMED);
        case '"':
        case '\'':
            p->p++;
            step = put_byte(p, c);
            break;
        default:
            step = put_special(p, c, ' ', ' ');
        }
        if (step != STEP_ON)
            return step;
    }
}

/* Whether what was read last, in this stretch, is "]]". */
static inline bool behind_brackets(const struct xml_parser *p)
{
    const uint8_t *w = p->pool.bytes + p->pool.used;
    return p->pool.used - p->literal >= 2 && w[-1] == ']' && w[-2] == ']';
}

/* '<', '>' or '&' in text. STEP_MORE stands for: go on. */
static inline enum step text_special(struct xml_parser *p, uint8_t c)
{
    bool cdata = p->state == S_CDATA;
    p->p++;
    if (c == '>' && behind_brackets(p)) {
        if (!cdata)
            return xml_bad(p, XML_NOT_WELL_FORMED);
        p->pool.used -= 2;
        p->literal = p->pool.used;
        p->state = S_TEXT;
        return STEP_ON;
    }
    if (c != '>' && !cdata) {
        p->state = c == '<' ? S_LESS : S_REF;
        return STEP_ON;
    }
    return put_byte(p, c) == STEP_ON ? STEP_MORE : STEP_BAD;
}

enum step xml_text_run(struct xml_parser *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    if (*p->p == '<' && p->state == S_TEXT && p->part_len == 0) {
        p->skip_lf = false;
        p->p++;
        p->state = S_LESS;
        return STEP_ON;
    }
    if (!text_open(p))
        return xml_bad(p, XML_MEMORY);
    for (;;) {
        enum step step = STEP_ON;
        if (p->part_len > 0 || p->skip_lf)
            step = resume(p);
        if (step != STEP_ON)
            return step;
        if (!xml_copy_text(p))
            return xml_bad(p, XML_MEMORY);
        if (p->p == p->end)
            return STEP_MORE;
        uint8_t c = *p->p;
        if (c == '<' || c == '>' || c == '&') {
            step = text_special(p, c);
            if (step != STEP_MORE)
                return step;
            continue;
        }
        step = put_special(p, c, '\t', '\n');
        if (step != STEP_ON)
            return step;
    }
}

/* --- references --- */

/* The character of the reference is known; p->p is behind its ';'. */
static enum step reference_done(struct xml_parser *p, uint32_t code)
{
    if (!ch_allowed(code))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (p->quote == 0 && !text_open(p))
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
static enum step reference_name(struct xml_parser *p)
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

static enum step reference_digit(struct xml_parser *p)
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

enum step xml_reference(struct xml_parser *p)
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

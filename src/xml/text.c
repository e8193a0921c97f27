/* Character data, CDATA sections and the values of attributes (XML 1.0, 2.4, 2.7, 2.11 and 3.3.3).
 */
#include "base/utf8.h"
#include "xml/chars.h"
#include "xml/machine.h"

enum step xml_take_char(struct xml_machine *p, uint32_t *code_out)
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

static inline enum step put_byte(struct xml_machine *p, uint8_t c)
{
    if (!xml_pool_room(p, 1))
        return xml_bad(p, XML_MEMORY);
    p->pool.bytes[p->pool.used++] = c;
    return STEP_ON;
}

static enum step put_wide(struct xml_machine *p)
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

bool xml_text_open(struct xml_machine *p)
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

bool xml_text_done(struct xml_machine *p)
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
static enum step put_special(struct xml_machine *p, uint8_t c, uint8_t tab, uint8_t eol)
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
static inline enum step resume(struct xml_machine *p)
{
    if (p->part_len > 0)
        return put_wide(p);
    if (p->skip_lf && p->p < p->end) {
        p->p += *p->p == '\n';
        p->skip_lf = false;
    }
    return STEP_ON;
}

enum step xml_value(struct xml_machine *p)
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
static inline bool behind_brackets(const struct xml_machine *p)
{
    const uint8_t *w = p->pool.bytes + p->pool.used;
    return p->pool.used - p->literal >= 2 && w[-1] == ']' && w[-2] == ']';
}

/* Behind "]]>": the brackets are no content. */
static enum step cdata_done(struct xml_machine *p)
{
    p->pool.used -= 2;
    p->literal = p->pool.used;
    p->state = S_TEXT;
    return STEP_ON;
}

/* '<', '>' or '&' in text. true: the text goes on; otherwise *step_out is what comes of it. */
static inline bool text_special(struct xml_machine *p, uint8_t c, enum step *step_out)
{
    bool cdata = p->state == S_CDATA;
    p->p++;
    if (c == '>' && behind_brackets(p)) {
        *step_out = cdata ? cdata_done(p) : xml_bad(p, XML_NOT_WELL_FORMED);
        return false;
    }
    if (c == '>' || cdata) {
        *step_out = put_byte(p, c);
        return *step_out == STEP_ON;
    }
    p->state = c == '<' ? S_LESS : S_REF;
    *step_out = c == '<' ? xml_less(p) : STEP_ON;
    return false;
}

enum step xml_text_run(struct xml_machine *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    if (*p->p == '<' && p->state == S_TEXT && p->part_len == 0) {
        p->skip_lf = false;
        p->p++;
        p->state = S_LESS;
        return xml_less(p);
    }
    if (!xml_text_open(p))
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
            if (!text_special(p, c, &step))
                return step;
            continue;
        }
        step = put_special(p, c, '\t', '\n');
        if (step != STEP_ON)
            return step;
    }
}

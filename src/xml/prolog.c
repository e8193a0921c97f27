/* What lies outside of elements, and what begins with '<' (XML 1.0, 2.8; RFC 6120 11.1 to 11.7).
 *
 * Comments, processing instructions and document type declarations are refused where they begin;
 * there is no code for what they hold. */
#include "xml/chars.h"
#include "xml/machine.h"

enum { BYTE_ORDER_MARK = 0xfeff, DECLARATION_BYTES_MAX = 256 };

/* Text where none may be. */
static enum step text_outside(struct xml_machine *p)
{
    return xml_bad(p, p->root ? XML_BAD_FORMAT : XML_NOT_WELL_FORMED);
}

static enum step outside_special(struct xml_machine *p)
{
    if (p->part_len == 0 && *p->p < 0x80)
        return ch_allowed(*p->p) ? text_outside(p) : xml_bad(p, XML_NOT_WELL_FORMED);
    uint32_t code;
    enum step step = xml_take_char(p, &code);
    if (step != STEP_ON)
        return step;
    if (p->state != S_START || code != BYTE_ORDER_MARK)
        return text_outside(p);
    p->part_len = 0;
    p->state = S_OUTSIDE;
    return STEP_ON;
}

enum step xml_outside(struct xml_machine *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    if (p->state == S_START && *p->p < 0x80 && p->part_len == 0)
        p->state = S_OUTSIDE;
    while (p->p < p->end && ch_is(*p->p, CH_SPACE) && p->part_len == 0) {
        if (p->limits.space_bytes > 0 && p->spaces >= p->limits.space_bytes)
            return xml_bad(p, XML_TOO_COMPLEX);
        p->spaces++;
        p->p++;
        p->fresh &= p->restarted; /* a declaration comes first or not at all (X12) */
    }
    if (p->p == p->end)
        return STEP_MORE;
    if (*p->p != '<' || p->part_len > 0)
        return outside_special(p);
    return xml_unit_begin(p);
}

/* --- the XML declaration --- */

static void skip_space(struct slice *s)
{
    while (s->len > 0 && ch_is((uint8_t)s->ptr[0], CH_SPACE))
        *s = slice_from(*s, 1);
}

/* Takes " name='value'" from the front of s; false when it does not begin with that. */
static bool take_pair(struct slice *s, struct slice name, struct slice *value_out)
{
    struct slice t = *s;
    skip_space(&t);
    if (t.len == s->len || !slice_starts(t, name))
        return false;
    t = slice_from(t, name.len);
    skip_space(&t);
    if (t.len == 0 || t.ptr[0] != '=')
        return false;
    t = slice_from(t, 1);
    skip_space(&t);
    if (t.len == 0 || (t.ptr[0] != '\'' && t.ptr[0] != '"'))
        return false;
    struct slice value = slice_from(t, 1);
    value.len = slice_find(value, t.ptr[0]);
    if (value.len + 1 == t.len)
        return false;
    *s = slice_from(t, value.len + 2);
    *value_out = value;
    return true;
}

static bool is_encoding_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (!ch_is(c, i == 0 ? CH_NAME_START : CH_NAME) || (i == 0 && c == '_') || c >= 0x80)
            return false;
    }
    return s.len > 0;
}

static bool is_utf8(struct slice s)
{
    static const char name[] = "utf-8";
    if (s.len != sizeof(name) - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] | 0x20) != name[i] && s.ptr[i] != name[i])
            return false;
    }
    return s.ptr[3] == '-';
}

/* s lies between "<?xml" and the last '>'. */
static enum xml_error check_declaration(struct slice s)
{
    struct slice value;
    if (!take_pair(&s, SLICE("version"), &value) || !slice_is(value, "1.0"))
        return XML_NOT_WELL_FORMED;
    bool encoding = take_pair(&s, SLICE("encoding"), &value);
    if (encoding && !is_encoding_name(value))
        return XML_NOT_WELL_FORMED;
    bool other = encoding && !is_utf8(value);
    if (take_pair(&s, SLICE("standalone"), &value) && !slice_is(value, "yes") &&
        !slice_is(value, "no"))
        return XML_NOT_WELL_FORMED;
    skip_space(&s);
    if (!slice_is(s, "?"))
        return XML_NOT_WELL_FORMED;
    return other ? XML_UNSUPPORTED_ENCODING : XML_OK;
}

/* Gathers the declaration in the pool; it is read when its '>' is there, which cannot stand in a
 * right one before. */
static enum step declaration(struct xml_machine *p)
{
    while (p->p < p->end) {
        if (p->pool.used >= DECLARATION_BYTES_MAX)
            return xml_bad(p, XML_NOT_WELL_FORMED);
        if (!xml_pool_room(p, 1))
            return xml_bad(p, XML_MEMORY);
        uint8_t c = *p->p;
        if (c == '>') {
            enum xml_error error =
                check_declaration(slice_of((const char *)p->pool.bytes, p->pool.used));
            if (error != XML_OK)
                return xml_bad(p, error);
            p->p++;
            return xml_declaration_done(p);
        }
        p->pool.bytes[p->pool.used++] = c;
        p->p++;
    }
    return STEP_MORE;
}

/* Behind "<?" and p->matched bytes of "xml". */
static enum step question(struct xml_machine *p)
{
    static const char target[] = "xml";
    uint8_t c = *p->p;
    if (p->matched < 3 && c == (uint8_t)target[p->matched]) {
        p->matched++;
        p->p++;
        return STEP_ON;
    }
    if (p->matched == 0 && !ch_is(c, CH_NAME_START) && c < 0x80 && c != ':')
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (p->matched < 3 || ch_is(c, CH_NAME) || c >= 0x80 || c == ':')
        return xml_bad(p, XML_RESTRICTED);
    if (!p->fresh || p->depth > 0 || !ch_is(c, CH_SPACE))
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->state = S_DECLARATION;
    return STEP_ON;
}

/* --- markup --- */

static enum step bang(struct xml_machine *p)
{
    if (*p->p == '-' || *p->p == 'D')
        return xml_bad(p, XML_RESTRICTED);
    if (*p->p != '[')
        return xml_bad(p, XML_NOT_WELL_FORMED);
    if (p->depth == 0)
        return text_outside(p);
    p->state = S_CDATA_OPEN;
    p->p++;
    return STEP_ON;
}

static enum step cdata_open(struct xml_machine *p)
{
    static const char word[] = "CDATA[";
    if (*p->p != (uint8_t)word[p->matched])
        return xml_bad(p, XML_NOT_WELL_FORMED);
    p->p++;
    if (word[++p->matched] == '\0') {
        p->literal = p->pool.used;
        p->state = S_CDATA;
    }
    return STEP_ON;
}

enum step xml_markup(struct xml_machine *p)
{
    if (p->p == p->end)
        return STEP_MORE;
    switch (p->state) {
    case S_LESS:
        return xml_less(p);
    case S_BANG:
        return bang(p);
    case S_CDATA_OPEN:
        return cdata_open(p);
    case S_QUESTION:
        return question(p);
    default:
        return declaration(p);
    }
}

/* Names of elements and attributes (XML 1.0, fifth edition, 2.3; Namespaces in XML, 4): a prefix
 * and a local part, copied into a record as they come. */
#include "xml/name.h"

/* The part of a name behind the colon, or the whole. */
static inline uint32_t part_at(const struct xml_machine *p)
{
    return p->colon != 0 ? p->colon + 1 : p->name_at;
}

static enum step name_wide(struct xml_machine *p)
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
static inline enum step name_plain(struct xml_machine *p)
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

enum step xml_name_any(struct xml_machine *p)
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

bool xml_name_shift(struct xml_machine *p, unsigned n)
{
    if (!xml_pool_room(p, n))
        return false;
    uint8_t *name = p->pool.bytes + p->name_at;
    memmove(name + n, name, p->pool.used - p->name_at);
    WORK(p->pool.used - p->name_at);
    p->pool.used += n;
    return true;
}

/* Private to xml: reading the name at p->p to the end of the pool. */
#ifndef XML_NAME_H
#define XML_NAME_H

#include "xml/chars.h"
#include "xml/machine.h"

/* STEP_ON: the name is complete and p->p is behind it. */
enum step xml_name_any(struct xml_machine *p);
/* Makes room for n bytes between the head of a record and the name behind it, which has a prefix.
 */
bool xml_name_shift(struct xml_machine *p, unsigned n);

/* The common case: a name of ASCII, short in both parts, which lies whole in the input. false:
 * nothing was taken. */
static inline bool xml_name_short(struct xml_machine *p)
{
    const uint8_t *s = p->p;
    if (p->end - s < 2 * CH_BLOCK || p->pool.cap - p->pool.used < 2 * CH_BLOCK)
        return false;
    unsigned prefix = 0, n = ch_name_run(s);
    if (n < CH_BLOCK && s[n] == ':') {
        prefix = n + 1;
        n = ch_name_run(s + prefix);
    }
    const uint8_t *local = s + prefix;
    if (n == CH_BLOCK || local[n] >= 0x80 || !ch_is(s[0], CH_NAME_START) ||
        !ch_is(local[0], CH_NAME_START) || (n > prefix ? n : prefix) > p->limits.name_bytes)
        return false;
    memcpy(p->pool.bytes + p->pool.used, s, (size_t)(2 * CH_BLOCK));
    p->colon = prefix > 0 ? p->pool.used + prefix - 1 : 0;
    p->pool.used += prefix + n;
    p->p = local + n;
    WORK(prefix + n);
    return true;
}

/* At the first byte of a name, or where it was cut. */
static inline enum step xml_name_read(struct xml_machine *p)
{
    bool fresh = p->pool.used == p->name_at && p->part_len == 0;
    return fresh && xml_name_short(p) ? STEP_ON : xml_name_any(p);
}

#endif

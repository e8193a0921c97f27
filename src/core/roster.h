/* A roster in memory (RFC 6121 section 2): items sorted by address, compact. */
#ifndef CORE_ROSTER_H
#define CORE_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/subscription.h"
#include "xml/writer.h"
#include "xmpp/jid.h"

struct roster_item {
    struct subscription sub;
    bool listed; /* part of the roster; false: only records a request that waits for an answer
                    (RFC 6121 section 3.1.3), and is not shown to clients */
    uint16_t jid_len, name_len, groups_len;
    char text[]; /* address, name, groups (each NUL-terminated) */
};

struct roster {
    struct roster_item **items; /* sorted by address bytes */
    uint32_t count, cap;
    uint64_t version;
};

static inline struct slice roster_item_jid(const struct roster_item *i)
{
    return slice_of(i->text, i->jid_len);
}

static inline struct slice roster_item_name(const struct roster_item *i)
{
    return slice_of(i->text + i->jid_len, i->name_len);
}

static inline struct slice roster_item_groups(const struct roster_item *i)
{
    return slice_of(i->text + i->jid_len + i->name_len, i->groups_len);
}

struct roster_item *roster_find(const struct roster *r, struct slice bare);
/* Makes or replaces the item (an old one is freed); sub and listed are kept of an old one. groups:
 * NUL-terminated names one after the other. */
struct roster_item *roster_set(struct roster *r, struct slice bare, struct slice name,
                               struct slice groups);
void roster_remove(struct roster *r, struct slice bare);
void roster_free(struct roster *r);

/* Store value of an item, and back. False when damaged. */
void roster_item_encode(const struct roster_item *i, struct buf *out);
bool roster_item_decode(struct roster *r, struct slice bare, struct slice value);

/* <item/> as in a result or push. removed: subscription='remove' alone. */
void roster_item_write(const struct roster_item *i, struct xml_writer *w);

#endif

/* The log of an account's messages: what is in it, for those who write it (the core), read it
 * (XEP-0313), search it (XEP-0431) and trim it.
 *
 * One entry per message for both owners: the account that it is for and, when it is of this server
 * too, the account that wrote it. Its position is its archive id; the stanza-id (XEP-0359) of both
 * is that number in decimal. The value is the stanza as it was routed (stanza_encode): from and to
 * are prepared, ids of other archives that claim to be ours are stripped, no stanza-id of ours is
 * in it yet. Labels: peer is empty when both owners are in the entry, else the other side's bare
 * JID; wall_ms is when it was accepted; origin is the sender's stream (sm.h). */
#ifndef CORE_SERVICE_ARCHIVE_H
#define CORE_SERVICE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define STORE_ARCHIVE SLICE("archive")

/* Flags of an entry. */
enum {
    ARCHIVE_DELIVERY = 1, /* in nobody's archive: waits for delivery alone, then it is dropped */
    ARCHIVE_MARKER = 2,   /* no message: settles the sender's inbound number; the value is empty, or
                             says how to know the message again (resend.h) */
    ARCHIVE_HIDDEN = ARCHIVE_DELIVERY | ARCHIVE_MARKER,
};
/* What a query of the archive wants: flags_mask = ARCHIVE_HIDDEN, flags_wanted = 0. */

enum { ARCHIVE_ID_BYTES = 20 };

/* The archive id of a position; the text is put into `out`. And back: false when it is none. */
struct slice archive_id(uint64_t position, char out[ARCHIVE_ID_BYTES]);
bool archive_position(struct slice id, uint64_t *position_out);

#endif

/* What becomes of a message when nobody is there to read it: whether it is kept, and for how long.
 * The one place that decides this, for offline storage, the archive, push and lag alike. It judges
 * by what a message holds (and the hints of XEP-0334), not by who sent it. */
#ifndef CORE_SERVICE_KEEP_H
#define CORE_SERVICE_KEEP_H

#include "xml/tree.h"
#include "xmpp/stanza.h"

enum keep {
    KEEP_SIGNAL,   /* volatile, and nobody misses it: chat states alone. Delivered now or dropped */
    KEEP_VOLATILE, /* delivered now, or the sender is told that it was not */
    KEEP_DELIVERY, /* kept until it is delivered, in no archive (no-permanent-store) */
    KEEP_ARCHIVE,  /* kept until it is delivered, and in the archive */
};

/* chat, normal and groupchat by their content: a body, something encrypted, a receipt, a marker, a
 * retraction, a reaction or a store hint is worth keeping; no-store and no-permanent-store have the
 * last word. (A groupchat message is kept in its room's log, never in an account's.) headline,
 * presence and IQ are volatile. An error is kept when it brings back the content of a message that
 * was; hints in it do not count. A message whose payload cannot be read is volatile. */
enum keep keep_of(const struct stanza *s);

static inline bool keep_is_kept(enum keep k)
{
    return k >= KEEP_DELIVERY;
}

#endif

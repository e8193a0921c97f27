/* What is kept for a session whose peer does not read (L13): the newest presence of each sender, in
 * the order in which it came, in a bounded buffer. */
#ifndef CORE_LAG_H
#define CORE_LAG_H

#include "base/buf.h"
#include "base/hash.h"
#include "xmpp/stanza.h"

/* Older presence of the same sender goes; over cap bytes the oldest of all go, the new one last. */
void lag_keep(struct buf *kept, size_t cap, const struct hash_key *key, const struct stanza *s);
/* Walks what is kept: *at = 0 at first; false at the end. Slices live with kept. */
bool lag_next(const struct buf *kept, size_t *at, struct stanza *out);

#endif

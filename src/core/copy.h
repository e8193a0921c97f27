/* How an entry of the log is written to a client: the message with its stanza-id (XEP-0359) and,
 * when it comes late, its stamp (XEP-0203), or a copy of it (XEP-0280, XEP-0297). */
#ifndef CORE_COPY_H
#define CORE_COPY_H

#include "core/session.h"

/* May there be copies of this message for other resources (XEP-0280 section 6.1)? The stanza's
 * payload may be packed or parsed. */
bool copy_is_eligible(const struct stanza *s);
/* Appends the stanza for this session. position 0: a volatile message, without a stanza-id. */
void copy_write(const struct session *s, const struct log_entry *entry, enum role role,
                struct buf *out);

#endif

/* How an entry of the log is written to a client: the message with its stanza-id (XEP-0359) and,
 * when it comes late, its stamp (XEP-0203), or a copy of it (XEP-0280, XEP-0297). */
#ifndef CORE_COPY_H
#define CORE_COPY_H

#include "core/session.h"

/* May there be copies of this message for other resources (XEP-0280 section 6.1)? to_us: for those
 * of the one that it is for, else of the one that it is from. The stanza's payload may be packed or
 * parsed; what was found is kept in the entry. */
bool copy_is_eligible(struct log_entry *entry, bool to_us);
/* Appends the stanza for this session. position 0: a volatile message, without a stanza-id. */
void copy_write(const struct session *s, const struct log_entry *entry, enum role role,
                struct buf *out);

#endif

/* What happened to a message, and when: for "burblectl trace". Metadata alone (times, ids as
 * hashes, addresses), in memory, in a ring that forgets the oldest; nothing is written to disk. */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include "core/engine.h"

enum trace_event {
    TRACE_RECEIVED,     /* from a session of this server; who: its address */
    TRACE_REPEATED,     /* it had been sent before: acknowledged, not sent again */
    TRACE_STORED,       /* it is on disk, for: who */
    TRACE_WAITING,      /* nobody could be handed it */
    TRACE_HANDED,       /* written to the session: who */
    TRACE_COPIED,       /* a carbon was written to the session: who */
    TRACE_ACKNOWLEDGED, /* the client of the session has it (XEP-0198): who */
    TRACE_PUSHED,       /* a notification went to the push service: who (XEP-0357) */
    TRACE_BOUNCED,      /* an error went back to: who */
    TRACE_EVENTS
};

struct trace;

/* id: of the stanza, may be none; position: in the log, 0: none. who is copied. */
void trace_note(struct engine *e, enum trace_event event, struct slice id, uint64_t position,
                struct slice who);
const char *trace_event_name(enum trace_event event);

/* Walks what is known, the oldest first: *at = 0 at first; false at the end. */
struct trace_row {
    enum trace_event event;
    int64_t wall_ms;
    uint64_t id_hash, position;
    struct slice who;
};
bool trace_next(const struct engine *e, size_t *at, struct trace_row *out);
/* The same on all shards. 0: no id. */
uint64_t trace_hash(const struct engine *e, struct slice id);
void trace_free(struct engine *e);

#endif

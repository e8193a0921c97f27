/* Stream management (XEP-0198 version 1.6.3): counters of both directions, what the client has not
 * acknowledged, hibernation and resumption. */
#ifndef CORE_SM_H
#define CORE_SM_H

#include "core/region.h"
#include "core/session.h"

struct sm {
    uint8_t id[REGION_ID_BYTES]; /* of the session; the first 8 bytes are its serial in the log */
    uint64_t serial;
    uint32_t received; /* stanzas that came since it was enabled, modulo 2^32 */
    uint32_t in_h;     /* the settled prefix of them */
    uint64_t settled[REGION_SETTLED_WORDS]; /* bit n % 256: number n is settled, beyond in_h */
    uint32_t sent;                          /* stanzas that went, modulo 2^32 */
    uint32_t out_h;                         /* that were acknowledged, modulo 2^32 */
    region_ref record;                      /* 0: cannot be resumed */
    bool asked;                             /* an <r/> of ours waits for its <a/> */
    uint32_t owed_h; /* an unasked <a/> follows when in_h comes here, modulo 2^32 */
    bool owes_ack;
    struct timer timer; /* the <a/> that is awaited; the end of hibernation */
};

/* The number of an inbound stanza that is about to be processed, into origin. False: it is known to
 * be settled already (it was sent again after a resumption): it counts and is not processed. */
bool sm_received(struct engine *e, struct session *s, struct origin *origin);
/* An inbound stanza was settled. */
void sm_settle(struct engine *e, struct session *s, const struct origin *origin);
/* Room for one more unacknowledged stanza (L14)? */
bool sm_has_room(const struct engine *e, const struct session *s);
/* A stanza was written to the stream: bytes for a volatile one; else position, role and flags of
 * the entry. Called before the bytes reach the link. */
void sm_sent(struct engine *e, struct session *s, const struct log_entry *entry, enum role role,
             struct slice bytes);
/* Asks the client what it has (<r/>), unless an answer is awaited. */
void sm_ask(struct engine *e, struct session *s);
/* Keeps a volatile stanza for a client that hibernates; false: no room. */
bool sm_keep(struct engine *e, struct session *s, struct slice bytes);
/* The cursor of the log moved without a stanza for this session. */
void sm_cursor(struct session *s);
/* The state that is needed for a resumption changed (presence, directed presence, carbons, ...). */
void sm_state_changed(struct engine *e, struct session *s);
/* Can the session go on without its stream? */
bool sm_resumable(const struct session *s);
/* The stream is gone. */
void sm_hibernate(struct engine *e, struct session *s);
/* The session ends: unacknowledged entries become holes, unanswered requests are answered. */
void sm_end(struct engine *e, struct session *s);
/* Positions of messages that were handed and are not acknowledged: uint64_t, appended. */
void sm_unacknowledged(const struct engine *e, const struct session *s, struct buf *positions);

#endif

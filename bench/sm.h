/* The client's side of stream management (XEP-0198, version 1.6): the counters of both directions,
 * what the server has not acknowledged yet, and resumption. What is sent gets a tag, by which it is
 * recognised when it is acknowledged or has to be sent again. */
#ifndef BENCH_SM_H
#define BENCH_SM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Tags, oldest first. */
struct sm_queue {
    uint64_t *tags;
    uint32_t first;
    uint32_t count;
    uint32_t cap; /* 0 or a power of two */
};

void sm_queue_push(struct sm_queue *q, uint64_t tag);
uint64_t sm_queue_pop(struct sm_queue *q); /* count > 0 */
uint64_t sm_queue_at(const struct sm_queue *q, uint32_t i);
void sm_queue_free(struct sm_queue *q);

struct sm {
    bool on;                 /* on the present stream: stanzas count */
    bool asked;              /* an <r/> of ours has not been answered */
    struct buf id;           /* empty: there is nothing to resume */
    uint32_t in_h;           /* stanzas that came and were handled */
    uint32_t in_told;        /* the h that the server was last told */
    uint32_t out_h;          /* what the server has acknowledged */
    struct sm_queue unacked; /* sent behind out_h */
    struct sm_queue orphans; /* of a session that could not be resumed: their fate is unknown */
};

struct client;

/* Tags of the program's own begin at SM_OWN. */
enum { SM_NOTHING = 0, SM_PRESENCE = 1, SM_OWN = 2 };

/* Writes <enable/>, as a new session. */
void sm_enable(struct client *c);
/* The answer; false: not enabled, or cannot be resumed. */
bool sm_enabled(struct client *c, struct slice unit);
bool sm_resumable(const struct client *c);
/* Writes <resume/> with the present in_h. */
void sm_resume(struct client *c);
/* The answer <resumed/>: settles what it acknowledges; false: its h cannot be. What is left in
 * unacked is to be sent again, by sm_again. */
bool sm_resumed(struct client *c, struct slice unit);
/* The answer <failed/> to <resume/>: what is not acknowledged becomes orphans. */
bool sm_refused(struct client *c, struct slice unit);
/* An h that cannot be: gives the session up and fails the client. */
void sm_wrong(struct client *c, struct slice unit);
/* Sends again, through ops->resend, what is left of the resumed session, then the orphans. */
void sm_again(struct client *c, bool resumed);
/* A stanza has been written. */
void sm_sent(struct client *c, uint64_t tag);
/* Looks at every unit of a stream with stream management; true: it was <r/> or <a/> and is done. */
bool sm_unit(struct client *c, struct slice unit);
/* Writes <r/>, <a/>. */
void sm_ask(struct client *c);
void sm_tell(struct client *c);
/* Forgets the session, which was ended in order. */
void sm_forget(struct client *c);
void sm_free(struct client *c);

#endif

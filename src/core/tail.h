/* What of an account's log has been handed to a session and taken by it: the durable answer to
 * "what is still to come" for whoever logs in next (offline messages: XEP-0160).
 *
 * An incoming entry at or below `sent` was handed to some session, unless its position is among the
 * marks: then it is a hole, to be handed to the next session that is ready. One above `sent` was
 * not, unless it is among the marks: then a session got it early, by its full address. Entries that
 * a session was handed and has not acknowledged become holes when it ends.
 *
 * It is written behind, at most TAIL_WRITE_MS old, with what sessions have not acknowledged yet as
 * holes. Entries that are in no archive (ARCHIVE_DELIVERY) are dropped then when they were taken.
 */
#ifndef CORE_TAIL_H
#define CORE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

struct account;
struct engine;

/* The value is "SENT HOLE HOLE ...", decimal, ascending. */
#define STORE_TAIL SLICE("tail")

enum { TAIL_WRITE_MS = 1000, TAIL_MARKS_MAX = 4096 };

/* What is not there while nothing happens. */
struct tail_work {
    struct account *account;
    struct list dirty; /* in engine.tails */
    struct buf marks;  /* uint64_t, ascending */
    struct buf drops;  /* uint64_t: taken, to be dropped from the log */
    /* L16, where nothing is archived: entries that nobody was handed, and messages that are on
     * their way to the log. */
    uint64_t waiting, waiting_bytes;
    uint64_t coming, coming_bytes;
};

struct tail {
    uint64_t sent;
    struct tail_work *work; /* NULL: all of it is empty */
    uint32_t region;        /* record that knows more than the store (region_ref); 0: none */
    bool whole;             /* every incoming entry up to account.head is handed or a mark */
    bool writing;           /* a batch is under way */
    bool restored;          /* the store knows less */
};

/* From the store; a broken value counts as nothing taken. */
void tail_load(struct account *a, struct slice value);
void tail_free(struct account *a);

/* L16: so many messages wait, or one more does; one is on its way to the log, and was. */
void tail_wait(struct account *a, uint64_t messages, uint64_t bytes);
void tail_expect(struct account *a, size_t bytes);
void tail_expected(struct account *a, size_t bytes);
/* What waits; coming: with what is on its way. */
uint64_t tail_waiting(const struct tail *t, bool coming, uint64_t *bytes_out);

/* A new incoming entry, in the order of the log: some session was handed it, or none. */
void tail_new_entry(struct engine *e, struct account *a, uint64_t position, bool handed);
/* A session that reads the log in order from `sent` on (it is drained) looked at this entry: it was
 * handed it, or it is for another session alone. */
void tail_passed(struct engine *e, struct account *a, uint64_t position, bool handed);
/* A session that catches up, or is given holes, was handed this entry. */
void tail_handed(struct engine *e, struct account *a, uint64_t position);
/* The session that was handed these (uint64_t) ended without a word about them. What another one
 * was handed too and may still acknowledge is that one's. */
void tail_orphans(struct engine *e, struct account *a, struct slice positions);
/* Somebody has acknowledged the entry (or took it without stream management): nobody else has to.
 */
bool tail_is_taken(const struct engine *e, const struct account *a, uint64_t position);
/* Everything up to account.head has been looked at by the session that was drained. */
void tail_drained(struct engine *e, struct account *a);
/* Is the entry still to be handed to somebody? */
bool tail_wants(const struct tail *t, uint64_t position);
/* The client knows its archive (XEP-0386, an archive query up to its head): nothing is owed. */
void tail_to_head(struct engine *e, struct account *a);
/* An entry of so many bytes that nobody was handed when it was new is handed now (L16). */
void tail_counted(struct tail *t, uint32_t bytes);
/* A session has acknowledged messages: what was written of them as holes is none. */
void tail_acknowledged(struct engine *e, struct account *a);
/* What is known from the region of a process that is gone: more than the store does. */
void tail_restore(struct engine *e, struct account *a, uint64_t sent, struct slice holes);
/* An entry of ARCHIVE_DELIVERY was taken. It is dropped when all sessions are past it. */
void tail_drop(struct engine *e, struct account *a, uint64_t position);
/* The holes: how many there are at or below sent, and the n-th of them. */
size_t tail_holes(const struct tail *t);
uint64_t tail_hole(const struct tail *t, size_t n);
/* A hole is none any more, or was never one. */
void tail_fill(struct engine *e, struct account *a, uint64_t position);

/* What it knows is to be written. */
void tail_touch(struct engine *e, struct account *a);
/* The engine stops, or an account leaves: at once. */
void tails_write(struct engine *e);

#endif

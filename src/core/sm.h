/* Stream management (XEP-0198 version 1.6.3): counters of both directions, what the client has not
 * acknowledged, hibernation and resumption.
 *
 * All that another process needs to go on is in the engine's region; without one there is no stream
 * management. Inbound stanzas are numbered as they come and settle in any order; the number that is
 * told is that of the settled prefix, which never goes back. Outbound ones are in the region's
 * queue before they are on the link: by position when they are in the log, else by their bytes. */
#ifndef CORE_SM_H
#define CORE_SM_H

#include "core/region.h"
#include "core/session.h"

/* Inbound stanzas that may settle beyond the prefix. */
enum { SM_WINDOW = 256, SM_ID_CHARS = 2 * REGION_ID_BYTES, SM_ANSWER_MS = 100 };

/* Flags of an entry of the queue; the role is in the lowest two bits. Above SM_FLAGS_BITS a request
 * has the hash of who asked and by which id. */
enum {
    SM_ROLE_MASK = 3,
    SM_DELIVERY = 4, /* ARCHIVE_DELIVERY: it leaves the log when it was taken */
    SM_TAKEN = 8,    /* another session of the account has it: nobody misses it here */
    SM_REQUEST = 16, /* an IQ request, which somebody waits for */
    SM_ANSWERED = 32,
    SM_OWED = 64, /* of a copy: nobody else has the message */
    SM_FLAGS_BITS = 8,
};

/* A session that is taken up again, until all that was not acknowledged has been sent once more. */
struct sm_return {
    uint64_t waiting;  /* handle of a stream that waits to take it up */
    uint64_t flow;     /* the scan, or a read of the replay */
    uint32_t h;        /* what the client said */
    uint32_t replayed; /* outbound: sent again up to this number */
    uint32_t slice;    /* entries that are read for it at once */
    struct buf wanted; /* uint64_t: positions that are being read for it */
};

/* Is the session in the account's map of those that have kept messages (resend.h)? */
enum sm_listed { SM_UNLISTED, SM_MAYBE_LISTED, SM_LISTED };

struct sm {
    struct session *session;
    struct region_counters *counters;
    region_ref record;
    uint32_t received; /* number of the newest inbound stanza, modulo 2^32 */
    uint32_t taken;   /* of the newest that was processed: what is sent again up to it is in hand */
    uint32_t owed_h;  /* an <a/> follows when the prefix comes here */
    uint32_t asked_h; /* the newest number that an <r/> stood behind */
    uint32_t resume_ms; /* L15 or less; 0: it cannot be resumed */
    bool owes_ack;
    bool asked;    /* an <r/> of ours waits for its <a/> */
    bool clean;    /* the client has closed its stream */
    bool broken;   /* the queue lacks something: the session ends with its stream */
    bool restored; /* by another process: what presence was held back is not known any more */
    bool scan;     /* of another process: the log may know more settled numbers */
    bool replays;  /* resumed: unacknowledged stanzas are being sent again, and new ones wait */
    uint8_t told_flags; /* what the state bytes say */
    uint8_t listed;     /* enum sm_listed */
    uint64_t told_interests, told_known;
    struct sm_return *back;         /* the client is coming back; NULL: it is not */
    struct resend_samples *samples; /* what was told since (resend.h); NULL: nothing */
    struct timer timer;
};

/* Region flags of a session (region_counters.flags). */
enum { SM_REGION_RESUMABLE = 1 };

/* Begins at <enable/>: false: there is no room for it. resume_ms 0: not to be resumed. */
bool sm_begin(struct engine *e, struct session *s, uint32_t resume_ms);
/* For sm_begin and sm_restore.c: with nothing in it. */
struct sm *sm_new(struct session *s);
/* The id as it is told: SM_ID_CHARS of hexadecimal. */
void sm_id(const struct engine *e, const struct session *s, char out[SM_ID_CHARS]);
/* Names the session in the log: the first 8 bytes of its id. */
uint64_t sm_serial(const struct engine *e, const struct session *s);
/* The session of the account that is named by it; NULL: none. */
struct session *sm_find(const struct engine *e, const struct account *a, struct slice id);

/* ------------------------------------------------------------------------------------ inbound */

/* The number of an inbound stanza that is about to be processed, into origin. False: it was sent
 * again and is settled, or in hand: it counts and is not processed. */
bool sm_received(struct engine *e, struct session *s, struct origin *origin);
/* Is there room in the window for another one? */
bool sm_has_window(const struct session *s);
/* The client asks with <r/>: true: everything is settled, and it is to be told now. Else it is told
 * when what it asked for is, or in SM_ANSWER_MS what is by then: on a good disk that is one answer
 * instead of two, and a bad one does not make the client believe that nobody is there. */
bool sm_asked(struct engine *e, struct session *s);
/* It is being told h. */
void sm_told(struct engine *e, struct session *s, uint32_t h);
/* An inbound stanza was settled. */
void sm_settle(struct engine *e, struct session *s, const struct origin *origin);
/* The log says so of this one (of whichever session; others are no matter). */
void sm_settle_entry(struct engine *e, struct session *s, uint64_t serial, uint32_t number);
uint32_t sm_handled(const struct session *s);

/* ----------------------------------------------------------------------------------- outbound */

/* Room for one more unacknowledged stanza (L14)? */
bool sm_has_room(const struct engine *e, const struct session *s);
/* For how many? */
size_t sm_room(const struct engine *e, const struct session *s);
/* A stanza is written to the stream; called before the bytes reach the link. */
void sm_sent_entry(struct engine *e, struct session *s, const struct log_entry *entry,
                   enum role role);
/* A volatile one; st: NULL when it is no request. */
void sm_sent(struct engine *e, struct session *s, const struct stanza *st, struct slice bytes);
/* Keeps a volatile stanza for a client that hibernates or is not up to date yet; false: no room.
 * must: it may use twice the room, and the session ends when even that is used up. */
bool sm_keep(struct engine *e, struct session *s, const struct stanza *st, struct slice bytes,
             bool must);
/* Asks the client what it has (<r/>), unless an answer is awaited. */
void sm_ask(struct engine *e, struct session *s);
/* The client has h of what was sent. False: more than was sent. */
bool sm_acknowledged(struct engine *e, struct session *s, uint32_t h);
uint32_t sm_sent_count(const struct engine *e, const struct session *s);
/* One session has the message for good: nobody misses it in another one of the account. */
void sm_taken(struct engine *e, const struct session *by, uint64_t position);
/* The session has a copy of the message, which no other one will get: it is missed when the copy
 * is. */
void sm_owe(struct engine *e, struct session *s, uint64_t position);
/* The client answered a request, which need not be answered for it any more. */
void sm_answered(struct engine *e, struct session *s, const struct stanza *st);
/* The cursor of the log moved without a stanza for this session. */
void sm_cursor(struct session *s);
/* The lowest position that any session, managed or not, may still have to read. */
uint64_t sm_needs(const struct engine *e, const struct session *s);
/* Positions of messages that were handed and are not acknowledged: uint64_t, appended. */
void sm_unacknowledged(const struct engine *e, const struct session *s, struct buf *positions);
/* Is this one among them? */
bool sm_holds(const struct engine *e, const struct session *s, uint64_t position);

/* ---------------------------------------------------------------------------- life and death */

/* The state that is needed for a resumption changed (presence, directed presence, ...). */
void sm_state_changed(struct engine *e, struct session *s);
/* Can the session go on without its stream? */
bool sm_resumable(const struct session *s);
/* Has its time to be resumed passed? */
bool sm_is_over(const struct engine *e, const struct session *s);
/* The stream is gone. */
void sm_hibernate(struct engine *e, struct session *s);
/* The session ends: unacknowledged entries become holes, unanswered requests are answered. */
void sm_end(struct engine *e, struct session *s);
/* The engine ends: the session stays in the region. */
void sm_forget(struct engine *e, struct session *s);

/* ------------------------------------------------------------ another process (sm_restore.c) */

/* Values in the store, owner: the host's domain; key: the id in hexadecimal; value: the image. */
#define STORE_SESSIONS SLICE("sessions")

/* The account of sessions that were restored has been loaded. */
void sm_account_loaded(struct engine *e, struct account *a);
/* The engine is told to stop. */
void sm_stop(struct engine *e);
/* The engine is stopping: writes sessions to the store once nothing else waits. */
void sm_save(struct engine *e);
/* sm.c: the record is in the region; the counters are looked at, the timer runs. */
void sm_restored(struct engine *e, struct session *s, region_ref record);

/* ---------------------------------------------------------------------- resumption (sm_resume.c)
 */

enum sm_resumption {
    SM_RESUMED, /* stream and session are joined */
    SM_FAILED,  /* the reply says why; a resource may be bound */
    SM_WAITS,   /* c2s_sm_resumed comes later */
};
/* <resume/> on a stream whose account is loaded. Appends <resumed/> or <failed/> to reply. Once the
 * reply is written, sm_replay is to be called. */
enum sm_resumption sm_resume(struct c2s *stream, struct xml x, struct buf *reply);
/* Writes what the client has not acknowledged, in order, then what came meanwhile. */
void sm_replay(struct engine *e, struct session *s);
/* The session ends, or another stream wants it: the stream that waited is told. */
void sm_resume_cancel(struct engine *e, struct session *s, bool conflict);
/* Nobody comes back any more, or somebody has. */
void sm_return_end(struct engine *e, struct sm *sm);

/* ------------------------------------------------------------------------ elements (c2s_sm.c) */

/* <enable/> of a bound stream; appends <enabled/> or, false, <failed/>. */
bool sm_enable(struct c2s *stream, struct xml x, struct buf *out);
void sm_write_failed(struct buf *out, enum stanza_error error, const uint32_t *h);
bool sm_read_h(struct slice text, uint32_t *out);
/* <a/>: how much was handled. <r/>: the client is to say so. */
void c2s_sm_tell(struct c2s *stream);
void c2s_sm_ask(struct c2s *stream);
/* The end of a resumption on a stream of its own. */
void c2s_sm_resumed(struct c2s *stream, enum sm_resumption result, struct slice reply);

#endif

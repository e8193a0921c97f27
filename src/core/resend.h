/* Idempotent send: what a client sends once more, because its last session with stream management
 * (XEP-0198) ended without a word about it, is acknowledged and neither archived nor delivered
 * again.
 *
 * A message is a repetition only if the same account, address, type, id (or origin-id, XEP-0359)
 * and payload are those of a message that an earlier session sent, where that session was managed,
 * ended without the client's own end of the stream, was not resumed, and had acknowledged the
 * message never or in the last RESEND_TOLD_MS of its stream. One message that was sent answers for
 * one repetition, and for RESEND_FORGET_MS since it was accepted; so nothing is taken for a
 * repetition where no session was lost.
 *
 * What was sent is known from the log: every kept message of a managed session has an entry of its
 * sender's with the session's serial and the message's number (mail.h); markers hold the key in
 * place of a message. Which sessions ended how is known from a map of the account, whose item is
 * written with the first kept message of a session. Entries are looked at once, when the account
 * sends the first message with an id that may be one; messages wait for that. Where no session was
 * lost, all of it costs a look at account.resend, which is NULL. */
#ifndef CORE_RESEND_H
#define CORE_RESEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "core/mail.h"
#include "store/store.h"
#include "xmpp/stanza.h"

struct account;
struct engine;
struct session;
struct sm;

/* Owner: the account; key: a session's serial, 16 hexadecimal digits; value, in decimal: "BEGAN"
 * while it lasts, or when nobody was there to see its end; "BEGAN ENDED TOLD" (milliseconds of the
 * wall clock; the highest number that was told RESEND_TOLD_MS before). */
#define STORE_STREAMS SLICE("streams")

enum {
    RESEND_TOLD_MS = 2 * 60 * 1000,
    RESEND_FORGET_MS = 24 * 60 * 60 * 1000,
    RESEND_LOOKS = 2000,     /* entries of the log that are looked at */
    RESEND_STREAMS_MAX = 64, /* sessions that are remembered */
};

/* A session that has ended, or that the end of the machine has ended. */
struct resend_stream {
    struct list link;  /* of the account, oldest first */
    struct hnode node; /* in engine.ended, by serial, while stanzas of it are not settled */
    struct account *account;
    uint64_t serial;
    int64_t began_ms, ended_ms; /* wall clock; ended_ms 0: not known */
    uint32_t told;              /* all numbers up to here are settled for the client */
    uint32_t unsettled;
    bool gone;   /* nothing of it is a candidate any more: its item is to be removed */
    bool dirty;  /* the store knows less */
    bool flying; /* a batch is under way */
    bool ending; /* its item is being removed by a batch of its own */
};

/* A stanza of a session that waits, until it is known whether it was sent before. */
struct resend_waiting {
    struct list link;
    struct origin origin;
    uint64_t to;      /* hash of the bare address */
    struct buf bytes; /* encoded */
};

/* A repetition that is being told to the log. */
struct resend_telling {
    struct list link;
    struct account *account;
    struct origin origin;
    int64_t wall_ms;
};

/* Made when there is something. */
struct resend {
    struct list streams;  /* struct resend_stream */
    struct list waiting;  /* struct resend_waiting */
    struct list tellings; /* struct resend_telling */
    struct buf candidates, used;
    bool loaded;    /* the candidates are those of all streams */
    bool outdated;  /* they will not be, when the scan ends */
    uint32_t looks; /* of the scan */
    uint64_t flow;
    bool busy; /* what waited is going on */
};

/* ------------------------------------------------------------------- what a session was told */

/* Inbound numbers up to h were told to the client, now. Few samples of a moment are kept; what was
 * told between two of them counts as told at the earlier one. */
void resend_told(struct engine *e, struct sm *sm, uint32_t h);
/* The highest number that was told RESEND_TOLD_MS ago or earlier. */
uint32_t resend_told_before(const struct engine *e, const struct sm *sm);
/* The stream is gone: the moment is now. */
void resend_told_end(struct engine *e, struct sm *sm);

/* -------------------------------------------------------------------------------- sessions */

/* To a batch with a kept message of a session: the item of the session, unless it is there. */
void resend_list(struct store_request *batch, struct slice owner, const struct origin *origin,
                 int64_t wall_ms);
/* A session with stream management ends; it still has its sm. */
void resend_ended(struct engine *e, struct session *s);
/* A stanza of a session that is gone was settled. */
void resend_settled(struct engine *e, const struct origin *origin);
/* The account is loaded: an item; all of them. It is not there, or not any more; it leaves. */
void resend_row(struct engine *e, struct account *a, const struct store_row *row);
void resend_loaded(struct engine *e, struct account *a);
void resend_forget(struct engine *e, struct account *a);
void resend_free(struct engine *e, struct account *a);
/* The store is written with the tail (tail.c). */
void resend_put(struct account *a, struct store_request *batch);
void resend_written(struct engine *e, struct account *a, bool good);
/* The stream of that serial that ended and may have candidates; NULL: none. */
struct resend_stream *resend_find(const struct engine *e, const struct account *a, uint64_t serial);
/* Nothing of these is a candidate any more. */
void resend_drop(struct engine *e, struct resend_stream *stream);
/* Gives back what is empty. */
void resend_rest(struct account *a);

/* ------------------------------------------------------------ messages (resend_match.c) */

/* Where account.resend is not NULL: must the stanza wait until it is known whether it is a
 * repetition? It comes to route_from_session again. */
bool resend_waits(struct engine *e, struct session *s, const struct stanza *st,
                  const struct origin *origin);
/* Is it one? Then origin is settled, later. */
bool resend_repeats(struct engine *e, struct account *a, const struct stanza *st,
                    const struct origin *origin);
/* What waits goes on, if it can. */
void resend_go_on(struct engine *e, struct account *a);
/* The value of a marker for a message: how to know it again. */
void resend_marker(const struct stanza *st, struct buf *out);

#endif

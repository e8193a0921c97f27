/* How a session follows its account's log: every entry is applied to it once, in the order of the
 * log, live as it is written or read later by the cursor. The one mechanism behind a client that
 * lags, one that hibernates, offline messages, and what a crash left undelivered. */
#ifndef CORE_FOLLOW_H
#define CORE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/timer.h"
#include "core/handle.h"
#include "core/mail.h"
#include "xmpp/stanza.h"

struct account;
struct engine;
struct session;

/* Whose other resources get a copy of a message (XEP-0280). */
enum copy_judgement { COPY_UNKNOWN, COPY_NOBODY, COPY_SENDERS, COPY_ALL };

/* An entry of an account's log. */
struct log_entry {
    uint64_t position;
    int64_t wall_ms;
    uint32_t flags;                /* core/service/archive.h */
    struct stanza stanza;          /* a view */
    uint32_t bytes;                /* of the value */
    bool late;                     /* it was read from the log: it gets a stamp (XEP-0203) */
    enum copy_judgement judgement; /* copy.h */
    bool taken;                    /* somebody has it who will not be asked again whether he has */
    uint64_t serial;               /* its origin: session and inbound number (sm.h); 0: none */
    uint32_t number;
};

/* What a session gets of an entry; kept with unacknowledged stanzas, so the numbers stay. */
enum role {
    ROLE_NONE = 0,
    ROLE_MESSAGE = 1,  /* the message */
    ROLE_RECEIVED = 2, /* a carbon of one to another resource (XEP-0280) */
    ROLE_SENT = 3,     /* a carbon of one from another resource */
};

enum follow_state {
    FOLLOW_LIVE,    /* the cursor is at the head: entries are sent as they are written */
    FOLLOW_BEHIND,  /* entries wait in the log until the client can take them */
    FOLLOW_READING, /* a slice is being read */
    FOLLOW_WRITTEN, /* it was written; goes on when the connection has taken it */
    FOLLOW_FAILED,  /* it could not be read: tried again after FOLLOW_RETRY_MS */
};

enum { FOLLOW_RETRY_MS = 5000 };

/* A session that reads, or that was handed what its connection has not taken yet. */
struct follow_reading {
    struct session *session;
    uint64_t owed_to; /* when it drains: up to here only what nobody was handed */
    uint64_t flow;    /* the read */
    uint64_t head;    /* account.head when it began */
    struct timer retry;
    struct buf flying; /* uint64_t: handed, not taken by the connection (no stream management) */
    struct buf single; /* uint64_t: those of them that go when they were taken (ARCHIVE_DELIVERY) */
};

struct follow {
    enum follow_state state;
    bool drains;         /* reads what the account owes (tail.h) */
    bool waits;          /* somebody who drained has left something for it */
    bool passes;         /* reads all from what was handed last on: the tail moves with it */
    uint64_t cursor;     /* last position that was applied */
    uint64_t ready_from; /* account.head when it became ready: messages to all since then */
    uint64_t known_from, known_to;  /* the client was shown these in its archive (XEP-0313) */
    uint64_t carbons_from;          /* account.head when carbons were enabled */
    struct follow_reading *reading; /* NULL: it does not */
};

/* A session was made or resumed: it begins at the head, or at a cursor. */
void follow_begin(struct session *s);
/* What would the session get of it? */
enum role follow_role(const struct session *s, struct log_entry *entry);
/* A new entry of the log, in order. Returns whether the session was handed the message. */
bool follow_entry(struct engine *e, struct session *s, struct log_entry *entry);
/* The session can take entries (again): reads on from the cursor unless it is live. */
void follow_go_on(struct engine *e, struct session *s);
/* The connection has taken what was written, or most of it. */
void follow_taken(struct engine *e, struct session *s);
/* The session became ready for messages to the bare address: gets what the account owes. */
void follow_ready(struct engine *e, struct session *s);
/* It stops: it is not available any more. */
void follow_stop(struct engine *e, struct session *s);
/* The client has read all of its archive from one position to another: what of it is owed is not
 * sent again. Entries that are in no archive are. */
void follow_known(struct session *s, uint64_t from, uint64_t to);
/* Its stream is gone, and it may be taken up again; it was, and has all that it had not
 * acknowledged. */
void follow_pause(struct engine *e, struct session *s);
void follow_resumed(struct engine *e, struct session *s);
/* Everything up to here was applied, by a first reading (draining is a second one). */
uint64_t follow_position(const struct session *s);
/* What was handed and not taken by the connection: uint64_t. */
struct slice follow_flying(const struct session *s);
/* The engine ends. */
void follow_forget(struct engine *e, struct session *s);
/* The session ends: what it was handed and did not take is owed again. */
void follow_end(struct engine *e, struct session *s);
/* Does the session read messages that are older than those that arrive? Volatile ones wait then. */
bool follow_is_behind(const struct session *s);

#endif

/* A session: a resource bound to an account, with its presence. With stream management (sm.h) it
 * outlives its stream. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/account.h"
#include "core/follow.h"

struct c2s;
struct sm;

/* A presence that was broadcast. */
struct session_presence {
    uint32_t payload_len, lang_len;
    char text[]; /* payload, language */
};

/* A broadcast that waits because there were many (R05). */
struct session_held {
    struct session *session;
    struct timer timer;
    struct buf stanza; /* encoded */
};

/* A client that does not read (L13), or is told less (it is inactive, or hibernates). */
struct session_lag {
    struct session *session;
    struct timer timer;  /* its end, when it does not read */
    struct buf presence; /* newest of each sender (lag.h) */
};

/* What few sessions need, or for a moment, stands in pieces of its own: an idle one is small. */
struct session {
    struct list link; /* in account.sessions */
    struct account *account;
    struct c2s *stream;   /* NULL: it hibernates */
    struct sm *sm;        /* stream management; NULL: off */
    uint64_t handle;      /* in engine.sessions */
    struct jid jid;       /* full; its text is below */
    int64_t since_ms;     /* wall clock */
    struct follow follow; /* how far it is in the account's log */
    uint32_t unsettled;   /* stanzas that it sent */
    uint32_t unsettled_bytes;
    bool available;
    bool was_available; /* initial presence has been sent before */
    bool roster_interested;
    bool lags;     /* L13: the peer does not read */
    bool carbons;  /* XEP-0280 */
    bool inactive; /* XEP-0352 */
    bool bind2;    /* it knows its archive: no offline messages are pushed (XEP-0386) */
    int8_t priority;
    uint64_t interests;                /* bits that modules take (hooks_interest) */
    uint64_t client;                   /* hash of the user agent id (XEP-0388); 0: not told */
    uint64_t presence_next_ms;         /* R05: earliest next broadcast */
    struct session_presence *presence; /* that was broadcast last; NULL: an empty one */
    struct buf *directed; /* NUL-terminated addresses that presence was sent to; NULL: none */
    struct session_lag *lag;
    struct session_held *held;
    char text[];
};

/* stream: NULL for a session of another process (sm_restore.c). */
struct session *session_new(struct engine *e, struct account *a, struct c2s *stream,
                            struct slice resource);
/* The session ends: unavailable goes out where it has to, modules hear of it. What it was handed
 * and has not acknowledged waits for the next one. */
void session_end(struct engine *e, struct session **session);
/* The engine ends: the session is taken out of memory as it is; nobody hears of it. */
void session_forget(struct engine *e, struct session **session);
/* The stream is gone: the session ends, or hibernates when it can be resumed. *session is NULL
 * then. */
void session_leave(struct engine *e, struct session **session);
struct session *session_find(const struct account *a, struct slice resource);
/* Has the session sent directed presence to this bare address, or to a resource there? */
bool session_shows_itself_to(const struct session *s, const struct jid *who);
/* Sends a volatile stanza to the session's client as it is; false when it was not taken (the client
 * lags, or hibernates and there is no room). */
bool session_send(struct engine *e, struct session *s, const struct stanza *st);
/* The same for bytes that are a complete stanza. */
void session_send_bytes(struct engine *e, struct session *s, struct slice bytes);
/* Sends an entry of the log; false when it was not taken: it is read from the log later. */
bool session_send_entry(struct engine *e, struct session *s, const struct log_entry *entry,
                        enum role role);
/* Sends a copy (XEP-0280) of a volatile message; dropped when the client lags. */
void session_send_copy(struct engine *e, struct session *s, const struct log_entry *entry,
                       enum role role);
/* Copies of messages of other resources are wanted from now on, or not any more. */
void session_set_carbons(struct engine *e, struct session *s, bool on);
/* The presence that was broadcast last. */
struct slice session_presence(const struct session *s);
struct slice session_presence_lang(const struct session *s);
void session_set_presence(struct session *s, struct slice payload, struct slice lang);
/* Whom presence was directed to: NUL-terminated addresses. To be set it is copied. */
struct slice session_directed(const struct session *s);
void session_set_directed(struct session *s, struct slice addresses);
/* L13: the peer does not take what it is sent; it does again, or is gone; the session ends. */
void session_lag_begin(struct engine *e, struct session *s);
void session_lag_end(struct session *s);
void session_lag_drop(struct session *s);
/* Presence of others: the newest of each sender is kept for who cannot take it now (lag.h). False:
 * the stanza is nothing of the kind. */
bool session_keep_presence(struct engine *e, struct session *s, const struct stanza *st);
struct slice session_kept(const struct session *s);
struct buf session_take_kept(struct session *s);
/* An IQ set from the server itself with this payload (roster push, block push). */
void session_push(struct engine *e, struct session *s, struct slice payload);
/* Is there a client that takes entries of the log now? */
bool session_takes_entries(const struct session *s);
/* How many more stanzas it takes before the client has to acknowledge some (L14). */
size_t session_room(const struct engine *e, const struct session *s);
/* Bytes for the client that its connection has not taken yet. */
size_t session_backlog(const struct session *s);
/* The hook session_drained shall also come as soon as everything has been taken, once. */
void session_watch(struct session *s);
/* A handle of the stream, for whoever names it later; 0: it hibernates. */
uint64_t session_stream(const struct session *s);
/* The client's user looks at it, or not (XEP-0352): what can wait for an inactive client is held
 * back until something comes that cannot. */
void session_set_inactive(struct engine *e, struct session *s, bool inactive);
/* The newest presence of others that was kept for the client goes out. */
void session_flush_presence(struct engine *e, struct session *s);
/* The peer has read: called when the backlog is below a quarter of L13. */
void session_drained(struct engine *e, struct session *s);
/* A stanza that the client sent was settled. */
void session_settle(struct engine *e, struct session *s, const struct origin *origin);
/* A line of the log about the session, with its connection when there is one. */
void session_log(struct engine *e, const struct session *s, enum log_level level, const char *event,
                 const char *cond);

#endif

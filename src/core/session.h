/* A session: a resource bound to an account, with its presence. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/account.h"

struct c2s;

struct session {
    struct list link; /* in account.sessions */
    struct account *account;
    struct c2s *stream;
    struct jid jid;   /* full, owned */
    int64_t since_ms; /* wall clock */
    bool available;
    bool was_available; /* initial presence has been sent before */
    bool roster_interested;
    bool lags; /* L13: the peer does not read */
    int8_t priority;
    uint64_t interests; /* bits that modules take (hooks_interest) */
    char *presence;     /* payload of the last broadcast presence, owned */
    uint32_t presence_len;
    struct slice presence_lang; /* owned */
    struct buf directed;        /* NUL-terminated addresses that directed presence was sent to */
    uint32_t directed_count;
    struct timer lag_timer;
    struct buf lag_presence;   /* newest presence per sender while it lags (lag.h) */
    uint64_t presence_next_ms; /* R05: earliest next broadcast */
    struct timer presence_timer;
    struct buf presence_held; /* a presence that waits for the timer, encoded */
};

struct session *session_new(struct engine *e, struct account *a, struct c2s *stream,
                            struct slice resource);
/* The session ends: unavailable goes out where it has to, modules hear of it. */
void session_end(struct engine *e, struct session **session);
struct session *session_find(const struct account *a, struct slice resource);
/* Has the session sent directed presence to this bare address, or to a resource there? */
bool session_shows_itself_to(const struct session *s, const struct jid *who);
/* Sends a stanza to the session's client as it is; false when it lags and the stanza was not taken.
 */
bool session_send(struct engine *e, struct session *s, const struct stanza *st);
/* The same for bytes that are a complete stanza. */
void session_send_bytes(struct engine *e, struct session *s, struct slice bytes);
/* An IQ set from the server itself with this payload (roster push, block push). */
void session_push(struct engine *e, struct session *s, struct slice payload);
/* Bytes for the client that its connection has not taken yet. */
size_t session_backlog(const struct session *s);
/* The hook session_drained shall also come as soon as everything has been taken, once. */
void session_watch(struct session *s);
/* A handle of the stream, for whoever names it later. */
uint64_t session_stream(const struct session *s);
/* The peer has read: called when the backlog is below a quarter of L13. */
void session_drained(struct engine *e, struct session *s);

#endif

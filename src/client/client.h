/* Inside face of libburble: the client and its parts. The public face is include/burble/.
 *
 * A client is one machine. What happens comes through burble_feed; each part has one file:
 *
 *   setup      the configuration, checked and copied
 *   dial       from a domain to a TCP connection (effects: look-ups, attempts); dial.h
 *   link       bytes of that connection: proxy, TLS by trust, parser; link.h
 *   stream     negotiation until the session stands; one table of what is legal when
 *   auth       logging in: SASL, SASL2, tokens, registration; auth.h has its own map
 *   session    bind, and what a new or resumed session begins with
 *   sm         stream management (XEP-0198)
 *   alive      is the other side still there?
 *   outbox     stanzas that wait or are not acknowledged; send: those of the program
 *   iq         requests, ours and theirs
 *   dispatch   a stanza that came: who takes it
 *   message, presence   what nobody else takes, and what the program says
 *   extension  features: how they are linked, asked and freed
 *   retry      what happens when a connection is lost; why: what its error means
 *   leave      what the program wants: connecting, leaving, suspending
 *   save       the state that outlives the process
 *   effect, timer, view, writer, text, names   what all use
 *   loop       the ready-made loop, the only one that makes system calls
 *
 * Features (roster, rooms, ...) are extensions: they are linked to a client when the program asks
 * for them, see client_extension. Each has a file of its name, and a header where it has several.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time.h"
#include "burble/burble.h"
#include "burble/disco.h"
#include "burble/io.h"
#include "burble/message.h"
#include "burble/presence.h"
#include "client/auth.h"
#include "client/dial.h"
#include "client/link.h"
#include "client/sm.h"
#include "client/stream.h"
#include "client/view.h"
#include "xml/tree.h"
#include "xml/writer.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

/* Owned copies of the configuration. */
struct client_setup {
    struct burble_config config; /* numbers and flags; the pointers are not used */
    char *user;                  /* prepared localpart; NULL: none */
    char *domain;                /* prepared domain */
    char *resource;              /* to ask for; NULL: the server's choice */
    char *own;                   /* bare, as configured */
    char *bare;                  /* the same, until the server has said what it is */
    char *password;
    char *host, *proxy, *mechanism, *authzid, *lang;
    char *software, *software_version, *software_os;
    uint8_t (*pins)[32];
    size_t pin_count;
};

struct client_timer {
    struct list link;
    uint64_t at_ms;
    void (*fire)(struct burble *c, struct client_timer *t);
};

struct client_extension;

struct client_extension_ops {
    const char *name;
    /* A message or presence that came, in the order of registration. True: taken, nobody else gets
     * it. May be NULL, as all the rest. */
    bool (*stanza)(struct client_extension *x, const struct stanza *s);
    /* A request (IQ get or set) that came, whoever answers it. */
    void (*request)(struct client_extension *x, const struct stanza *s);
    /* Is this somebody who sees our presence: a contact, a room? Full or bare address. */
    bool (*shows)(struct client_extension *x, const struct jid *who);
    /* Adds elements to the own presence, serialised for jabber:client. all: it goes to everybody.
     */
    void (*presence)(struct client_extension *x, bool all, struct buf *out);
    /* The features or the identity of the own service discovery are others now. */
    void (*features)(struct client_extension *x);
    /* Is this node of the own service discovery the hash of what we are (XEP-0115, XEP-0390)? */
    bool (*own_caps)(struct client_extension *x, struct slice node);
    /* A session stands: a new one, or the old one goes on. Before the program hears of it, and
     * before the own presence is announced. */
    void (*online)(struct client_extension *x, bool resumed);
    /* The roster of this session has come. */
    void (*roster)(struct client_extension *x);
    /* The session is gone for good; said at least once before a new one stands. */
    void (*gone)(struct client_extension *x);
    void (*free)(struct client_extension *x);
};

/* Embedded in a feature's state. It lives until the client is freed or it is retired. */
struct client_extension {
    struct list link;
    const struct client_extension_ops *ops;
    struct burble *client;
    struct client_timer end; /* of client_retire */
    bool retired;            /* the program freed it: call it no more */
};

/* Each that is not retired and has this hook, in the order of registration. */
#define EXTENSIONS_WITH(hook, x, c)                                                                \
    LIST_EACH(x##_link, &(c)->extensions)                                                          \
    for (struct client_extension *x = CONTAINER_OF(x##_link, struct client_extension, link);       \
         x != NULL; x = NULL)                                                                      \
        if (!x->retired && x->ops->hook != NULL)

/* What the program has asked for; done at the next turn of burble_feed, never from inside of the
 * call. */
enum client_wish { WISH_NONE, WISH_CONNECT, WISH_LEAVE, WISH_SUSPEND };

struct burble {
    struct client_setup setup;
    struct burble_outside outside;
    struct rng rng;
    struct now now;
    unsigned depth; /* inside of burble_feed or of a callback */
    bool doomed;    /* burble_free was called in a callback */
    bool holds;     /* a loop holds it (client_hold) */
    bool unplugged; /* and has let it go in the middle of something */

    enum burble_state state;
    bool wanted;    /* burble_connect: come back after a loss */
    bool suspended; /* burble_suspend: the session is to be resumed, but not by itself */
    bool session;   /* one stands or can be resumed: features have something of it */
    bool stood;     /* there was one since burble_connect */
    enum client_wish wish;
    struct burble_state_event ending; /* why, while a connection is being closed */
    char ending_text[512];
    char ending_condition[64];
    uint32_t tries;                  /* in a row without a session that lasted */
    bool later;                      /* the server asks for patience */
    uint32_t bad_xml;                /* in a row: sessions that ended because of what came (V20) */
    uint64_t online_ms;              /* since when the session stands */
    struct client_timer phase_timer; /* until online, or until the stream has ended */
    struct client_timer retry_timer;
    struct client_timer ask_timer; /* <r/> for what is not urgent */
    struct client_timer alive_timer;
    bool alive_asked; /* nothing came, and we have asked */

    struct list effects;
    struct client_effect *effect_taken;
    struct client_effect *effect_spare; /* for closing when there is no memory */
    uint32_t next_id;
    struct list timers;  /* armed ones, soonest first */
    struct list unarmed; /* set outside of burble_feed: armed when the time is known again */

    struct dial dial;
    struct link link;
    struct stream stream;
    struct auth auth;
    struct sm sm;

    struct list outbox; /* struct outbox_item, sent ones first */
    size_t outbox_count, outbox_bytes;
    size_t outbox_kept, outbox_kept_bytes; /* of them OUTBOX_KEEP */
    size_t outbox_waiting;                 /* of them not sent */
    bool outbox_held;                      /* a session begins: nothing that waits is written yet */
    bool outbox_flushing;
    bool outbox_undated; /* some came outside of burble_feed */
    bool outbox_blamed;  /* the server ended the stream because of what we sent */
    uint64_t next_ticket;

    struct list requests; /* struct client_request, by time of asking */
    size_t request_count;
    uint64_t next_handle;
    struct list servers; /* struct client_server: who answers requests */

    struct buf kept; /* the program's own, saved along */

    struct list extensions;
    struct list features;  /* of the own service discovery */
    enum burble_tell tell; /* who may know that we are here */
    uint32_t picture_max;  /* bytes; 0: the usual */
    struct buf presence;   /* payload of the own presence */
    bool available;        /* it is to be announced */
    bool presence_due;     /* it has changed while a session was interrupted */
    bool inactive;         /* XEP-0352 */
    bool active_due;       /* that is to be said */

    char *jid;               /* bound full address; NULL: none yet */
    struct burble_tree view; /* of the stanza that is being delivered */
    bool starved;            /* there was no memory to deliver it */
    struct buf work;         /* for payloads: cleared by client_payload */
};

/* client.c */
/* Zeroed; NULL: no memory. */
void *client_alloc(size_t size);
char *client_copy(struct slice s);
/* *to becomes a copy, NULL where s.ptr is NULL. ERR_MEMORY leaves it as it is. */
int client_set(char **to, struct slice s);
/* out, of that size, becomes what the program has set of in, a structure that begins with its size;
 * the rest is zero, and all of it where in is NULL. ERR_SYNTAX: its size was not set. */
int client_take(void *out, size_t size, const void *in);
/* *out becomes the prepared address; text NULL: it stays NULL. ERR_SYNTAX, ERR_MEMORY. */
int client_copy_jid(const char *text, bool bare, char **out);
void client_enter(struct burble *c);
/* False: the client was freed. */
bool client_leave(struct burble *c);
void client_emit(struct burble *c, const struct burble_event *event);
void client_change_state(struct burble *c, enum burble_state to,
                         const struct burble_state_event *more);
/* Output, effects or a nearer deadline are there. */
void client_wake(struct burble *c);
/* There was no memory for what has to be written: the connection ends at the end of the turn. */
void client_starve(struct burble *c);
/* A loop holds a client that is freed until it has let go. */
void client_hold(struct burble *c);
void client_release(struct burble *c);
/* The outside is gone, and with it what was under way. */
void client_unplug(struct burble *c);
bool client_doomed(const struct burble *c);
/* Offline, and nothing is to be done. */
bool client_idle(const struct burble *c);
/* Nothing more of what came is to be processed: the client is freed, or its session was just
 * suspended and perhaps saved. */
bool client_stops(const struct burble *c);
/* 24 characters, 120 random bits, and a NUL. */
enum { CLIENT_ID_BYTES = 25 };
void client_new_id(struct burble *c, char out[CLIENT_ID_BYTES]);

/* timer.c. Outside of burble_feed c->now is old; what is set there is moved by as much when the
 * time is known again. */
void client_timer_set(struct burble *c, struct client_timer *t, uint64_t at_ms);
void client_timer_stop(struct client_timer *t);
void client_timers_arm(struct burble *c, uint64_t passed_ms);
void client_timers_run(struct burble *c);

/* effect.c: 0 or ERR_MEMORY; the id is given by the caller (client_next_id). */
uint32_t client_next_id(struct burble *c);
int client_effect(struct burble *c, enum burble_effect_kind kind, uint32_t id, const char *name,
                  const struct burble_address *address);
int client_effects_init(struct burble *c);
void client_effects_free(struct burble *c);

/* retry.c: the end of a connection. text is for people, may be NULL; condition may be NULL. */
void client_fail(struct burble *c, enum burble_why why, const char *condition, const char *text);
/* The same, with what is told to the server first, where a stream is open. */
void client_fail_stream(struct burble *c, enum burble_why why, struct slice stream_error,
                        const char *text);
/* The same, where the stream is only closed: nobody did wrong. */
void client_fail_closing(struct burble *c, enum burble_why why, const char *condition,
                         const char *text);
/* And with an application's condition (serialised). */
void client_fail_stream_app(struct burble *c, enum burble_why why, struct slice stream_error,
                            struct slice app, const char *text);
/* The link is gone; decides what comes next. */
void client_ended(struct burble *c);
/* A session that cannot go on: who waits for something of it hears so. */
void client_gone(struct burble *c);
/* The server says why it ends the stream. where: the text of see-other-host. */
void retry_stream_error(struct burble *c, struct slice condition, struct slice text,
                        struct slice where);
/* The server ended its direction of the stream. */
void retry_stream_closed(struct burble *c);
/* The login goes on in a new connection, at once. What was refused stays so. */
void retry_login(struct burble *c);
void retry_init(struct burble *c);
/* What the program has asked for. */
void retry_wish(struct burble *c);
/* Leaving: everything is acknowledged, the stream can be ended. */
void retry_turn(struct burble *c);

/* alive.c: is the other side still there? */
void alive_init(struct burble *c);
void alive_begin(struct burble *c);
void alive_heard(struct burble *c);

/* outbox.c */
enum outbox_kind {
    OUTBOX_KEEP,    /* messages: said again in a new session */
    OUTBOX_SESSION, /* presence, IQ: said again in a resumed one alone */
};
/* Beside enum burble_send_flag. SECRET: not shown (BURBLE_RAW_XML), and wiped. WRITTEN: by the
 * writer, with text of characters that XML can carry; it needs no check. */
enum { OUTBOX_SECRET = 1 << 30, OUTBOX_WRITTEN = 1 << 29 };
/* One stanza as text for default namespace jabber:client. id: of the stanza, for the event; may be
 * empty. What is of the session goes before messages that wait: who enters a room again says
 * afterwards what was to be said there (row C06). 0, ERR_CLOSED (no session and not kept),
 * ERR_LIMIT, ERR_BUSY (nothing drives the client yet), ERR_SYNTAX, ERR_MEMORY. */
int outbox_put(struct burble *c, enum outbox_kind kind, struct slice text, struct slice id,
               unsigned flags, uint64_t *ticket_out);
/* The first n of the sent ones are acknowledged, and sm.out_h grows. False: there are not so many.
 */
bool outbox_acked(struct burble *c, uint32_t n);
uint32_t outbox_unacked(const struct burble *c);
/* The server ended the stream because of what we sent: the first that it has not handled is
 * suspected, and given up at the third time (row V20, the other way round). */
void outbox_suspect(struct burble *c);
/* A new session: what was session's is dropped, what is kept waits again. */
void outbox_new_session(struct burble *c);
/* Everything that was sent and is not acknowledged waits again (resumption). */
void outbox_rewind(struct burble *c);
/* Writes what waits, unless it is held, and as far as the connection takes it. */
void outbox_flush(struct burble *c);
/* Something can be written or settled. */
bool outbox_due(const struct burble *c);
void outbox_turn(struct burble *c);
/* Everything goes, with BURBLE_EVENT_SENT and error when there is one (0: no events). What comes in
 * meanwhile stays. */
void outbox_clear(struct burble *c, int error);
/* For save.c: what waits will be sent in this order, before anything that comes later, as long as
 * the session goes on. False: it begins, and what belongs to it goes first. */
bool outbox_place(struct burble *c);
/* One by one in order; *at NULL at the start and at the end. */
struct outbox_saved {
    enum outbox_kind kind;
    bool sent, written, secret;
    uint64_t ticket;
    int64_t since_ms; /* wall clock; 0: not known */
    struct slice text;
};
bool outbox_each(const struct burble *c, const struct list **at, struct outbox_saved *out);
/* ERR_CORRUPT: it is no stanza. */
int outbox_restore(struct burble *c, const struct outbox_saved *item);

/* save.c: 0, ERR_CORRUPT, ERR_MEMORY. */
int save_load(struct burble *c, struct slice text);

/* iq.c */
typedef void client_iq_fn(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                          void *arg);
struct client_iq {
    bool set;
    struct slice to; /* prepared or not; empty: the own account */
    struct slice payload;
    uint32_t timeout_ms; /* 0: 30,000 */
    client_iq_fn *fn;    /* exactly once, never from inside of client_iq_send */
    void *arg;
    void (*drop)(void *arg); /* instead of fn, when the request is taken back; NULL: nothing */
    bool secret;             /* there may be a password in it: it is not shown, and wiped */
};
/* handle_out may be NULL. 0, ERR_SYNTAX, ERR_LIMIT, ERR_CLOSED, ERR_MEMORY. */
int client_iq_send(struct burble *c, const struct client_iq *iq, uint64_t *handle_out);
/* Asks with what was written by client_payload. heap is the argument of fn, which frees it; it is
 * freed when this fails, too, and when the request is taken back; NULL: there was no memory. to may
 * be NULL. As client_iq_send. */
int client_iq_ask(struct burble *c, bool set, const char *to, client_iq_fn *fn, void *heap,
                  uint64_t *handle_out);
/* The error of an answer (also of TIMEOUT and GONE), for events. */
void client_iq_error(struct burble *c, enum burble_iq_outcome outcome, struct xml iq,
                     struct burble_stanza_error *out);
/* What a feature says of this condition; texts has STANZA_ERRORS entries, NULL: the other one. */
const char *client_condition_text(const char *const *texts, const char *condition,
                                  const char *other);
/* Somebody asks: fn answers with client_iq_answer or client_iq_refuse, now or later. One per
 * payload name; 0, ERR_EXISTS, ERR_MEMORY. fn NULL takes it back. */
typedef void client_server_fn(struct burble *c, const struct stanza *iq, struct xml payload,
                              void *arg);
int client_iq_serve(struct burble *c, struct slice ns, struct slice name, client_server_fn *fn,
                    void *arg);
int client_iq_answer(struct burble *c, const struct stanza *iq, struct slice payload);
int client_iq_refuse(struct burble *c, const struct stanza *iq, enum stanza_error error,
                     struct slice text);
/* With an application's condition, serialised. */
int client_iq_refuse_with(struct burble *c, const struct stanza *iq, enum stanza_error error,
                          struct slice text, struct slice app);
void client_iq_stanza(struct burble *c, const struct stanza *s);
/* The session is gone: all open requests end with GONE. */
void client_iq_gone(struct burble *c);
void client_iq_free(struct burble *c);

/* dispatch.c: one stanza of the session. */
void client_stanza(struct burble *c, struct xml root);
/* Is the sender our own account (no from, or the bare address)? V57, V58, V65. */
bool client_from_self(const struct burble *c, const struct stanza *s);
/* BURBLE_EVENT_BAD: a stanza that is refused. */
void client_bad(struct burble *c, const char *why, struct slice from);
/* extension.c */
void client_extend(struct burble *c, struct client_extension *x,
                   const struct client_extension_ops *ops);
void client_unextend(struct client_extension *x);
/* The program frees a feature: ops->free is called at once, or, inside of burble_feed, when nothing
 * can be using it any more; no other hook is called from now on. */
void client_retire(struct client_extension *x);
/* May the program be called? Afterwards the feature is still there, but may be retired. */
bool client_extension_speaks(const struct client_extension *x);
/* The extension of this kind, NULL: the program did not ask for it. */
struct client_extension *client_extension(struct burble *c, const struct client_extension_ops *ops);
/* A feature of the own service discovery, once however often it is added. 0, ERR_MEMORY. */
struct client_feature {
    struct list link;
    char ns[];
};
int client_feature(struct burble *c, const char *ns);
void client_unfeature(struct burble *c, const char *ns);
void client_features_changed(struct burble *c);
bool client_is_own_caps(struct burble *c, struct slice node);
/* The one decision to whom it is shown that we are here (row V69): the own account, its server, and
 * as burble_set_tell says. who: none, or the sender of a stanza. */
bool client_may_tell(struct burble *c, const struct jid *who);
/* What features add to the own presence, also to one that goes to a room. */
void client_presence_extras(struct burble *c, bool all, struct buf *out);

/* roster.c: NULL: the program has none. */
struct burble_roster;
struct burble_roster *client_roster(struct burble *c);

/* session.c: bind (RFC 6120 section 7), and what stands behind it. */
void session_bind(struct burble *c);
void session_element(struct burble *c, struct xml x);
/* The address as the server said it. False: it is none, the connection ends. */
bool session_address(struct burble *c, struct slice jid);
/* The resource is bound, by whatever means, and the address is known. along: what was done with the
 * bind (XEP-0386) and needs no request. */
enum session_along { SESSION_SM = 1, SESSION_CARBONS = 2, SESSION_INACTIVE = 4 };
void session_begin(struct burble *c, unsigned along);
void session_resumed(struct burble *c);
/* The program has said whether a person is looking. */
bool session_due(const struct burble *c);
void session_turn(struct burble *c);
/* Takes over the address; 0, ERR_SYNTAX (it is no full one), ERR_MEMORY. */
int session_take_address(struct burble *c, struct slice jid);

/* presence.c */
void client_presence_announce(struct burble *c);
/* A resumed session: says it if it has changed meanwhile. */
void client_presence_resume(struct burble *c);
/* From a saved state: ERR_SYNTAX, ERR_MEMORY. */
int client_presence_restore(struct burble *c, struct slice payload);
bool client_presence_deliver(struct burble *c, const struct stanza *s);
void client_presence_read(struct burble *c, const struct stanza *s, struct burble_presence *out);

/* message.c: a message that came, alone or in an envelope (carbon, archive). */
bool message_deliver(struct burble *c, const struct stanza *s);
/* Reads what is in it. Strings are of the view. stamp_ms 0: now, unless it has a delay of its own.
 */
void message_read(struct burble *c, const struct stanza *s, enum burble_origin origin,
                  int64_t stamp_ms, struct burble_message *out);

/* What is in <forwarded/> (XEP-0297) inside of envelope; addresses are prepared into mem. stamp 0:
 * there is no delay beside it. */
bool message_forwarded(struct xml envelope, struct arena *mem, struct stanza *out,
                       int64_t *stamp_ms_out);

/* c->work, empty, with a writer on it for payloads in jabber:client. */
void client_payload(struct burble *c, struct xml_writer *w);

#endif

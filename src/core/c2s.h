/* The stream of a client (RFC 6120): negotiation by a table, then stanzas.
 *
 * The node feeds it with the events of its parser and asks c2s_can_read before each; everything it
 * writes goes to its link. A stream that waits (for the store, for a job, for its owner's shard,
 * for credit) is not fed. */
#ifndef CORE_C2S_H
#define CORE_C2S_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/link.h"
#include "core/service/signup.h"
#include "core/stream.h"
#include "xml/parser.h"
#include "xml/writer.h"
#include "xmpp/error.h"
#include "xmpp/sasl.h"

enum c2s_state {
    C2S_OPENING,     /* waits for the stream header, before login */
    C2S_NEGOTIATING, /* features sent, nobody is logged in */
    C2S_SASL,        /* an exchange waits for the client */
    C2S_SASL_WAIT,   /* an exchange waits for the store or a job */
    C2S_MOVING,      /* logged in; on its way to the owner's shard */
    C2S_REOPENING,   /* logged in; waits for the new stream header */
    C2S_BINDABLE,    /* features sent, waits for bind */
    C2S_BINDING,     /* the account is being loaded */
    C2S_BOUND,       /* a session */
    C2S_SASL2,       /* as C2S_SASL, by XEP-0388 */
    C2S_TASK,        /* logged in by XEP-0388; a task waits for the client */
    C2S_ENTERING,    /* logged in by XEP-0388; what comes with it waits for the store */
    C2S_RESUMING,    /* a session is to be taken up again, which waits for the store */
    C2S_REGISTERING, /* XEP-0077 before login waits for the store or a job */
    C2S_CLOSED,      /* the end was written; nothing is read any more */
    C2S_STATES
};

/* What a stream needs until it has a session. */
struct c2s_entry {
    struct c2s *stream;
    const struct host_config *host; /* chosen by the header's `to` */
    struct slice host_asked;        /* as the client named it (maybe an alias), owned */
    struct slice from; /* whom the header names, owned; nobody's business but XEP-0388's */
    struct sasl_server *sasl;
    struct login *login;  /* by XEP-0388, up to its answer (login.h) */
    struct buf held;      /* what waits with the state: a login that is delayed, a bind */
    uint64_t flow;        /* the store or the job that the state waits for */
    struct jid user;      /* bare, owned; set by a successful login */
    struct list binding;  /* in account_work.binding while the account loads */
    void *module_data;    /* of the registration module, in C2S_REGISTERING */
    uint64_t deadline_ms; /* L7: one for the whole login, on whatever shards */
    struct timer delay;   /* L10 */
    uint8_t failures;     /* logins that failed */
};

struct c2s {
    struct stream base; /* what its link knows of it */
    struct engine *e;
    struct link *link;
    uint64_t handle; /* in engine.streams */
    enum c2s_state state;
    bool header_sent;        /* of the current stream */
    bool authenticated;      /* a login has succeeded */
    bool heard;              /* something was read since it was asked */
    uint32_t holds;          /* answers that must come before anything else is read (c2s_hold) */
    struct c2s_entry *entry; /* NULL: it has come in, there is or was a session */
    char *lang;              /* of the stream, owned; NULL: none */
    struct account *account; /* in use from login on */
    struct session *session;
    uint64_t spent_until_ms; /* L22: when what was read will have been paid for */
    struct timer deadline;   /* L7; in a bound stream the signs of life (c2s_alive.c) */
    uint64_t heard_ms;       /* when something was read last */
    uint64_t asked_ms;       /* when something was asked that the peer has to answer; 0: nothing */
};

extern const struct stream_ops C2S_STREAM; /* c2s_link.c */

/* A connection was accepted; L7 begins. */
struct c2s *c2s_new(struct engine *e, struct link *link);
/* The connection is gone (or the node gives up on it): the session ends, the stream is freed. */
void c2s_free(struct c2s **stream);

/* May the next event come? False: not before link_ops.resume. */
bool c2s_can_read(const struct c2s *s);
/* L22: takes n bytes; the milliseconds after which reading may go on (0: at once). */
uint32_t c2s_take_tokens(struct c2s *s, size_t n);

/* content_ns: the default namespace inside of the stream. */
void c2s_header(struct c2s *s, struct xml root, struct slice content_ns);
/* bytes: how many the element took on the wire. */
void c2s_element(struct c2s *s, struct xml root, size_t bytes);
void c2s_closed_by_peer(struct c2s *s);
/* Nothing more can be said on the connection: the session ends without a word. */
void c2s_lost(struct c2s *s);
void c2s_bad_xml(struct c2s *s, enum xml_error error, struct slice first_bytes);
/* Plaintext behind <starttls/> (V32). */
void c2s_injected(struct c2s *s);
void c2s_drained(struct c2s *s);
/* Nothing is read from the stream until c2s_unhold: what comes from the store first keeps its place
 * before the answers to later stanzas. */
void c2s_hold(struct c2s *s);
void c2s_unhold(struct c2s *s);
/* After a reload. */
void c2s_rehost(struct c2s *s);
/* The link has arrived at this engine (c2s_detach on the old one before). */
void c2s_detach(struct c2s *s);
void c2s_attach(struct c2s *s, struct engine *e);

/* Writes the stream error and closes. app: serialised application condition or empty. */
void c2s_error(struct c2s *s, enum stream_error error, struct slice text, struct slice app);
/* The same, and the session ends for good: it cannot be resumed. */
void c2s_end(struct c2s *s, enum stream_error error, struct slice text);
/* Something was appended to the link's output. */
void c2s_written(struct c2s *s);
/* The account that a bind waits for has been loaded (or not). */
void c2s_account_ready(struct c2s *s);

/* There is a session, and all is said about how it came to be. */
void c2s_entered(struct c2s *s);
/* Who has logged in, by bare address; JID_NONE: nobody, or the stream has ended. */
struct jid c2s_user(const struct c2s *s);
struct slice c2s_lang(const struct c2s *s);

/* For modules too (module.h). */
bool c2s_authenticated(const struct c2s *s);
bool c2s_secure(const struct c2s *s);
const struct host_config *c2s_host(const struct c2s *s);
void c2s_binding(const struct c2s *s, struct sasl_binding *out,
                 uint8_t scratch[SASL_BINDING_BYTES]);

void c2s_log(const struct c2s *s, enum log_level level, const char *event, const char *cond);

/* Parts of the stream, one file each; called through the table in c2s.c. */
void c2s_features(struct c2s *s);
void c2s_write_header(struct c2s *s);
void c2s_starttls(struct c2s *s, struct xml x);
void c2s_auth(struct c2s *s, struct xml x);
void c2s_auth_response(struct c2s *s, struct xml x);
void c2s_auth_abort(struct c2s *s, struct xml x);
void c2s_auth_delayed(struct c2s *s);
/* For login.h too. Base64, strictly: room is for the bytes, *data_out a slice of them. */
bool c2s_auth_decode(struct slice text, struct buf *room, struct slice *data_out);
/* initial: decoded; ptr NULL: none. */
void c2s_auth_start(struct c2s *s, struct slice mechanism, struct slice initial);
void c2s_auth_fail(struct c2s *s, enum sasl_failure failure);
/* user: prepared localpart; output: what the mechanism has still to say. */
void c2s_auth_succeed(struct c2s *s, struct slice user, struct slice mechanism,
                      struct slice output);
void c2s_bind(struct c2s *s, struct xml x);
/* For login.h too: a session of this resource on this stream, which is then bound. A session that
 * had it before gives way. False: there are too many (L12). */
bool c2s_session_open(struct c2s *s, struct slice resource);
/* A session gives way to a new connection (section 7.7.2.2). */
void c2s_session_replace(struct engine *e, struct session *old);
void c2s_sm(struct c2s *s, struct xml x);
void c2s_sm_account_ready(struct c2s *s);
/* There is a session: L7 is over, the peer has to show signs of life from now on. */
void c2s_alive_begin(struct c2s *s);
/* The peer is asked now, and has all the time to answer (jump.h). */
void c2s_alive_again(struct c2s *s);
/* The peer was asked something that it has to answer; it did. */
void c2s_asked(struct c2s *s);
void c2s_answered(struct c2s *s);
void c2s_stanza(struct c2s *s, struct xml x, size_t bytes);
/* Logged in, at the owner's shard: says so and waits for the new stream. */
void c2s_arrived(struct c2s *s);

#endif

/** @file
 * libburble: an XMPP client (RFC 6120, 6121) as a pure machine.
 *
 * A client is one account and its session. It makes no system call: what happened is told to it
 * with burble_feed, what it wants is asked with burble_next, and it says with burble_deadline when
 * it has to be called at the latest (burble/io.h). Most programs leave all that to the ready-made
 * loop of burble/burble_loop.h, which also serves inside a foreign loop.
 *
 * Threads: there is no global state. Different clients may be used on different threads at the same
 * time; one client by one thread at a time. Only burble_loop_wake and burble_loop_stop may be
 * called from any thread.
 *
 * Callbacks are called from burble_feed (the loop calls it), never from anything else, and may call
 * everything but burble_feed and burble_loop_run. burble_free in a callback takes effect when the
 * callback has returned; nothing is called after that. A callback returns: it does not longjmp and
 * throws no exception over the library.
 *
 * Strings are UTF-8 and end with NUL. Those handed to a callback live until it returns.
 */
#ifndef BURBLE_BURBLE_H
#define BURBLE_BURBLE_H

#include "burble/xml.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a function answers: 0, or one of these. */
enum burble_error {
    BURBLE_OK = 0,
    BURBLE_ERR_MEMORY = -1,    /**< out of memory; nothing was changed */
    BURBLE_ERR_LIMIT = -2,     /**< a queue is full, or the stanza is too big */
    BURBLE_ERR_SYNTAX = -3,    /**< no address, not well-formed, a name that is none */
    BURBLE_ERR_IO = -4,        /**< the system refused */
    BURBLE_ERR_NOT_FOUND = -5, /**< no such thing */
    BURBLE_ERR_EXISTS = -6,    /**< there is one already */
    BURBLE_ERR_BUSY = -7,      /**< not now */
    BURBLE_ERR_FULL = -8,      /**< the disk, or the table of descriptors */
    BURBLE_ERR_CORRUPT = -10,  /**< a saved state that is damaged, or another program's */
    BURBLE_ERR_OFFLINE = -12,  /**< there is no session, and this cannot wait for one */
    BURBLE_ERR_REFUSED = -13,  /**< not permitted */
};
/** A short text in lower case, "out of memory". */
BURBLE_API const char *burble_error_text(int error);

/** Version of the library, "0.1.0". */
BURBLE_API const char *burble_version(void);

struct burble;

/* ------------------------------------------------------------------------------ configuration */

/** How the connection is protected. */
enum burble_security {
    BURBLE_TLS,        /**< direct TLS or STARTTLS, as the domain's SRV records say */
    BURBLE_STARTTLS,   /**< STARTTLS alone (RFC 6120 section 5); refused when not offered */
    BURBLE_DIRECT_TLS, /**< direct TLS alone (XEP-0368) */
    BURBLE_TLS_NONE,   /**< unsafe: plain TCP. For tests on loopback. */
};

/** What a client does not do, or may do. */
enum burble_flag {
    BURBLE_NO_RECONNECT = 1 << 0,     /**< a lost session stays lost */
    BURBLE_NO_RESUME = 1 << 1,        /**< no stream management (XEP-0198) */
    BURBLE_NO_CARBONS = 1 << 2,       /**< no copies of what other devices say (XEP-0280) */
    BURBLE_NO_SASL2 = 1 << 3,         /**< no SASL2, Bind2, FAST (XEP-0388, 0386, 0484) */
    BURBLE_NO_FAST = 1 << 4,          /**< no tokens (XEP-0484) */
    BURBLE_ALLOW_DIGEST_MD5 = 1 << 5, /**< weak (RFC 2831, historic) */
    BURBLE_REFUSE_PLAIN = 1 << 6,     /**< not even over TLS */
    BURBLE_REQUIRE_BINDING = 1 << 7,  /**< only SCRAM-...-PLUS (RFC 5802 section 6) */
    BURBLE_UNSAFE_PLAIN = 1 << 8,     /**< unsafe: PLAIN without TLS */
    BURBLE_UNSAFE_NO_VERIFY = 1 << 9, /**< unsafe: any certificate will do */
    BURBLE_RAW_XML = 1 << 10,         /**< BURBLE_EVENT_XML for all that goes in and out */
    BURBLE_REGISTER = 1 << 11,        /**< make the account first (XEP-0077), burble/register.h */
    BURBLE_ACK_SAVED = 1 << 12,       /**< the server is told that we have what is saved, and no
                                           more; see burble_save */
};

/** Certificates to trust and to show; shared by any number of clients on any threads. */
struct burble_trust;
/** anchors: PEM text, NULL: none (then only pins help). chain and key: the own certificate for
 * SASL EXTERNAL, both or none. NULL: not PEM, or no memory. */
BURBLE_API struct burble_trust *burble_trust_new(const char *anchors_pem, size_t anchors_len,
                                                 const char *chain_pem, size_t chain_len,
                                                 const char *key_pem, size_t key_len);
/** Gives back the own reference; clients keep theirs. Harmless on NULL. */
BURBLE_API void burble_trust_free(struct burble_trust **trust);

struct burble_event;
/** Gets every event. What it points to lives until it returns. */
typedef void burble_event_fn(struct burble *c, const struct burble_event *event, void *arg);

/** Begin with BURBLE_CONFIG. All is copied by burble_new. What is zero has its default. */
struct burble_config {
    size_t size;               /**< sizeof(struct burble_config), set by BURBLE_CONFIG */
    const char *jid;           /**< "me@example.org", or with a resource to ask for */
    const char *password;      /**< may be NULL (EXTERNAL, or a token in the saved state) */
    burble_event_fn *on_event; /**< may be NULL */
    void *arg;                 /**< the program's, given to each callback */

    const char *host; /**< connect there: a name or an address; SRV is not asked */
    uint16_t port;    /**< connect there, without host at the domain; 0: 5222, or 5223 for
                           direct TLS. With BURBLE_TLS 5223 means direct TLS. */
    enum burble_security security; /**< BURBLE_TLS unless it is said */
    unsigned flags;                /**< enum burble_flag */
    const char *proxy;             /**< "socks5://[user:password@]host:port" or "http://..." */

    struct burble_trust *trust; /**< NULL: the system's roots, by the loop */
    const char *const *pins;    /**< SHA-256 of public keys, "sha256:" and 64 hexadecimal
                                     digits, ended by NULL; they alone decide then */
    const char *mechanism;      /**< weakest SASL mechanism that is acceptable */
    const char *authzid;        /**< act as somebody else */

    const char *lang;             /**< xml:lang of the stream */
    const char *software;         /**< name for XEP-0092 and XEP-0115; NULL: "libburble" */
    const char *software_version; /**< NULL: that of the library */
    const char *software_os;      /**< NULL: not told */

    const void *state; /**< of burble_save: resumes the session of an earlier process */
    size_t state_len;  /**< bytes */

    uint32_t queue_max;        /**< stanzas that wait or are unacknowledged: 1,000 */
    uint32_t queue_bytes_max;  /**< their bytes: 4 MiB */
    uint32_t stanza_bytes_max; /**< of what comes in: 4 MiB, a roster of some 30,000 */
    uint32_t connect_ms;       /**< until online: 60,000 */
    uint32_t silence_ms;       /**< nothing came for so long: ask; 60,000 */
    uint32_t answer_ms;        /**< and no answer: the connection is lost; 20,000 */
    uint32_t retry_first_ms;   /**< first wait before a reconnect: 1,000 */
    uint32_t retry_max_ms;     /**< longest: 300,000 */
};
/** A configuration: what is named is set, the rest is zero. */
#define BURBLE_CONFIG(...) BURBLE_MAKE(burble_config, __VA_ARGS__)

/** A client, offline. BURBLE_ERR_SYNTAX: the address, the proxy or a pin is none, or the
 * configuration does not know its size (BURBLE_CONFIG); CORRUPT: the saved state (begin without
 * it); MEMORY. *out is NULL then. */
BURBLE_API int burble_new(const struct burble_config *config, struct burble **out);
/** Frees it at once, without a farewell: a session with stream management can be resumed. In a
 * callback it takes effect when that returns. Requests end with BURBLE_IQ_GONE before. Harmless on
 * NULL. */
BURBLE_API void burble_free(struct burble **c);

/* The next three only say what is wanted; it is done by the next burble_feed, or before the present
 * one returns, and told by BURBLE_EVENT_STATE. */

/** Connects, and stays connected: a lost connection is made again, until burble_disconnect. In
 * BURBLE_WAITING: now, not later. BUSY: it is connecting, online or leaving already, or nothing
 * drives it yet (burble_loop_add, burble_set_outside). */
BURBLE_API int burble_connect(struct burble *c);
/** Sends what waits, has it acknowledged, and ends the stream in order (RFC 6120 section 4.4),
 * waiting at most 5 s for the server; BURBLE_EVENT_STATE with BURBLE_OFFLINE tells when. Where
 * there is no session yet, it is given up at once. What was not acknowledged by then, and what
 * waited, is told by BURBLE_EVENT_SENT with an error before. When offline: gives up what
 * burble_suspend has kept. */
BURBLE_API void burble_disconnect(struct burble *c);
/** Closes without the end of the stream, and does not come back by itself: the session can be
 * resumed by burble_connect, or by another process with burble_save's bytes. From the call on
 * nothing that comes is processed, nothing more is written, and messages that are sent wait. */
BURBLE_API void burble_suspend(struct burble *c);

/* ------------------------------------------------------------------------------------- events */

/** Where a client is between offline and online. */
enum burble_state {
    BURBLE_OFFLINE,        /**< nothing under way */
    BURBLE_RESOLVING,      /**< looking for the server */
    BURBLE_CONNECTING,     /**< TCP, proxy */
    BURBLE_SECURING,       /**< TLS */
    BURBLE_AUTHENTICATING, /**< SASL */
    BURBLE_BINDING,        /**< resource, or resumption */
    BURBLE_ONLINE,         /**< stanzas flow */
    BURBLE_LEAVING,        /**< the end of the stream is awaited */
    BURBLE_WAITING,        /**< connection lost; retry_ms until the next try */
};
/** "online" */
BURBLE_API const char *burble_state_text(enum burble_state state);

/** Why a session ended or did not begin. Those up to BURBLE_WHY_REGISTRATION are permanent: the
 * same would happen again, so there is no reconnect.
 *
 * There is one case in which they are not. Once a session has stood since burble_connect,
 * CERTIFICATE, NO_TLS, HOST_UNKNOWN and NO_SERVICE that are met before the login, and REDIRECT, are
 * tried again like a lost connection: a portal before the network or a certificate that was renewed
 * too late passes, and nothing is sent until all is well. Each try is told (BURBLE_WAITING) with
 * its reason, so a program or a person can give it up. The state tells what the client does. */
enum burble_why {
    BURBLE_WHY_NONE,
    BURBLE_WHY_LEFT,         /**< burble_disconnect, burble_suspend */
    BURBLE_WHY_PASSWORD,     /**< wrong, or the account is disabled */
    BURBLE_WHY_NO_MECHANISM, /**< none that is acceptable was offered */
    BURBLE_WHY_DOWNGRADE,    /**< weaker than pinned, or somebody altered the offer */
    BURBLE_WHY_UNPROVEN,     /**< the server did not prove that it knows the password */
    BURBLE_WHY_CERTIFICATE,  /**< not trusted, expired, another name, another key than pinned */
    BURBLE_WHY_NO_TLS,       /**< not offered */
    BURBLE_WHY_CONFLICT,     /**< another client took the resource */
    BURBLE_WHY_HOST_UNKNOWN, /**< the server does not serve this domain */
    BURBLE_WHY_NO_SERVICE,   /**< SRV says that there is no XMPP service at this domain */
    BURBLE_WHY_REDIRECT,     /**< see-other-host too often, or to where we do not go */
    BURBLE_WHY_REGISTRATION, /**< the account could not be made */
    BURBLE_WHY_MEMORY,       /**< out of memory, for now */
    BURBLE_WHY_DNS,          /**< the name could not be looked up */
    BURBLE_WHY_UNREACHABLE,  /**< no address took the connection */
    BURBLE_WHY_PROXY,        /**< the proxy refused */
    BURBLE_WHY_TIMEOUT,      /**< no answer in time */
    BURBLE_WHY_LOST,         /**< the connection broke */
    BURBLE_WHY_TLS,          /**< the handshake failed */
    BURBLE_WHY_NOT_XMPP,     /**< something else answers there (a captive portal?) */
    BURBLE_WHY_BAD_XML,      /**< the server sent what is no XMPP */
    BURBLE_WHY_STREAM_ERROR, /**< text has the condition */
    BURBLE_WHY_LOGIN,        /**< for now: temporary-auth-failure, too many tries */
    BURBLE_WHY_BIND,         /**< no resource was given */
};
/** True when trying again will not help; what the reason alone can tell, see enum burble_why. */
BURBLE_API bool burble_why_permanent(enum burble_why why);

/** What an event is about, and which member of it is set. */
enum burble_event_kind {
    BURBLE_EVENT_STATE,    /**< state */
    BURBLE_EVENT_MESSAGE,  /**< message, burble/message.h */
    BURBLE_EVENT_PRESENCE, /**< presence, burble/presence.h */
    BURBLE_EVENT_STANZA,   /**< stanza: nobody else took it */
    BURBLE_EVENT_SENT,     /**< sent: the server has taken it over, or it failed for good */
    BURBLE_EVENT_XML,      /**< xml, with BURBLE_RAW_XML; passwords and tokens are left out */
    BURBLE_EVENT_BAD,      /**< bad: a stanza that was refused and not processed */
    BURBLE_EVENT_SAVE,     /**< what burble_save gives has changed in a way worth keeping: a token,
                                a new session; with BURBLE_ACK_SAVED also: the server wants to know
                                what we have */
};

/** The client is in another state. */
struct burble_state_event {
    enum burble_state state;  /**< the new one */
    enum burble_state before; /**< the old one */
    enum burble_why why;      /**< with OFFLINE and WAITING */
    const char *text;         /**< one sentence for people; "" where there is nothing to say */
    const char *condition;    /**< of a stream or SASL error, "conflict"; NULL: none */
    bool resumed;             /**< with ONLINE: the session goes on, nothing was missed */
    uint32_t retry_ms;        /**< with WAITING */
};

/** What became of a message that was sent, by the program or by the library (receipts): look at the
 * ticket. */
struct burble_sent_event {
    uint64_t ticket; /**< of burble_send */
    const char *id;  /**< of the stanza */
    int error;       /**< 0: the server has it; OFFLINE: the session is over and it will not be
                          sent any more; REFUSED: the server ended the stream because of it, three
                          times */
    bool written;    /**< with an error: it was sent but not acknowledged, so the server may have
                          it */
};

/** What goes over the connection, with BURBLE_RAW_XML. */
struct burble_xml_event {
    bool out;         /**< sent by us */
    const char *text; /**< not ended by NUL */
    size_t len;       /**< bytes */
};

/** Something that came was refused, and not processed. */
struct burble_bad_event {
    const char *why;  /**< "from is no address" */
    const char *from; /**< as it came; NULL: none */
};

/** Something that the program did not give to somebody else. */
struct burble_event {
    enum burble_event_kind kind; /**< which of the members is set */
    union {
        const struct burble_state_event *state;
        const struct burble_message *message;
        const struct burble_presence *presence;
        struct burble_xml stanza;
        const struct burble_sent_event *sent;
        const struct burble_xml_event *xml;
        const struct burble_bad_event *bad;
    };
};

/* --------------------------------------------------------------------------------- the session */

/** Where the client is now. */
BURBLE_API enum burble_state burble_state(const struct burble *c);
/** The own address: as bound while there is a session, as configured before. */
BURBLE_API const char *burble_jid(const struct burble *c);
/** The own address without resource. */
BURBLE_API const char *burble_bare_jid(const struct burble *c);
/** The domain of the own address. */
BURBLE_API const char *burble_domain(const struct burble *c);
/** Facts of the present connection, for people: "TLSv1.3", "SCRAM-SHA-256-PLUS"; NULL: none. */
BURBLE_API const char *burble_tls_version(const struct burble *c);
/** Of the login of this connection, "SCRAM-SHA-256-PLUS"; NULL: none. */
BURBLE_API const char *burble_mechanism(const struct burble *c);
/** A login that was bound to its TLS connection (RFC 5802 section 6) makes every later one without
 * fail with BURBLE_WHY_DOWNGRADE, also over burble_save, because somebody with a certificate that
 * is good may stand in between. This forgets it: for when a person has decided that the server may
 * do without from now on. */
BURBLE_API void burble_forget_binding(struct burble *c);
/** Did the server's stream features have this element? */
BURBLE_API bool burble_has_stream_feature(const struct burble *c, const char *ns, const char *name);

/** The state for another process of this account: messages that wait or are not acknowledged with
 * their tickets, FAST token, what was seen of the server's mechanisms (so that a downgrade shows);
 * and after burble_suspend the session itself, to be resumed (XEP-0198): then each message in both
 * directions is processed once and only once, because the server tells how much it has, and is told
 * how much we have.
 *
 * It is exact at the moment of the call alone. To be saved: after burble_suspend, when the program
 * ends; at BURBLE_EVENT_SAVE; and after burble_send where a message must outlive a crash. What is
 * saved while the session goes on cannot resume it, since the next stanza makes it old: after a
 * crash a new session is bound, messages that were not known to be acknowledged are sent again
 * (with the same id, so that others can drop them), and the server delivers again what it was not
 * told that we have, at once or when it gives the old session up.
 *
 * With BURBLE_ACK_SAVED each save has the session, and the server is told of what came only when
 * burble_saved has said that it is safe (XEP-0198 section 4: who acknowledges takes
 * responsibility). So a program that is killed at any moment resumes its session from the last
 * save: what came behind it comes again, and what was sent and is in it is sent once and only once,
 * if the save was safe before burble_feed was called next (or returned). A message is in a save
 * that is made in its callback or later. What a program has still to do about it goes into
 * burble_keep, and what it has said about it before is in the same save. Who does not save at
 * BURBLE_EVENT_SAVE makes the server keep all that it has sent, and lose patience.
 *
 * It is text whose form and numbers are checked when it is read, not sealed: who needs to know that
 * no bit of it has changed keeps a hash with it.
 *
 * Secret. *out is freed by the caller (free). MEMORY. */
BURBLE_API int burble_save(struct burble *c, void **out, size_t *len_out);
/** What burble_save gave last is where it outlives the process. */
BURBLE_API void burble_saved(struct burble *c);
/** Bytes of the program's own that are saved along; they replace those of before. NULL, 0: none.
 * They are copied. LIMIT: more than 1 MiB; MEMORY. */
BURBLE_API int burble_keep(struct burble *c, const void *data, size_t len);
/** What burble_keep was given, in this process or by the saved state; NULL: nothing. Valid until
 * burble_keep is called. */
BURBLE_API const void *burble_kept(const struct burble *c, size_t *len_out);

/* ------------------------------------------------------------------------------------ sending */

/** What becomes of a stanza while there is no session. Messages wait (and outlive reconnects, once
 * and only once, as far as the server has stream management); the rest is refused with OFFLINE. */
enum burble_send_flag {
    BURBLE_SEND_NOW = 1, /**< refused with OFFLINE rather than queued */
};

/** A whole stanza: message, presence or iq in jabber:client, as text. It is parsed and written
 * anew. A stanza without an id gets one. The ticket (NULL: not wanted) of a message comes back with
 * exactly one BURBLE_EVENT_SENT, unless the client is freed before. SYNTAX; LIMIT: the queue is
 * full; OFFLINE; BUSY: nothing drives the client yet (burble_loop_add); MEMORY. */
BURBLE_API int burble_send(struct burble *c, const char *stanza, unsigned flags,
                           uint64_t *ticket_out);
/** How many stanzas wait or are unacknowledged. */
BURBLE_API size_t burble_queued(const struct burble *c);

/** Client state indication (XEP-0352): is a person looking? Kept over reconnects. */
BURBLE_API void burble_set_active(struct burble *c, bool active);

/* ------------------------------------------------------------------------------------ requests */

/** How a request ended. */
enum burble_iq_outcome {
    BURBLE_IQ_RESULT,
    BURBLE_IQ_ERROR, /**< the other side refused */
    BURBLE_IQ_TIMEOUT,
    BURBLE_IQ_GONE, /**< the session ended before the answer came */
};

/** A stanza error (RFC 6120 section 8.3). */
struct burble_stanza_error {
    const char *condition;  /**< "item-not-found"; "" in an answer that is no error */
    const char *type;       /**< "cancel"; "" likewise */
    const char *text;       /**< "" when there is none */
    struct burble_xml node; /**< the error element */
};

/** The answer to a request. It lives until the callback returns. */
struct burble_iq {
    enum burble_iq_outcome outcome;   /**< how it ended */
    struct burble_stanza_error error; /**< condition "remote-server-timeout" for TIMEOUT, and
                                           "recipient-unavailable" for GONE */
    struct burble_xml iq;             /**< the answer; no node for TIMEOUT and GONE */
    struct burble_xml payload;        /**< its first child that is no error */
};
/** Gets the answer, exactly once. */
typedef void burble_iq_fn(struct burble *c, const struct burble_iq *answer, void *arg);

/** Asks. to NULL: the own account. payload: one element as text. timeout_ms 0: 30,000. fn (NULL:
 * the answer is of no interest) is called exactly once, never from inside of this call, unless
 * burble_cancel comes before. Answers match by id and sender (RFC 6120 section 10.3.3). The handle
 * (NULL: not wanted) is for burble_cancel. SYNTAX, LIMIT (10,000 open requests), OFFLINE, MEMORY:
 * fn is not called. */
BURBLE_API int burble_get(struct burble *c, const char *to, const char *payload,
                          uint32_t timeout_ms, burble_iq_fn *fn, void *arg, uint64_t *handle_out);
/** Asks for a change. As burble_get. */
BURBLE_API int burble_set(struct burble *c, const char *to, const char *payload,
                          uint32_t timeout_ms, burble_iq_fn *fn, void *arg, uint64_t *handle_out);
/** fn will not be called. An old handle is harmless. */
BURBLE_API void burble_cancel(struct burble *c, uint64_t handle);

/** A request that somebody sends us; answered with burble_answer or burble_refuse, now or later
 * (copy it with burble_xml_copy), exactly once. */
typedef void burble_request_fn(struct burble *c, struct burble_xml iq, struct burble_xml payload,
                               void *arg);
/** fn answers requests with this payload. NULL takes it back. Others get service-unavailable.
 * EXISTS, MEMORY. */
BURBLE_API int burble_on_request(struct burble *c, const char *ns, const char *name,
                                 burble_request_fn *fn, void *arg);
/** Answers a request with this payload, as text; NULL: none. SYNTAX, LIMIT, OFFLINE, MEMORY. */
BURBLE_API int burble_answer(struct burble *c, struct burble_xml iq, const char *payload);
/** Answers a request with an error (RFC 6120 section 8.3.3); text NULL: none. SYNTAX, LIMIT,
 * OFFLINE, MEMORY. */
BURBLE_API int burble_refuse(struct burble *c, struct burble_xml iq, const char *condition,
                             const char *text);

#ifdef __cplusplus
}
#endif
#endif

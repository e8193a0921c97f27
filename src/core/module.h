/* A module is a XEP: one file that describes itself in one descriptor and takes typed hooks at
 * named stages. A module includes this header, core/service/ and its own folder, nothing else of
 * the core.
 *
 * Stages of a stanza: CHECK (may refuse) -> CLAIM (exactly one may take it) -> AFTER (sees what
 * happened). Within a stage modules run in the order of the module list, moved by `.after`. */
#ifndef CORE_MODULE_H
#define CORE_MODULE_H

#include "core/account.h"
#include "core/engine.h"
#include "core/iq.h"
#include "core/session.h"
#include "xml/writer.h"
#include "xmpp/ns.h"
#include "xmpp/sasl.h"

struct c2s;
struct inline_bind;
struct inline_resume;
struct signup_hook;

/* Where an IQ of this name is served. */
enum iq_scope {
    IQ_HOST = 1,    /* to the server's domain */
    IQ_SELF = 2,    /* a client to its own account (to absent or its own bare JID) */
    IQ_CONTACT = 4, /* anybody to the bare JID of an account, on the account's behalf */
    IQ_NOBODY = 8, /* anybody to the bare JID of an account that is not there; as for a stranger, so
                      that nobody learns which accounts there are (RFC 6120 section 13.10) */
};
enum iq_kind { IQ_GET = 1, IQ_SET = 2 };

struct module_iq {
    const char *ns, *name; /* of the payload element; ns NULL ends the table */
    unsigned scopes, kinds;
    void (*handle)(struct iq *iq);
};

enum verdict {
    VERDICT_PASS,
    VERDICT_REFUSE, /* with the error in *error_out; STANZA_OK: dropped silently */
};
struct module {
    const char *name;    /* "ping": for the order, the configuration and burblectl hooks */
    const char *xep;     /* "0199", NULL for what RFCs describe */
    const char *version; /* of the XEP that was followed */
    const char *status;  /* "partial", with a summary that says what is missing; NULL: complete */
    const char *summary; /* one line */
    const char *after;   /* name of a module whose hooks run before these, or NULL */
    /* Disco features, NULL-terminated lists, may be NULL. */
    const char *const *host_features;
    const char *const *account_features;
    /* Whether the accounts of this host have the features; NULL: all of them. */
    bool (*serves)(const struct host_config *host);
    const struct module_iq *iqs;
    const char *const *stores; /* names in the store, for the documentation */

    /* CHECK: a stanza of a local client, before routing. */
    enum verdict (*check_outgoing)(struct engine *e, struct session *from, const struct stanza *s,
                                   enum stanza_error *error_out, struct slice *app_out);
    /* CHECK: children of a message or presence that only a server may write; what a local client
     * sends is relieved of them (S15). */
    bool (*forged)(struct engine *e, struct xml child);
    /* CHECK: a stanza that arrives for a loaded account. */
    enum verdict (*check_incoming)(struct engine *e, struct account *to, const struct stanza *s,
                                   enum stanza_error *error_out);
    /* CHECK: presence that the server itself sends for a loaded account: broadcasts, probes, what
     * is taken back at the end, repeated requests. True: this address gets none of it. */
    bool (*hides_presence)(struct engine *e, const struct account *a, const struct jid *to);
    /* Does the account want a message with this peer in its archive (XEP-0441)? Asked of a loaded
     * account; a module without it wants it. */
    bool (*archive_wants)(struct engine *e, const struct account *a, const struct jid *peer);
    /* AFTER: a message for the account was kept: it is on disk at this position of its archive.
     * taken: some connected session was handed it. */
    void (*message_kept)(struct engine *e, struct account *a, const struct stanza *s,
                         uint64_t position, bool taken);
    /* AFTER: a session sent available presence with a priority of 0 or more, having had none, or
     * can be written to again after it lagged. */
    void (*session_ready)(struct engine *e, struct session *session);
    /* AFTER: available or unavailable presence was broadcast (s: as sent; unavailable also when the
     * connection was lost). */
    void (*presence_sent)(struct engine *e, struct session *session, const struct stanza *s);
    void (*session_ended)(struct engine *e, struct session *session);
    /* AFTER: the connection of a session was lost, and it waits to be resumed; of so many messages
     * that were written to it nobody knows whether they arrived. */
    void (*session_hibernates)(struct engine *e, struct session *session, size_t unacknowledged);
    /* A session's output was taken by the peer (see session_drained). */
    void (*session_drained)(struct engine *e, struct session *session);
    /* Adds exactly one read to the query that loads an account; its rows come to account_row. */
    void (*account_read)(struct store_request *query, struct slice owner);
    void (*account_row)(struct engine *e, struct account *a, const struct store_row *row);
    void (*account_unload)(struct engine *e, struct account *a);
    /* CLAIM: requests before login (core/service/signup.h). */
    const struct signup_hook *signup;
    /* What a login by XEP-0388 may do along the way (core/service/inline.h). */
    const struct inline_bind *inline_binds;
    const struct inline_resume *inline_resume;
    /* Elements in the stream features. */
    void (*stream_features)(struct engine *e, const struct c2s *stream, struct xml_writer *w);
    /* Extension forms for disco#info of the host (XEP-0128). */
    void (*disco_forms)(struct engine *e, const struct host_config *host, struct xml_writer *w);
    /* CLAIM: a disco#info or disco#items request (iq->payload) for a node of the host or of an
     * account whose presence the asking entity may see. True: it is answered, now or later. */
    bool (*disco_node)(struct iq *iq, struct slice node);
    /* Called once when the engine is made. */
    void (*start)(struct engine *e);
    /* A new configuration is in force. */
    void (*reloaded)(struct engine *e);
};

/* The list of all modules, in the room xep. */
extern const struct module *const MODULES[];

/* What RFC 6120 and 6121 describe, in the core. */
extern const struct module ROSTER_MODULE;
extern const struct module STREAM_MODULE;

/* Has the client logged in on this stream? For stream features. */
bool c2s_authenticated(const struct c2s *stream);
/* The host that the stream is for, and whether TLS is on. */
const struct host_config *c2s_host(const struct c2s *stream);
bool c2s_secure(const struct c2s *stream);
/* The channel bindings that a login may use on this stream, in the 96 bytes at scratch. */
void c2s_binding(const struct c2s *stream, struct sasl_binding *out,
                 uint8_t scratch[SASL_BINDING_BYTES]);

/* Index of a module, for account_slot. */
unsigned module_index(const struct engine *e, const struct module *m);
/* Data of a module for the whole engine: one block, freed with mem_free when another one takes its
 * place and with the engine. */
void *module_slot(const struct engine *e, const struct module *m);
void module_slot_set(struct engine *e, const struct module *m, void *data);
/* A bit of session.interests for a module; the same for the whole run. */
uint64_t module_interest(const struct engine *e, const struct module *m);

/* What modules use of the core beside the headers above. */

/* Sends a message or IQ that the module made, from the account or the host. */
void module_route(struct engine *e, struct stanza *s);
/* Answers a stanza that the module took with an error (unless it is one itself); settles origin. */
void module_route_error(struct engine *e, const struct stanza *s, enum stanza_error error,
                        const struct origin *origin);
/* Sends a roster-push like IQ set with this payload to every session whose interests have the bit.
 */
void module_push(struct engine *e, struct account *a, uint64_t interest, struct slice payload);
/* Subscription of contact in the account's roster; NULL: none. */
const struct subscription *module_subscription(const struct account *a, struct slice bare);
/* May who learn of the account's presence: is it the account itself or a subscriber (RFC 6121
 * section 11)? False for an account that is not there. */
bool module_sees_presence(const struct account *a, const struct jid *who);

#endif

/* Logging in: SASL (RFC 6120 section 6), SASL2 with what comes along (XEP-0388, XEP-0386,
 * XEP-0484), and registration before it (XEP-0077). Part of struct burble.
 *
 *   auth_offer     what the server offers, and which mechanism is taken
 *   auth           the exchange, and its end
 *   auth2          the same as SASL2, with bind, resumption and tokens
 *   token          tokens that stand for the password (FAST)
 *   seen           what was seen of the server, so that a downgrade shows
 *   register_login the account is made first
 *   auth_save      all of it that outlives the process */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "client/seen.h"
#include "client/token.h"
#include "xml/tree.h"
#include "xml/writer.h"
#include "xmpp/sasl.h"
#include "xmpp/sasl_client.h"

struct burble;

enum { UUID_BYTES = 37 };

struct auth {
    struct sasl_client *sasl;
    char mechanism[64];        /* of the login of this connection; "": none yet */
    bool working;              /* sasl_client_work is due */
    bool bound;                /* channel binding was in use */
    bool external_refused;     /* on this connection: the password is next */
    bool second;               /* something was refused on this connection before */
    bool by_token;             /* of the present or last login */
    unsigned bindings_refused; /* types of channel binding that were guessed wrong, up to the end of
                                  the login; over connections, for servers that hang up then */
    /* Registration: the request that is open, and whether it is the one that makes the account. */
    char request[32];
    bool submitted;
    /* What a request of SASL2 asked for along with the login. */
    bool resuming;
    unsigned along; /* enum session_along */
    const struct sasl_ht *wanted;
    /* For the life of the client. */
    struct sasl_salted salted; /* spares reconnects the iterations; secret */
    struct seen seen;
    struct token token;
    char agent[UUID_BYTES]; /* who this client is for its server, "" until there is need */
    bool changed;           /* BURBLE_EVENT_SAVE is due */
    bool registered;        /* the account was made */
};

/* With the features of the stream. */
void auth_begin(struct burble *c);
void auth_element(struct burble *c, struct xml x);
/* Work that waits (PBKDF2 in slices, V46). */
bool auth_busy(const struct burble *c);
void auth_work(struct burble *c);
/* The connection ends. */
void auth_stop(struct burble *c);
/* The client ends: secrets are wiped. */
void auth_free(struct burble *c);

/* The account is to be made first; then auth_begin follows. */
bool register_login_wanted(const struct burble *c);
void register_login_begin(struct burble *c);
void register_login_element(struct burble *c, struct xml iq);

/* SASL2. offered: it is, and this connection may use it. */
bool auth2_offered(const struct burble *c);
void auth2_begin(struct burble *c);
void auth2_element(struct burble *c, struct xml x);
/* The features behind a login that has bound the resource. */
void auth2_bound(struct burble *c);
/* Elements of SASL and SASL2 for people: without tokens, and without what a password could be
 * guessed by. False: it is none of those, and nothing was written. */
bool auth_show(struct buf *out, struct xml x);

/* BURBLE_EVENT_SAVE, when something of it has changed. */
void auth_tell_changes(struct burble *c);
/* What outlives the process, as one element. Secret: there may be a token in it. */
void auth_save(const struct burble *c, struct xml_writer *w);
/* The same back; 0, ERR_CORRUPT, ERR_MEMORY. */
int auth_load(struct burble *c, struct xml x);

/* ------------------------------------------------------------------------ for SASL and SASL2 alike
 */

/* What the server offers. The slices are the features'. */
struct auth_offer {
    struct slice *names; /* mechanisms, as they came but for empty ones */
    struct slice *types; /* of channel binding (XEP-0440) */
    size_t n, n_types;
    bool told; /* it has said something about types at all */
};
/* list: the element whose children <mechanism/> in ns are the mechanisms. False: no memory. */
bool auth_offer_read(struct burble *c, struct xml list, struct slice ns, struct auth_offer *out);
void auth_offer_free(struct auth_offer *o);

/* The exchange into c->auth.sasl. False: the client has given up, the connection ends. */
bool auth_choose(struct burble *c, const struct auth_offer *o, bool sasl2);
/* Refuses: problem, and what is offered where it is not NULL (C03). */
void auth_refuse(struct burble *c, enum sasl_client_problem problem, const char *detail,
                 const struct auth_offer *o);
/* What a step of the exchange says. SEND: true, sasl_client_output is the answer. */
bool auth_step(struct burble *c, enum sasl_client_step step);
/* Is a mechanism without data an empty message from us, or is the first word the server's? */
bool auth_begins_empty(const struct burble *c);
/* <response/> in ns. */
void auth_respond(struct burble *c, struct slice ns);
/* Writes what is in text, and shows what is in shown; wipes and frees both. */
void auth_write(struct burble *c, struct buf *text, struct buf *shown);
/* The end of the exchange: false, the server did not prove itself, and the connection ends. */
bool auth_succeed(struct burble *c, struct slice additional);
void auth_mechanism(struct burble *c, struct slice name);
/* The base64 text of an element into memory that the caller frees; out->ptr NULL: there is none.
 * False: it is no base64, too long, or there is no memory. */
bool auth_decode(struct slice text, char **memory_out, struct slice *out);
/* <failure/>: another way is tried where there is one, else the session does not begin. ns: of
 * conditions beside those of RFC 6120. */
void auth_failed(struct burble *c, struct xml failure, struct slice ns);

#endif

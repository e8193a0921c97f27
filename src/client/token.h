/* A token that stands for the password (FAST, XEP-0484): whoever has it logs in, so it is as secret
 * as a password. It is the server's, for this client (its user agent id) and one mechanism. Part of
 * struct burble. */
#ifndef CLIENT_TOKEN_H
#define CLIENT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "xml/tree.h"
#include "xmpp/sasl_ht.h"

struct burble;

struct token {
    const struct sasl_ht *ht; /* NULL: there is none */
    char *text;
    int64_t expiry_ms; /* wall clock */
    uint64_t count;    /* the last one that was shown with it */
};

/* Can the token be shown here? fast: the server's offer (<fast/>); none: no. */
bool token_usable(struct burble *c, struct xml fast);
/* The mechanism to ask a token for: the best that the server and this connection know, better than
 * the token's that is there; NULL: nothing is to be asked for. */
const struct sasl_ht *token_wanted(struct burble *c, struct xml fast);
/* Counts, and appends the message that shows the token. 0, ERR_MEMORY or ERR_CRYPTO. */
int token_show(struct burble *c, struct buf *out);
/* Did the server prove that it has the token, too? */
bool token_proved(struct burble *c, struct slice additional);
/* <token/> of the server's; none, or one that is of no use, changes nothing. wanted: what was asked
 * for, NULL: it is for the mechanism of the token that was shown. */
void token_take(struct burble *c, struct xml x, const struct sasl_ht *wanted);
/* The server does not take it, or the client ends. */
void token_forget(struct burble *c);

#endif

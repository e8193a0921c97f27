/* The Hashed Token mechanisms of SASL (draft-schmaus-kitten-sasl-ht-09), as XEP-0484 uses them:
 * whoever has a token proves it in one message, and the server proves it back. SHA-256 alone.
 *
 *   client: authcid NUL HMAC(token, "Initiator" channel-binding-data)
 *   server: HMAC(token, "Responder" channel-binding-data), with the success */
#ifndef XMPP_SASL_HT_H
#define XMPP_SASL_HT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "xmpp/sasl.h"

enum { SASL_HT_BYTES = 32, SASL_HT_TOKEN_BYTES_MAX = 255 };

enum sasl_ht_binding { SASL_HT_EXPR, SASL_HT_ENDP, SASL_HT_NONE };

struct sasl_ht {
    struct slice name; /* "HT-SHA-256-EXPR" */
    enum sasl_ht_binding binding;
};

/* All that we know, best first. tls-unique (UNIQ) is not among them. */
extern const struct sasl_ht SASL_HT[];
extern const size_t SASL_HT_COUNT;

/* By the exact name; NULL: none. */
const struct sasl_ht *sasl_ht_find(struct slice name);
/* Can a connection with these bindings carry it? */
bool sasl_ht_possible(const struct sasl_ht *m, const struct sasl_binding *binding);

/* The client's message: who, and what is shown of the token. Slices of `in`. */
bool sasl_ht_parse(struct slice in, struct slice *authcid_out, struct slice *shown_out);
/* What each side shows; the token is at most SASL_HT_TOKEN_BYTES_MAX, the mechanism is possible. 0
 * or ERR_CRYPTO. */
int sasl_ht_initiator(const struct sasl_ht *m, struct slice token,
                      const struct sasl_binding *binding, uint8_t out[SASL_HT_BYTES]);
int sasl_ht_responder(const struct sasl_ht *m, struct slice token,
                      const struct sasl_binding *binding, uint8_t out[SASL_HT_BYTES]);

#endif

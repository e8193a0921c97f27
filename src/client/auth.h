/* SASL (RFC 6120 section 6). Part of struct burble. */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "xml/tree.h"
#include "xmpp/sasl.h"

struct burble;
struct sasl_client;

struct auth {
    struct sasl_client *sasl;
    char mechanism[64]; /* of the present or last login */
    bool working;       /* sasl_client_work is due */
    bool bound;         /* channel binding was in use */
};

/* With the features of the stream. */
void auth_begin(struct burble *c);
void auth_element(struct burble *c, struct xml x);
/* Work that waits (PBKDF2 in slices). */
bool auth_busy(const struct burble *c);
void auth_work(struct burble *c);
void auth_stop(struct burble *c);

/* For SASL and SASL2 alike. */
struct sasl_client_config;
void auth_config(struct burble *c, struct sasl_client_config *out,
                 uint8_t scratch[SASL_BINDING_BYTES]);
void auth_mechanism(struct burble *c, struct slice name);
/* The base64 text of an element into memory that the caller frees; out->ptr NULL: there is none.
 * False: it is no base64, or too long. */
bool auth_decode(struct slice text, char **memory_out, struct slice *out);
/* <failure/>: the session does not begin. ns: of conditions beside those of RFC 6120. */
void auth_failed(struct burble *c, struct xml failure, struct slice ns);

#endif

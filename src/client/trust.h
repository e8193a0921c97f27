/* What a client trusts: burble_trust is a TLS context that clients share. */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "wire/tls.h"

struct burble;

/* A reference to the context for the client's connections, the caller's; NULL: none, or no memory.
 */
struct tls_context *trust_context(struct burble *c);
/* Does it have an own certificate, for SASL EXTERNAL? */
bool trust_has_certificate(struct burble *c);

struct burble_trust;
/* A reference of the client's own to the program's trust, ended by burble_trust_free. */
struct burble_trust *trust_keep(struct burble_trust *t);

#endif

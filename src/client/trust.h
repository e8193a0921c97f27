/* What a client trusts: burble_trust is a TLS context that clients share. */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "wire/tls.h"

struct burble;

/* A reference to the context for the client's connections, the caller's; NULL: none, or no memory.
 */
struct tls_context *trust_context(struct burble *c);

#endif

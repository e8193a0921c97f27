/* What was seen of a server, so that less than that shows (V47): somebody who stands in between,
 * with a certificate that is good, can take everything from the offer but cannot be bound to our
 * TLS connection. Part of struct burble. */
#ifndef CLIENT_SEEN_H
#define CLIENT_SEEN_H

#include <stdbool.h>

struct burble;

struct seen {
    bool bound; /* a login was bound to its TLS connection: each must be */
};

/* A login by password has succeeded. */
void seen_login(struct burble *c, bool bound);

#endif

/* From a domain to a TCP connection: SRV (RFC 6120 section 3.2, XEP-0368), addresses, happy
 * eyeballs (RFC 8305), redirection (see-other-host). Part of struct burble. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "burble/io.h"

struct burble;
struct dial_run; /* one search */

struct dial {
    struct dial_run *run; /* NULL: none under way */
    uint32_t query, attempt;
    char *redirect; /* host[:port] of see-other-host; NULL: none */
    uint8_t hops;   /* of see-other-host in a row */
};

/* A new search from the start. Ends in client_link_open, or in client_fail. */
void dial_begin(struct burble *c);
/* The connection was made but what is there is of no use (TLS, no stream): the next target is
 * tried. False: there is none left. */
bool dial_again(struct burble *c);
/* No more attempts; look-ups are cancelled, connections under way are closed. The one that was
 * handed to client_link_open is not dial's any more. */
void dial_stop(struct burble *c);
void dial_free(struct burble *c);
/* C05: at most 3 hops, port >= 1024 or 443 or 5222/5223. False: refused. */
bool dial_redirect(struct burble *c, struct slice where);
void dial_input(struct burble *c, const struct burble_input *in);

#endif

/* Where the servers of a domain are: SRV records put into one order, and places given as text.
 *
 * Records of _xmpp-client and _xmpps-client are one list (XEP-0368 section 2): by priority, and
 * inside of a priority by RFC 2782's weighted chance. */
#ifndef CLIENT_FIND_H
#define CLIENT_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/slice.h"
#include "burble/io.h"

enum {
    FIND_TARGETS = 32, /* of all records together; those with the lowest priority numbers stay */
    FIND_HOST_BYTES = 254,
};

struct find_target {
    char host[FIND_HOST_BYTES]; /* ASCII; an IPv6 address without brackets */
    uint16_t port;
    bool direct_tls;
    bool typed; /* by the user, or the domain itself: nothing that DNS or a server has said */
};

enum find_answer {
    FIND_NOT_ASKED,
    FIND_RECORDS,
    FIND_ABSENT, /* there is certainly no such record */
    FIND_DENIED, /* the one target ".": the service is decidedly not available (RFC 2782) */
    FIND_FAILED, /* nobody knows: no answer, or none that is usable */
};

struct find_record {
    struct find_target target;
    uint16_t priority, weight;
};

/* Zeroed: empty. Owns nothing. */
struct find {
    struct find_record records[FIND_TARGETS]; /* by priority */
    size_t count;
};

/* An answer comes in. Records that are no good (port 0, a target that is no name) are left out. The
 * strings are copied. */
enum find_answer find_add(struct find *f, const struct burble_input *answer, bool direct_tls);
/* Draws the order inside of each priority. */
void find_order(struct find *f, struct rng *rng);

/* "host", "host:port", "[IPv6]", "[IPv6]:port", as see-other-host and stream management's location
 * say it (RFC 6120 section 4.9.3.19). U-labels become A-labels. False: it is none of these; port
 * stays what it is when there is none. */
bool find_place(struct slice text, struct find_target *out);
/* A host alone, with or without brackets: a name or an address. False: it is none. */
bool find_host(struct slice text, char out[FIND_HOST_BYTES]);
/* An address rather than a name: there are no records to look for. */
bool find_is_address(const char *host);

#endif

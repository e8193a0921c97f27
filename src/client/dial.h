/* From a domain to a TCP connection: SRV (RFC 6120 section 3.2, XEP-0368), addresses, happy
 * eyeballs (RFC 8305), redirection (see-other-host). Part of struct burble.
 *
 * Where it goes, in this order:
 *   1. the place to which the server has sent us out of a session (see-other-host), once;
 *   2. the place where the server wants the session resumed (XEP-0198 section 5), if there is one;
 *   3. the host and port of the configuration, and nothing else; or
 *   4. the targets of _xmpp-client and _xmpps-client, as far as the configuration's security
 *      permits them; without any those of _jabber._tcp; without any the domain itself, on port 5222
 *      (5223 for direct TLS alone). A domain that says "." has no such service (RFC 2782), so the
 *      domain itself is not tried then (XEP-0368).
 *
 * With a proxy the connection goes to the proxy, which is told the target's name. SRV records are
 * looked up by our own resolver even so, which shows it the domain; a host in the configuration
 * keeps that from happening.
 *
 * The certificate is checked against the domain that the user typed, wherever the connection goes,
 * so nothing that DNS, a proxy or an unencrypted stream says has to be believed. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "burble/io.h"
#include "client/find.h"

struct burble;
struct dial_run; /* one search */

enum {
    DIAL_RESOLUTION_MS = 50, /* IPv4 is there, IPv6 still under way (RFC 8305 section 3) */
    DIAL_ATTEMPT_MS = 250,   /* to the next address of a target (RFC 8305 section 5) */
    DIAL_TARGET_MS = 1000,   /* behind its last address to the next target: longer, for otherwise
                                priorities would mean nothing to those who are far away */
    DIAL_SRV_MS = 2000,      /* one service has answered with records, the other has not */
    DIAL_SHARE_MS = 5000,    /* what a target has for its greeting and TLS at least, however many
                                are still to come */
    DIAL_SHARE_MAX_MS = 15000,
    DIAL_ADDRESSES = 16, /* of a target */
    DIAL_ATTEMPTS = 16,  /* at the same time; then the oldest is given up */
    DIAL_HOPS = 3,       /* of see-other-host (C05) */
    DIAL_WHERE_BYTES = 512,
};

struct dial {
    struct dial_run *run;     /* NULL: none under way */
    uint8_t hops;             /* of see-other-host without a session that lasted in between */
    bool direct_tls;          /* as the last connection that was made */
    struct find_target *told; /* where the server of the last session sent us; NULL: nowhere */
};

/* A new search from the start. Ends in client_link_open, or in client_fail. */
void dial_begin(struct burble *c);
/* The connection failed before the login, is dropped, and this is why. True: it is taken care of,
 * the next address or target is tried, or, if there is none, client_fail was called with the most
 * telling failure of all. False: another target would not help. */
bool dial_again(struct burble *c, const struct burble_state_event *why);
/* The time of the phase is over: is there more of it, because this was only the share of one target
 * and the login has succeeded since? Then the timer is set. */
bool dial_patience(struct burble *c);
/* No more attempts; look-ups are cancelled, connections under way are closed. The one that was
 * handed to client_link_open is not dial's any more. */
void dial_stop(struct burble *c);
void dial_free(struct burble *c);
/* May another target do better, or this one another time? Something was met before the login, so
 * nothing was sent; what concerns the account, or shows that somebody tampers, is not of this kind.
 */
bool dial_worth(enum burble_why why);
/* see-other-host before a session stands; where is hostile. True: taken; the caller drops the
 * connection and calls dial_follow. False: not a place to go to, or too many in a row (C05: at most
 * 3 hops, port 443 or >= 1024). */
bool dial_redirect(struct burble *c, struct slice where);
void dial_follow(struct burble *c);
/* The same out of a session: the next search begins there. */
bool dial_move(struct burble *c, struct slice where);
void dial_input(struct burble *c, const struct burble_input *in);

#endif

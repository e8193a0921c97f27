/* Proxies as wires: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 section 9.3.6).
 *
 * feed: the first is empty and makes it ask the proxy, as with TLS. WIRE_OPEN when the tunnel
 * stands; what came behind the answer is in up and belongs to the tunnel. From then on the wire
 * changes nothing in both directions, so its owner may keep it at the bottom or free it at once.
 * reason: a literal such as "proxy_not_found"; proxy_text is for people.
 * Nothing here ends the process when memory is exhausted. */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

#include "wire/wire.h"

enum {
    PROXY_TEXT_MAX = 255,        /* host, user, password */
    PROXY_HEADER_MAX = 8 * 1024, /* of HTTP answers, interim ones included */
};

struct proxy_target {
    /* A host name in its ASCII form, which the proxy looks up, or an address (IPv6 with or without
     * brackets). */
    struct slice host;
    uint16_t port; /* not 0 */
    /* Empty user: none. They go over the connection to the proxy in clear (RFC 1929, RFC 7617). */
    struct slice user, password;
};

/* All is copied; the password is wiped when it is sent. 0 and *out; ERR_SYNTAX for a host, port,
 * user or password that the protocol cannot carry (":" in HTTP's user, control characters),
 * ERR_LIMIT beyond PROXY_TEXT_MAX, ERR_MEMORY. */
int socks5_new(const struct proxy_target *target, struct wire **out);
int http_connect_new(const struct proxy_target *target, struct wire **out);

/* Why a proxy's wire has failed, or what it waits for, in words: printable, without a full stop,
 * valid as long as the wire. */
const char *proxy_text(const struct wire *w);

#endif

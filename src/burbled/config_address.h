/* The kinds of text that stand in a configuration: domains, addresses of accounts, IP addresses,
 * URIs. Each either is what it should be, and then in its prepared form, or is refused. */
#ifndef BURBLED_CONFIG_ADDRESS_H
#define BURBLED_CONFIG_ADDRESS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* All: out is cleared first and holds the prepared text; false when in is not one. */

/* A domain of RFC 7622 section 3.2 that can be a virtual host: no IP address in brackets. */
bool config_address_domain(struct slice in, struct buf *out);
/* A bare JID with a localpart: user@domain. */
bool config_address_account(struct slice in, struct buf *out);
/* IPv4 or IPv6 in text form, without a zone. */
bool config_address_ip(struct slice in, struct buf *out);
/* RFC 3986: a scheme, a colon, and something behind it in printable ASCII without spaces. */
bool config_address_uri(struct slice in, struct buf *out);
/* Anything not empty. */
bool config_address_text(struct slice in, struct buf *out);

/* ip: text that config_address_ip accepted. 127.0.0.0/8, ::1, and the former mapped into IPv6. */
bool config_address_is_loopback(const char *ip);

#endif

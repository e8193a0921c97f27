/* The domainpart of an address (RFC 7622 section 3.2): inside face of jid.c. */
#ifndef XMPP_JID_DOMAIN_H
#define XMPP_JID_DOMAIN_H

#include "base/buf.h"
#include "base/slice.h"

/* How far a part is from its prepared form. */
enum jid_state {
    JID_READY,   /* prepared as it stands */
    JID_CASE,    /* ASCII that only needs lower case */
    JID_LIBRARY, /* the Unicode tables decide */
    JID_BAD,
};

/* One pass over the bytes. The trailing dot has been dropped by the caller. */
enum jid_state jid_domain_scan(struct slice in);

/* IDNA2008 names and IPv6 literals, appended to out as U-labels: 0, ERR_SYNTAX or ERR_MEMORY. */
int jid_domain_international(struct slice in, struct buf *out);

#endif

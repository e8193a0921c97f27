/* What a stored message says, for full-text search (XEP-0431 version 0.2.0). */
#ifndef XMPP_STANZA_TEXT_H
#define XMPP_STANZA_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Appends the texts of the bodies of an encoded stanza (stanza_encode), a line feed behind each.
 * False: nothing to search in: it is no message, an error, has no body, is encrypted, so that its
 * body is a notice for old clients, or is damaged, or memory ran out (out->failed). */
bool stanza_text(struct slice encoded, struct buf *out);

#endif

/* The one comparison of secrets: passwords, proofs, tokens, keys, dialback (V42). */
#ifndef XMPP_SECRET_H
#define XMPP_SECRET_H

#include <stdbool.h>

#include "base/slice.h"

/* Time depends on the lengths alone, which are not secret. */
bool secret_equal(struct slice a, struct slice b);

#endif

/* The tokens of one client of an account (XEP-0484): at most two, the current one, and a new one
 * that it has been given but has not shown yet; showing it ends the other. They stand in the store
 * as they are, because both sides compute with them; a password is not found in them. */
#ifndef CORE_LOGIN_TOKEN_H
#define CORE_LOGIN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "xmpp/sasl_ht.h"

struct token_slot {
    const struct sasl_ht *ht; /* the only mechanism that it is good for; NULL: empty */
    long long issued_ms, expiry_ms;
    unsigned long long count; /* the highest that was shown with it */
    struct slice token;
};

enum { TOKEN_CURRENT, TOKEN_NEXT, TOKEN_SLOTS };
enum { TOKEN_FRESH_MS = 86400000 };

struct token_item {
    struct token_slot slots[TOKEN_SLOTS];
};

/* Appended. */
void token_item_encode(const struct token_item *item, struct buf *out);
/* Slices of the text; false when it is damaged, *out is empty then. */
bool token_item_decode(struct slice text, struct token_item *out);
/* When the last of the tokens expires; 0: there is none. */
long long token_item_end(const struct token_item *item);
/* Is it time for another one? After a day, or half of what it lives. */
bool token_is_old(const struct token_slot *slot, int64_t now_ms);

#endif

/* PBKDF2 (RFC 8018 section 5.2) with HMAC, one block, in slices: for whoever may not stop for the
 * whole of it. The result is that of sasl_salted_password. */
#ifndef XMPP_PBKDF2_H
#define XMPP_PBKDF2_H

#include <stdint.h>

#include "base/slice.h"
#include "xmpp/sasl.h"

struct pbkdf2 {
    void *inner, *outer, *work; /* EVP_MD_CTX: the keyed halves of HMAC, and where they go on */
    uint32_t left;              /* iterations to do */
    uint8_t len;
    uint8_t last[SASL_KEY_BYTES]; /* of the iteration before */
    uint8_t sum[SASL_KEY_BYTES];
};

/* Begins; iterations > 0. 0, ERR_MEMORY or ERR_CRYPTO, and pbkdf2_end is due in each case. */
int pbkdf2_begin(struct pbkdf2 *p, enum sasl_hash hash, struct slice password, struct slice salt,
                 uint32_t iterations);
/* At most max iterations (> 0): 0 (p->left is 0: finished, p->sum is the key) or ERR_CRYPTO. */
int pbkdf2_run(struct pbkdf2 *p, uint32_t max);
/* Wipes and gives back; of a zeroed one nothing. */
void pbkdf2_end(struct pbkdf2 *p);

#endif

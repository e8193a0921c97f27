/* Plain hashes that protocols name, for what is no secret. */
#ifndef XMPP_DIGEST_H
#define XMPP_DIGEST_H

#include <stdint.h>

#include "base/slice.h"

struct digest;

enum { DIGEST_SHA1_BYTES = 20, DIGEST_SHA256_BYTES = 32 };

/* 0 or ERR_CRYPTO. */
int digest_sha1(struct slice data, uint8_t out[DIGEST_SHA1_BYTES]);
int digest_sha256(struct slice data, uint8_t out[DIGEST_SHA256_BYTES]);
/* SHA-256 piece by piece. NULL: no memory. */
struct digest *digest_begin(void);
/* 0 or ERR_CRYPTO. */
int digest_add(struct digest *d, struct slice data);
/* Writes the hash, once. 0 or ERR_CRYPTO. */
int digest_end(struct digest *d, uint8_t out[DIGEST_SHA256_BYTES]);
void digest_free(struct digest **d);
/* HMAC with SHA-256 (RFC 2104), for names that cannot be traced back: 0 or ERR_CRYPTO. */
int digest_hmac_sha256(struct slice key, struct slice data, uint8_t out[DIGEST_SHA256_BYTES]);

#endif

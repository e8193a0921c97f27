/* The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding. */
#ifndef BENCH_SCRAM_H
#define BENCH_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

enum { SCRAM_DIGEST_MAX = 32, SCRAM_SALT_MAX = 64, SCRAM_NONCE = 24 };

/* What a client may keep between logins (RFC 5802 section 5.1), so that a login does not cost it
 * the password's iterations each time. */
struct scram_keys {
    enum scram_hash hash;
    uint32_t iterations; /* 0: empty */
    size_t salt_len;
    unsigned char salt[SCRAM_SALT_MAX];
    unsigned char client_key[SCRAM_DIGEST_MAX];
    unsigned char server_key[SCRAM_DIGEST_MAX];
};

struct scram {
    enum scram_hash hash;
    char nonce[SCRAM_NONCE + 1];
    struct buf first_bare;
    unsigned char server_signature[SCRAM_DIGEST_MAX];
};

/* Appends the client's first message for a user name without ',' and '='. */
void scram_first(struct scram *s, enum scram_hash hash, const char *user, const char *nonce,
                 struct buf *out);

/* Takes the server's first message, appends the client's final one. keys are used when salt and
 * iterations are theirs, and filled otherwise. False: the message is wrong. */
bool scram_final(struct scram *s, struct slice challenge, const char *password,
                 struct scram_keys *keys, struct buf *out);

/* True when the server's final message proves that it knows the password's key. */
bool scram_verify(const struct scram *s, struct slice final);

void scram_free(struct scram *s);

#endif

/* What both sides of SCRAM share (RFC 5802): keys, proofs, the grammar of the messages. Inside face
 * of sasl_server.c and the files of the client's side. */
#ifndef XMPP_SCRAM_H
#define XMPP_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "xmpp/sasl.h"

enum { SCRAM_MESSAGE_BYTES = 8192, SCRAM_NONCE_BYTES_MAX = 512, SCRAM_NONCE_BYTES = 26 };

/* Mechanisms, best first; PLAIN is the last. */
struct sasl_mechanism {
    struct slice name;
    enum sasl_hash hash;
    bool scram, plus;
};
extern const struct sasl_mechanism sasl_mechanisms[];
extern const size_t sasl_mechanism_count;
const struct sasl_mechanism *sasl_mechanism_find(struct slice name);

/* OpenSSL's EVP_MD of a hash. */
const struct evp_md_st *scram_digest(enum sasl_hash hash);
/* HMAC and plain hash: sasl_hash_len bytes are written. 0 or ERR_CRYPTO. */
int scram_hmac(enum sasl_hash hash, struct slice key, struct slice data,
               uint8_t out[SASL_KEY_BYTES]);
int scram_hash(enum sasl_hash hash, struct slice data, uint8_t out[SASL_KEY_BYTES]);
/* ClientKey, StoredKey and ServerKey of a salted password; each may be NULL. */
int scram_keys(enum sasl_hash hash, const uint8_t salted[SASL_KEY_BYTES],
               uint8_t client_out[SASL_KEY_BYTES], uint8_t stored_out[SASL_KEY_BYTES],
               uint8_t server_out[SASL_KEY_BYTES]);

/* Messages, as slices of what came in; false when the grammar is broken, a mandatory extension is
 * asked for, or they are too long. */
struct scram_client_first {
    char flag;                 /* 'n', 'y', 'p' */
    struct slice binding_name; /* of 'p' */
    struct slice authzid;      /* escaped; ptr NULL: absent */
    struct slice gs2_header;   /* with both commas */
    struct slice bare;
    struct slice user; /* escaped */
    struct slice nonce;
};
bool scram_parse_client_first(struct slice in, struct scram_client_first *out);

struct scram_client_final {
    struct slice binding; /* base64 */
    struct slice nonce;
    struct slice proof; /* base64 */
    struct slice without_proof;
};
bool scram_parse_client_final(struct slice in, struct scram_client_final *out);

struct scram_server_first {
    struct slice nonce;
    struct slice salt;  /* base64 */
    struct slice count; /* the iterations as they stand there */
    unsigned long long iterations;
    struct slice offer; /* base64, of XEP-0474; ptr NULL: absent */
};
/* When false, the members before the one that is wrong are set, the others have no pointer. */
bool scram_parse_server_first(struct slice in, struct scram_server_first *out);

/* saslname: "=2C" and "=3D" stand for comma and equals sign. 0, ERR_SYNTAX or ERR_MEMORY;
 * appended. */
int scram_unescape(struct slice in, struct buf *out);
int scram_escape(struct slice in, struct buf *out);

/* Frees a buffer that held a secret. */
void scram_wipe(struct buf *b);

#endif

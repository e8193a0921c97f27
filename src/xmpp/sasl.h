/* SASL exchanges, the server's side and what both sides share, without I/O: PLAIN (RFC 4616) and
 * SCRAM-SHA-1, -SHA-256, -SHA-512 with and without -PLUS (RFC 5802, 7677), channel bindings of RFC
 * 9266 and RFC 5929. The client's side is sasl_client.h.
 *
 * The server side asks for what it lacks: credentials of a user (the engine loads them), a key
 * derivation (PBKDF2, done off the event loop). An unknown user goes through the same steps with
 * stable made-up credentials and fails at the end with the same error (V43). */
#ifndef XMPP_SASL_H
#define XMPP_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/slice.h"
#include "xmpp/jid.h"

/* Salts that we make, salts that we accept (imported accounts), and the rest. */
enum { SASL_SALT_BYTES = 16, SASL_SALT_BYTES_MIN = 8, SASL_SALT_BYTES_MAX = 64 };
enum { SASL_KEY_BYTES = 64, SASL_PASSWORD_BYTES = 1023, SASL_SECRET_BYTES = 32 };
enum { SASL_ITERATIONS_MIN = 4096, SASL_ITERATIONS_MAX = 1000000 };

enum sasl_hash { SASL_SHA1, SASL_SHA256, SASL_SHA512, SASL_HASHES };

/* What is stored of a password for one hash: never the password, never the salted password. */
struct sasl_keys {
    uint32_t iterations; /* 0: none stored for this hash */
    uint8_t salt_len;
    uint8_t salt[SASL_SALT_BYTES_MAX];
    uint8_t stored_key[SASL_KEY_BYTES];
    uint8_t server_key[SASL_KEY_BYTES];
};

struct sasl_credentials {
    struct sasl_keys keys[SASL_HASHES];
};

/* Portable text form for the store, one line; at least one hash is there. encode: 0 or ERR_MEMORY,
 * appended to out. decode answers ERR_CORRUPT on anything wrong (A22). */
int sasl_credentials_encode(const struct sasl_credentials *c, struct buf *out);
int sasl_credentials_decode(struct slice text, struct sasl_credentials *out);

/* PBKDF2 job: slow (milliseconds), thread-safe, called off the loop. password is prepared already
 * (jid_prepare_password). sasl_hash_len bytes of salted_out are written. ERR_CRYPTO when OpenSSL
 * fails. */
int sasl_salted_password(enum sasl_hash hash, struct slice password, const uint8_t *salt,
                         size_t salt_len, uint32_t iterations, uint8_t salted_out[SASL_KEY_BYTES]);
/* New credentials for all hashes (three PBKDF2 runs): slow, thread-safe. salts are random bytes. */
int sasl_credentials_derive(struct slice password, uint32_t iterations,
                            const uint8_t salts[SASL_HASHES][SASL_SALT_BYTES],
                            struct sasl_credentials *out);
/* The keys of a salted password that somebody else has derived (XEP-0480). iterations, salt and
 * salt_len of *keys are set already. 0 or ERR_CRYPTO. */
int sasl_keys_of_salted(enum sasl_hash hash, const uint8_t salted[SASL_KEY_BYTES],
                        struct sasl_keys *keys);
size_t sasl_hash_len(enum sasl_hash hash);

enum { SASL_BINDING_BYTES = 160 }; /* room for all that follows */

/* Channel binding data of the connection (empty slices: not available). */
struct sasl_binding {
    struct slice tls_exporter;         /* RFC 9266, 32 bytes */
    struct slice tls_server_end_point; /* RFC 5929 section 4 */
    struct slice tls_unique;           /* RFC 5929 section 3: accepted, not announced; some clients
                                          know no other */
};

/* Failure conditions of RFC 6120 section 6.5. */
enum sasl_failure {
    SASL_ABORTED,
    SASL_ACCOUNT_DISABLED,
    SASL_CREDENTIALS_EXPIRED,
    SASL_ENCRYPTION_REQUIRED,
    SASL_INCORRECT_ENCODING,
    SASL_INVALID_AUTHZID,
    SASL_INVALID_MECHANISM,
    SASL_MALFORMED_REQUEST,
    SASL_MECHANISM_TOO_WEAK,
    SASL_NOT_AUTHORIZED,
    SASL_TEMPORARY_AUTH_FAILURE,
};
struct slice sasl_failure_name(enum sasl_failure failure);

enum sasl_step {
    SASL_CHALLENGE,        /* send sasl_server_output as a challenge */
    SASL_WANT_CREDENTIALS, /* load those of sasl_server_user, then sasl_server_credentials */
    SASL_WANT_DERIVE,      /* sasl_server_derivation, its run as a job, then sasl_server_derived */
    SASL_SUCCESS,          /* sasl_server_output is additional data, may be empty */
    SASL_FAILURE,          /* sasl_server_failure */
};

/* What a server offers before a login, as the text of XEP-0474; appended. The order of the names
 * does not count, nor their number (V21). binding_count 0: no types of channel binding were
 * announced (XEP-0440). 0 or ERR_MEMORY. */
int sasl_offer_text(const struct slice *mechanisms, size_t n, const struct slice *bindings,
                    size_t binding_count, struct buf *out);

/* The prepared localpart of a login name, with the host (or its alias, which may be empty) behind
 * it or not; appended. 0, ERR_SYNTAX (also for another host) or ERR_MEMORY. */
int sasl_prepare_user(struct slice host, struct slice alias, struct slice authcid,
                      struct buf *user_out);

struct sasl_server;

/* Everything in it is copied. */
struct sasl_server_config {
    struct slice host;           /* prepared domain; the realm of authcid and authzid */
    struct slice alias;          /* another name of it that the client may use; may be empty */
    bool plain_allowed;          /* TLS is on, or the listener allows PLAIN without it */
    bool plus_offered;           /* the -PLUS mechanisms were announced */
    struct sasl_binding binding; /* up to SASL_KEY_BYTES each */
    uint32_t iterations;         /* for made-up credentials */
    const uint8_t *fake_secret;  /* SASL_SECRET_BYTES, stable per server: salts of unknown users */
    struct slice offer;          /* sasl_offer_text, for the client to compare; empty: not sent */
};

/* Names of the mechanisms to announce, best first, each once; *n_out of them. */
const struct slice *sasl_server_mechanisms(bool plain_allowed, bool plus, size_t *n_out);

/* Begins an exchange. mechanism is the exact name; initial is the decoded initial response
 * (initial.ptr == NULL: none was sent). The first step is in *step_out. An unknown or not offered
 * mechanism is SASL_FAILURE with SASL_INVALID_MECHANISM. Never NULL; memory that a peer can ask for
 * and that is not there is SASL_TEMPORARY_AUTH_FAILURE. After SASL_SUCCESS or SASL_FAILURE every
 * further call answers SASL_FAILURE. */
struct sasl_server *sasl_server_new(const struct sasl_server_config *config, struct slice mechanism,
                                    struct slice initial, struct rng *rng,
                                    enum sasl_step *step_out);
void sasl_server_free(struct sasl_server **s);
/* A response where none is due (A08) fails with SASL_MALFORMED_REQUEST. */
enum sasl_step sasl_server_respond(struct sasl_server *s, struct slice response);
/* credentials: NULL for an unknown user; those of a known one without the hash that is asked for,
 * or out of range, are SASL_TEMPORARY_AUTH_FAILURE (A22: give zeroed ones when the row does not
 * decode). disabled: the account may not log in, told only after a right password (A06). */
enum sasl_step sasl_server_credentials(struct sasl_server *s,
                                       const struct sasl_credentials *credentials, bool disabled);
/* The job that SASL_WANT_DERIVE asks for, self-contained so that it may run on another thread. */
struct sasl_derivation {
    enum sasl_hash hash;
    uint32_t iterations;
    uint8_t salt_len;
    uint8_t salt[SASL_SALT_BYTES_MAX];
    size_t password_len;
    char password[SASL_PASSWORD_BYTES + 1]; /* wipe after use */
    uint8_t salted[SASL_KEY_BYTES];         /* the job's result */
    int err;                                /* the job's result */
};
void sasl_server_derivation(const struct sasl_server *s, struct sasl_derivation *out);
/* The job itself: fills salted and err, wipes the password. Thread-safe. */
void sasl_derivation_run(struct sasl_derivation *d);
enum sasl_step sasl_server_derived(struct sasl_server *s, const struct sasl_derivation *done);

struct slice sasl_server_output(const struct sasl_server *s); /* raw bytes, not base64 */
enum sasl_failure sasl_server_failure(const struct sasl_server *s);
/* True when the failure means a downgrade was noticed (A11): logged as a warning. */
bool sasl_server_downgrade(const struct sasl_server *s);
/* Prepared localpart; set from SASL_WANT_CREDENTIALS on. */
struct slice sasl_server_user(const struct sasl_server *s);
struct slice sasl_server_mechanism(const struct sasl_server *s);
/* The client named whom it wants to act as (itself, as it turned out). */
bool sasl_server_authzid(const struct sasl_server *s);

#endif

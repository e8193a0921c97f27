/* The client's side of SASL, without I/O: SCRAM-SHA-1, -SHA-256, -SHA-512 with and without -PLUS
 * (RFC 5802, RFC 7677; RFC 9266, RFC 5929), EXTERNAL (RFC 4422 appendix A), DIGEST-MD5 (RFC 2831)
 * and PLAIN (RFC 4616); the choice among what a server offers, with its rules against downgrades
 * (XEP-0440 1.0.0, XEP-0474 0.5.0).
 *
 *   sasl_client_new -> start -> SEND -> challenge -> [WORK ...] -> SEND -> ... -> success -> DONE
 *
 * Every step may be REFUSED instead; then the session must not go on, and every further call is
 * REFUSED too. What goes out is raw bytes, not base64. A message that the peer sends out of turn is
 * REFUSED, never a crash. */
#ifndef XMPP_SASL_CLIENT_H
#define XMPP_SASL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/slice.h"
#include "xmpp/sasl.h"

enum sasl_client_step {
    SASL_CLIENT_SEND,    /* sasl_client_output is the answer to send; it may be empty */
    SASL_CLIENT_WORK,    /* call sasl_client_work until it says something else; nothing to send */
    SASL_CLIENT_DONE,    /* from sasl_client_success alone: logged in, and where the mechanism can
                            prove the server (SCRAM, DIGEST-MD5), it is proven */
    SASL_CLIENT_REFUSED, /* sasl_client_problem says why */
};

enum sasl_client_problem {
    SASL_PROBLEM_NONE,
    SASL_PROBLEM_NO_MECHANISM, /* nothing in the offer that we know, or nothing at all */
    SASL_PROBLEM_TOO_WEAK,     /* what we know of the offer is too weak, or was not asked for */
    SASL_PROBLEM_PLAIN_WITHOUT_TLS, /* PLAIN alone, and the stream is not encrypted */
    SASL_PROBLEM_USER,              /* user or authzid cannot be prepared */
    SASL_PROBLEM_PASSWORD,
    SASL_PROBLEM_BINDING_REQUIRED,  /* and not offered or not possible (V47) */
    SASL_PROBLEM_BINDING_TYPES,     /* none of those told is ours, and nothing confirms the offer */
    SASL_PROBLEM_OFFER_CONTRADICTS, /* -PLUS without types or types without -PLUS (XEP-0440) */
    SASL_PROBLEM_PINNED,            /* all that is offered is weaker than what is pinned (A13) */
    SASL_PROBLEM_OFFER_CHANGED,     /* not what the server has offered (XEP-0474, A13) */
    SASL_PROBLEM_ITERATIONS_LOW,    /* V46 */
    SASL_PROBLEM_ITERATIONS_HIGH,   /* V46 */
    SASL_PROBLEM_MALFORMED,         /* with sasl_client_detail */
    SASL_PROBLEM_NONCE,             /* does not go on from ours */
    SASL_PROBLEM_SIGNATURE,         /* A12 */
    SASL_PROBLEM_UNPROVEN,          /* success without the server's signature (A12) */
    SASL_PROBLEM_SERVER_ERROR,      /* e= of SCRAM, with sasl_client_detail */
    SASL_PROBLEM_MEMORY,
    SASL_PROBLEM_CRYPTO, /* OpenSSL failed, or has the hash switched off */
};
enum { SASL_PROBLEMS = SASL_PROBLEM_CRYPTO + 1 };
/* A sentence that a person understands, without a full stop; a constant. */
const char *sasl_client_problem_text(enum sasl_client_problem problem);

/* The salted password of a login, to spare the next one the iterations (RFC 5802 section 5.1). As
 * secret as the password; of one password, so it goes when the password changes. */
struct sasl_salted {
    enum sasl_hash hash;
    uint32_t iterations; /* 0: none */
    uint8_t salt_len;
    uint8_t salt[SASL_SALT_BYTES_MAX];
    uint8_t salted[SASL_KEY_BYTES];
};

/* All slices are copied, and secrets wiped at the end. */
struct sasl_client_config {
    struct slice user, password; /* prepared inside; the password is not needed for EXTERNAL */
    struct slice authzid;        /* UTF-8 without NUL, or empty */
    struct slice host;           /* prepared domain: digest-uri and realm of DIGEST-MD5 */
    /* What this connection has; empty slices: not available. tls_unique: not for TLS 1.2 without
     * the extended master secret; for TLS 1.3 the client's Finished message (decision 0005). */
    struct sasl_binding binding;
    bool tls;                        /* the stream is encrypted */
    bool sasl2;                      /* the exchange is XEP-0388's, which has stricter rules */
    bool plain_allowed;              /* PLAIN inside TLS */
    bool plain_without_tls;          /* PLAIN even without: unsafe, for loopback */
    bool digest_md5_allowed;         /* obsolete (RFC 6331), but it proves the server */
    bool external;                   /* TLS has shown a client certificate: EXTERNAL comes first */
    bool binding_required;           /* channel binding was seen before: -PLUS or nothing (V47) */
    unsigned bindings_refused;       /* of sasl_client_refused_bindings: types that are not guessed
                                        again; other than 0: -PLUS or nothing, too. */
    struct slice pinned;             /* a mechanism's name: that one or one before it in our
                                        order; empty: none pinned. An unknown name fits nothing */
    struct slice offer;              /* sasl_offer_text of what came; empty: not compared */
    const struct sasl_salted *cache; /* may be NULL; not used when salt or count are others now */
};

struct sasl_client;

/* Chooses among the n names offered, in this order: EXTERNAL, SCRAM-SHA-512-PLUS, -256-PLUS,
 * -1-PLUS, SCRAM-SHA-512, -256, -1, DIGEST-MD5, PLAIN. bindings: the types of channel binding that
 * the server told (bindings_told: it told them at all, XEP-0440); tls-exporter before tls-unique
 * before tls-server-end-point. NULL with *problem_out set: nothing acceptable, or no memory.
 * Duplicates, empty and unknown names do no harm, and n has no limit. */
struct sasl_client *sasl_client_new(const struct sasl_client_config *config,
                                    const struct slice *offered, size_t n,
                                    const struct slice *bindings, size_t n_bindings,
                                    bool bindings_told, struct rng *rng,
                                    enum sasl_client_problem *problem_out);
void sasl_client_free(struct sasl_client **c);

/* Once, first: SEND (the initial response; for EXTERNAL it may be empty) or REFUSED. */
enum sasl_client_step sasl_client_start(struct sasl_client *c);
/* SEND, WORK or REFUSED. */
enum sasl_client_step sasl_client_challenge(struct sasl_client *c, struct slice challenge);
/* additional.ptr NULL: none came. DONE or REFUSED, which is final (A12). */
enum sasl_client_step sasl_client_success(struct sasl_client *c, struct slice additional);

/* After WORK: at most iterations_max (> 0) of the password's iterations. WORK, SEND or REFUSED. One
 * iteration costs 0.1 to 0.4 us on the machines of today, so a slice of SASL_CLIENT_SLICE keeps an
 * event loop below 5 ms on machines three times slower (V46); UINT32_MAX finishes. */
enum { SASL_CLIENT_SLICE = 4096 };
enum sasl_client_step sasl_client_work(struct sasl_client *c, uint32_t iterations_max);

/* Valid until the next call of a step. */
struct slice sasl_client_output(const struct sasl_client *c);
struct slice sasl_client_mechanism(const struct sasl_client *c);
/* Channel binding is in use; its type ("tls-exporter"), or empty. */
bool sasl_client_bound(const struct sasl_client *c);
struct slice sasl_client_binding(const struct sasl_client *c);
enum sasl_client_problem sasl_client_problem(const struct sasl_client *c);
/* More about a problem where there is more, else empty; a constant, never the peer's text. */
const char *sasl_client_detail(const struct sasl_client *c);
/* When the server refuses the login: did it do so at the name of a type of channel binding that was
 * only guessed (it told none), before it asked for a proof, and is there another type to guess?
 * Then what the next attempt has as bindings_refused. 0: no, a further attempt would not differ. */
unsigned sasl_client_refused_bindings(const struct sasl_client *c);
/* After DONE with SCRAM and a salt that fits: true, and out is filled; wipe it after use. */
bool sasl_client_salted(const struct sasl_client *c, struct sasl_salted *out);
/* The password, or a hash that anybody can try passwords on, has gone out (PLAIN, DIGEST-MD5). */
bool sasl_client_sent_password(const struct sasl_client *c);

/* What was offered, for a person (C03): "PLAIN, X-TOKEN and 7 more", "nothing"; names that are none
 * (RFC 4422 section 3.1) are counted and not shown. Appended; 0 or ERR_MEMORY. */
int sasl_client_offered_text(const struct slice *offered, size_t n, struct buf *out);

#endif

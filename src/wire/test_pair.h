/* What the tests of clients share: certificates of several kinds, a server of plain OpenSSL, and a
 * connection between it and a client of ours. */
#ifndef WIRE_TEST_PAIR_H
#define WIRE_TEST_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/test_certificate.h"
#include "wire/tls_client.h"
#include "wire/tls_inside.h"

#define NOW_S INT64_C(1800000000)
#define DAY_S INT64_C(86400)

extern const struct now now;

/* root signs authority and own, authority signs good; stranger is another root. */
extern struct test_certificate root, authority, good, stranger, own;
/* Clients that trust root; nobody; root, and show own. */
extern struct tls_context *trusting, *trusting_nobody, *showing;

/* A connection between our client and a server of plain OpenSSL. */
struct pair {
    SSL_CTX *ctx;
    SSL *server;
    BIO *in, *out; /* of the server */
    struct wire *client;
    struct buf up, down;
};

/* Valid for a day around NOW_S unless the spec says otherwise. */
void make(struct test_certificate *out, struct test_certificate_spec spec);
/* Either may be NULL. */
struct tls_context *trust_in(const struct test_certificate *anchor,
                             const struct test_certificate *shown);
/* Of a group of tests. */
int pair_set_up(void **state);
int pair_tear_down(void **state);
/* A server that shows c and takes everything down to TLS 1.0; its context may still be changed. */
struct pair pair_with(const struct test_certificate *c);
/* The client says hello. */
void begin(struct pair *p, struct tls_context *ctx, struct tls_connect c);
/* Lets both talk until they are silent; the server's bytes come in pieces. */
void talk(struct pair *p, size_t piece);
void pair_free(struct pair *p);
enum wire_state state_of(const struct pair *p);
/* The sentence for the problem holds what, and is printable. */
void assert_says(const struct tls_peer_problem *p, const char *what);
/* A whole handshake with a server that shows c; what is wrong with it. */
enum tls_fault judge(const struct test_certificate *c, struct tls_context *ctx,
                     struct tls_connect connect, struct tls_peer_problem *out);
struct tls_connect to(const char *host);

#endif

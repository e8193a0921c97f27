/* What the tests of SASL share: a server's and a client's configuration, nonces that come again,
 * and an engine that answers the server at once. */
#ifndef XMPP_SASL_TEST_H
#define XMPP_SASL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "xmpp/test_sasl_client.h"

/* Not every test uses all of it; not inlined, so that frames stay small under a sanitizer. */
#define SHARED static __attribute__((unused, noinline))

static const uint8_t fake_secret[SASL_SECRET_BYTES] = "a secret that no client can see";
static const char exporter[32] = "thirty-two bytes from the TLS's";
static const char end_point[32] = "the hash of a certificate is he";
static struct sasl_credentials stored; /* of "pencil" */

enum { ITERATIONS = SASL_ITERATIONS_MIN };

SHARED void fill_seeded(void *ctx, void *out, size_t n)
{
    uint64_t *x = ctx;
    unsigned char *p = out;
    for (size_t i = 0; i < n; i++) {
        *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
        p[i] = (unsigned char)(*x >> 32);
    }
}

/* The same seed gives the same nonces. */
SHARED struct rng seeded(uint64_t *seed)
{
    return (struct rng){.fill = fill_seeded, .ctx = seed};
}

SHARED int derive_stored(void **state)
{
    (void)state;
    uint8_t salts[SASL_HASHES][SASL_SALT_BYTES];
    memset(salts, 7, sizeof(salts));
    return sasl_credentials_derive(SLICE("pencil"), ITERATIONS,
                                   (const uint8_t(*)[SASL_SALT_BYTES])salts, &stored);
}

SHARED struct sasl_server_config server_config(void)
{
    return (struct sasl_server_config){
        .host = SLICE("example.com"),
        .plain_allowed = true,
        .plus_offered = true,
        .binding = {slice_of(exporter, 32), slice_of(end_point, 32)},
        .iterations = ITERATIONS,
        .fake_secret = fake_secret,
    };
}

SHARED struct sasl_client_config client_config(void)
{
    return (struct sasl_client_config){
        .user = SLICE("alice"),
        .password = SLICE("pencil"),
        .binding = {slice_of(exporter, 32), slice_of(end_point, 32)},
        .tls = true,
        .plain_allowed = true,
    };
}

SHARED struct sasl_server *server_new(const struct sasl_server_config *config,
                                      struct slice mechanism, struct slice initial,
                                      enum sasl_step *step)
{
    uint64_t seed = 42;
    struct rng rng = seeded(&seed);
    return sasl_server_new(config, mechanism, initial, &rng, step);
}

/* Plays the engine: credentials and derivations until the peer is asked or all is over. */
static int derivations;

SHARED enum sasl_step serve(struct sasl_server *s, enum sasl_step step,
                            const struct sasl_credentials *credentials, bool disabled)
{
    for (;;) {
        if (step == SASL_WANT_CREDENTIALS) {
            step = sasl_server_credentials(s, credentials, disabled);
        } else if (step == SASL_WANT_DERIVE) {
            struct sasl_derivation job;
            sasl_server_derivation(s, &job);
            sasl_derivation_run(&job);
            derivations++;
            step = sasl_server_derived(s, &job);
        } else {
            return step;
        }
    }
}

SHARED struct sasl_client *client_new(const struct sasl_client_config *config, struct slice only)
{
    uint64_t seed = 4711;
    struct rng rng = seeded(&seed);
    enum sasl_client_problem problem;
    struct sasl_client *c = sasl_client_new(config, &only, 1, NULL, 0, false, &rng, &problem);
    assert_non_null(c);
    assert_int_equal(problem, SASL_PROBLEM_NONE);
    return c;
}

/* What one message sent by hand leads to. */
SHARED enum sasl_failure failure_of(const struct sasl_server_config *config, struct slice mechanism,
                                    struct slice initial)
{
    enum sasl_step step;
    struct sasl_server *s = server_new(config, mechanism, initial, &step);
    step = serve(s, step, &stored, false);
    assert_int_equal(step, SASL_FAILURE);
    enum sasl_failure failure = sasl_server_failure(s);
    assert_int_equal(sasl_server_output(s).len, 0);
    sasl_server_free(&s);
    assert_null(s);
    return failure;
}

/* Text with one part replaced, on the heap. */
SHARED struct slice replaced(struct slice in, const char *old, const char *new)
{
    size_t old_len = strlen(old), new_len = strlen(new);
    const char *at = memmem(in.ptr, in.len, old, old_len);
    assert_non_null(at);
    size_t before = (size_t)(at - in.ptr), after = in.len - before - old_len;
    char *made = malloc(in.len - old_len + new_len + 1);
    assert_non_null(made);
    memcpy(made, in.ptr, before);
    memcpy(made + before, new, new_len);
    memcpy(made + before + new_len, at + old_len, after);
    return slice_of(made, before + new_len + after);
}

#endif

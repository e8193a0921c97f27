/* SASL: server against client, the published examples, and what the server answers to everything
 * that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "xmpp/sasl.h"
#include "xmpp/sasl_test.h"
#include "xmpp/scram.h"
#include "xmpp/secret.h"

/* One whole exchange over one mechanism. Its last step; for a success the client is content too. */
static enum sasl_step exchange(const struct sasl_server_config *sc,
                               const struct sasl_client_config *cc, struct slice mechanism,
                               const struct sasl_credentials *credentials, bool disabled,
                               enum sasl_failure *failure_out)
{
    struct buf out = {0};
    enum sasl_step step;
    struct sasl_client *c = client_new(cc, mechanism);
    assert_true(slice_eq(sasl_client_mechanism(c), mechanism));
    assert_int_equal(test_sasl_start(c, &out), 0);
    struct sasl_server *s = server_new(sc, mechanism, buf_slice(&out), &step);
    assert_true(slice_eq(sasl_server_mechanism(s), mechanism));
    step = serve(s, step, credentials, disabled);
    while (step == SASL_CHALLENGE) {
        assert_int_equal(test_sasl_challenge(c, sasl_server_output(s), &out), 0);
        step = serve(s, sasl_server_respond(s, buf_slice(&out)), credentials, disabled);
    }
    if (step == SASL_SUCCESS)
        assert_int_equal(test_sasl_success(c, sasl_server_output(s)), 0);
    else
        *failure_out = sasl_server_failure(s);
    buf_free(&out);
    sasl_server_free(&s);
    sasl_client_free(&c);
    return step;
}

static void sasl_every_mechanism_works_with_every_binding(void **state)
{
    (void)state;
    enum sasl_failure failure;
    for (int binding = 0; binding < 3; binding++) {
        struct sasl_server_config sc = server_config();
        struct sasl_client_config cc = client_config();
        if (binding == 1) /* end point only: TLS 1.2 */
            sc.binding.tls_exporter = cc.binding.tls_exporter = SLICE_NONE;
        if (binding == 2) {
            sc.binding = cc.binding = (struct sasl_binding){0};
            sc.plus_offered = false;
        }
        size_t n;
        const struct slice *names = sasl_server_mechanisms(true, sc.plus_offered, &n);
        assert_int_equal(n, binding == 2 ? 4 : 7);
        for (size_t i = 0; i < n; i++) {
            struct sasl_client_config one = cc;
            if (binding < 2 && i >= 3)
                one.binding = (struct sasl_binding){0}; /* a client that cannot bind */
            assert_int_equal(exchange(&sc, &one, names[i], &stored, false, &failure), SASL_SUCCESS);
            one.authzid = SLICE("alice@example.com");
            assert_int_equal(exchange(&sc, &one, names[i], &stored, false, &failure), SASL_SUCCESS);
        }
    }
}

static void sasl_empty_challenge_stands_for_a_missing_initial_response(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_server *s = server_new(&sc, SLICE("PLAIN"), SLICE_NONE, &step);
    assert_int_equal(step, SASL_CHALLENGE);
    assert_int_equal(sasl_server_output(s).len, 0);
    step = serve(s, sasl_server_respond(s, SLICE("\0alice\0pencil")), &stored, false);
    assert_int_equal(step, SASL_SUCCESS);
    assert_true(slice_is(sasl_server_user(s), "alice"));
    sasl_server_free(&s);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), SLICE("")), SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-1"), SLICE("")), SASL_MALFORMED_REQUEST);
}

static void from_base64(const char *text, uint8_t *out, size_t *len)
{
    assert_true(base64_decode(slice_z(text), out, len));
}

struct vector {
    enum sasl_hash hash;
    const char *salt, *auth, *proof, *signature;
};

/* RFC 5802 section 5 and RFC 7677 section 3: user "user", password "pencil". */
static void scram_gives_the_published_examples(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {SASL_SHA1, "QSXCR+Q6sek8bf92",
         "n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
         "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
         "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
         "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="},
        {SASL_SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==",
         "n=user,r=rOprNGfwEbeRWgbNEkqO,"
         "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
         "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
         "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
         "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    };
    for (size_t i = 0; i < 2; i++) {
        const struct vector *v = &vectors[i];
        uint8_t salt[24], want[48], salted[64], client[64], key[64], server[64], got[64];
        size_t salt_len, want_len, len = sasl_hash_len(v->hash);
        from_base64(v->salt, salt, &salt_len);
        assert_int_equal(
            sasl_salted_password(v->hash, SLICE("pencil"), salt, salt_len, 4096, salted), 0);
        assert_int_equal(scram_keys(v->hash, salted, client, key, server), 0);
        assert_int_equal(scram_hmac(v->hash, slice_of((char *)key, len), slice_z(v->auth), got), 0);
        for (size_t k = 0; k < len; k++)
            got[k] ^= client[k];
        from_base64(v->proof, want, &want_len);
        assert_int_equal(want_len, len);
        assert_memory_equal(got, want, len);
        assert_int_equal(scram_hmac(v->hash, slice_of((char *)server, len), slice_z(v->auth), got),
                         0);
        from_base64(v->signature, want, &want_len);
        assert_int_equal(want_len, len);
        assert_memory_equal(got, want, len);
    }
}

/* Computed with Python's hashlib. */
static void scram_sha512_agrees_with_another_implementation(void **state)
{
    (void)state;
    uint8_t salted[64], stored_key[64], server_key[64];
    char text[89] = {0};
    assert_int_equal(sasl_salted_password(SASL_SHA512, SLICE("pencil"),
                                          (const uint8_t *)"0123456789abcdef", 16, 4096, salted),
                     0);
    assert_int_equal(scram_keys(SASL_SHA512, salted, NULL, stored_key, server_key), 0);
    base64_encode(slice_of((char *)stored_key, 64), text);
    assert_string_equal(
        text,
        "50q+37QH8XpaNkNxjgBGkxqXkoXVH2Lh3lHJ07g7AOGVlU4FcOi+wjKQc80Fl2VeSw/SniKUPcJigYjLk6Y/2w==");
    base64_encode(slice_of((char *)server_key, 64), text);
    assert_string_equal(
        text,
        "fgiGfVDf7076b3mVdGf4ced4bUxY4L8AjpHsD8KRzbGOujkLSpj40lrcb9IvGqJ4Uv3dBiyDgUgoQnoVamua2Q==");
}

static void A01_unknown_and_not_offered_mechanisms(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    const char *unknown[] = {
        "", "ANONYMOUS", "EXTERNAL", "plain", "PLAIN ", "SCRAM-SHA-224", "SCRAM-SHA-256-PLUS-PLUS"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
        assert_int_equal(failure_of(&sc, slice_z(unknown[i]), SLICE("x")), SASL_INVALID_MECHANISM);
    sc.plain_allowed = false;
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), SLICE("\0alice\0pencil")),
                     SASL_INVALID_MECHANISM);
    sc.plus_offered = false;
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-256-PLUS"), SLICE("x")),
                     SASL_INVALID_MECHANISM);
    size_t n;
    const struct slice *names = sasl_server_mechanisms(false, false, &n);
    assert_int_equal(n, 3);
    assert_true(slice_is(names[0], "SCRAM-SHA-512"));
    assert_true(slice_is(names[2], "SCRAM-SHA-1"));
    names = sasl_server_mechanisms(true, true, &n);
    assert_true(slice_is(names[0], "SCRAM-SHA-512-PLUS"));
    assert_true(slice_is(names[6], "PLAIN"));
}

static void A04_malformed_plain(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    const struct slice wrong[] = {
        SLICE("alice"),
        SLICE("\0alice"),
        SLICE("alice\0pencil"),
        SLICE("\0"),
        SLICE("\0\0"),
        SLICE("\0alice\0pencil\0"),
        SLICE("\0alice\0pen\0"),
        SLICE("\0\0pencil"),
        SLICE("\0alice\0"),
        SLICE("\0al\xff\0x"),
        SLICE("\0alice\0pe\xc3"),
        SLICE("\xed\xa0\x80\0alice\0pencil"),
        SLICE("\0\0\0"),
        SLICE("a\0b\0c\0d"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(failure_of(&sc, SLICE("PLAIN"), wrong[i]), SASL_MALFORMED_REQUEST);
}

static void A06_wrong_password_unknown_user_disabled_user(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    size_t n;
    const struct slice *names = sasl_server_mechanisms(true, true, &n);
    for (size_t i = 0; i < n; i++) {
        struct sasl_client_config cc = client_config();
        enum sasl_failure failure;
        if (i >= 3)
            cc.binding = (struct sasl_binding){0};
        assert_int_equal(exchange(&sc, &cc, names[i], NULL, false, &failure), SASL_FAILURE);
        assert_int_equal(failure, SASL_NOT_AUTHORIZED);
        assert_int_equal(exchange(&sc, &cc, names[i], &stored, true, &failure), SASL_FAILURE);
        assert_int_equal(failure, SASL_ACCOUNT_DISABLED);
        cc.password = SLICE("pencils");
        assert_int_equal(exchange(&sc, &cc, names[i], &stored, false, &failure), SASL_FAILURE);
        assert_int_equal(failure, SASL_NOT_AUTHORIZED);
        assert_int_equal(exchange(&sc, &cc, names[i], &stored, true, &failure), SASL_FAILURE);
        assert_int_equal(failure,
                         SASL_NOT_AUTHORIZED); /* disabled is told after a right one only */
        assert_int_equal(exchange(&sc, &cc, names[i], NULL, true, &failure), SASL_FAILURE);
        assert_int_equal(failure, SASL_NOT_AUTHORIZED);
    }
}

static void A08_speaking_out_of_turn(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_derivation job;
    struct sasl_server *s = server_new(&sc, SLICE("PLAIN"), SLICE("\0alice\0pencil"), &step);
    assert_int_equal(step, SASL_WANT_CREDENTIALS);
    assert_int_equal(sasl_server_respond(s, SLICE("x")), SASL_FAILURE);
    assert_int_equal(sasl_server_failure(s), SASL_MALFORMED_REQUEST);
    /* The store's answer comes after the failure. */
    assert_int_equal(sasl_server_credentials(s, &stored, false), SASL_FAILURE);
    assert_int_equal(sasl_server_failure(s), SASL_MALFORMED_REQUEST);
    sasl_server_free(&s);
    s = server_new(&sc, SLICE("PLAIN"), SLICE("\0alice\0pencil"), &step);
    assert_int_equal(sasl_server_credentials(s, &stored, false), SASL_WANT_DERIVE);
    sasl_server_derivation(s, &job);
    assert_int_equal(sasl_server_respond(s, SLICE("x")), SASL_FAILURE);
    sasl_derivation_run(&job);
    assert_int_equal(sasl_server_derived(s, &job), SASL_FAILURE);
    sasl_server_free(&s);
    /* After success. */
    s = server_new(&sc, SLICE("PLAIN"), SLICE("\0alice\0pencil"), &step);
    assert_int_equal(serve(s, step, &stored, false), SASL_SUCCESS);
    assert_int_equal(sasl_server_respond(s, SLICE("x")), SASL_FAILURE);
    assert_int_equal(sasl_server_credentials(s, &stored, false), SASL_FAILURE);
    sasl_server_free(&s);
}

static void A10_malformed_client_first(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    static const char *malformed[] = {
        "n",
        "n,",
        "n,,",
        "n,,n=alice",
        "n,,r=abc",
        "n,,n=alice,",
        "n,,n=alice,r=",
        "n,,n=,r=abc",
        "n,,r=abc,n=alice",
        ",,n=alice,r=abc",
        "x,,n=alice,r=abc",
        "nn,,n=alice,r=abc",
        "n,n=alice,r=abc",
        "n,a=,n=alice,r=abc",
        "n,b=x,n=alice,r=abc",
        "n,,m=x,n=alice,r=abc",
        "n,,n=alice,r=abc,m=x",
        "n,,n=alice,r=abc,",
        "n,,n=alice,r=abc,x",
        "n,,n=alice,r=abc,1=x",
        "n,,n=al=ice,r=abc",
        "n,,n=al=2cice,r=abc",
        "n,,n=alice=,r=abc",
        "n,,n=alice=2,r=abc",
        "n,,n=alice,r=a\tc",
        "n,,n=alice,r=a\u00e9c",
        "n,,n=al\xff,r=abc",
        "p=tls-exporter,,n=alice,r=abc",
        "n,,n=alice,r=abc,i=4096",
        "n,,n=alice,n=bob,r=abc",
    };
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
        assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-256"), slice_z(malformed[i])),
                         SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-256"), SLICE("n,,n=a\0b,r=abc")),
                     SASL_MALFORMED_REQUEST);
    /* A -PLUS mechanism with a client that does not bind. */
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-1-PLUS"), SLICE("n,,n=alice,r=abc")),
                     SASL_MALFORMED_REQUEST);
    char *big = malloc(65536);
    assert_non_null(big);
    memset(big, 'a', 65536);
    memcpy(big, "n,,n=alice,r=", 13);
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-256"), slice_of(big, 600)),
                     SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("SCRAM-SHA-256"), slice_of(big, 65536)),
                     SASL_MALFORMED_REQUEST);
    free(big);
}

static void scram_extensions_and_escapes_are_understood(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_server *s =
        server_new(&sc, SLICE("SCRAM-SHA-256"), SLICE("n,,n=a=2Cb=3Dc,r=abc,x=y,Z=1"), &step);
    assert_int_equal(step, SASL_WANT_CREDENTIALS);
    assert_true(slice_is(sasl_server_user(s), "a,b=c"));
    assert_int_equal(sasl_server_credentials(s, &stored, false), SASL_CHALLENGE);
    assert_true(slice_starts(sasl_server_output(s), SLICE("r=abc")));
    assert_in_range(slice_find(sasl_server_output(s), ',') - 5, 24, 64);
    sasl_server_free(&s);
    struct sasl_client_config cc = client_config();
    enum sasl_failure failure;
    cc.binding = (struct sasl_binding){0};
    cc.user = SLICE("a,b=c");
    cc.authzid = SLICE("a,b=c@example.com");
    assert_int_equal(exchange(&sc, &cc, SLICE("SCRAM-SHA-1"), &stored, false, &failure),
                     SASL_SUCCESS);
}

static void names_are_prepared_and_may_carry_the_host(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    const struct slice good[] = {
        SLICE("\0ALICE\0pencil"),
        SLICE("\0alice@example.com\0pencil"),
        SLICE("\0Alice@EXAMPLE.com\0pencil"),
        SLICE("\0\uff41lice\0pencil"),
        SLICE("alice@example.com\0alice@example.com\0pencil"),
        SLICE("ALICE@Example.Com\0alice\0pencil"),
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        enum sasl_step step;
        struct sasl_server *s = server_new(&sc, SLICE("PLAIN"), good[i], &step);
        assert_int_equal(serve(s, step, &stored, false), SASL_SUCCESS);
        assert_true(slice_is(sasl_server_user(s), "alice"));
        assert_int_equal(sasl_server_output(s).len, 0);
        sasl_server_free(&s);
    }
    const struct slice bad[] = {
        SLICE("\0alice@example.net\0pencil"),
        SLICE("\0alice@\0pencil"),
        SLICE("\0@example.com\0pencil"),
        SLICE("\0alice@example.com/r\0pencil"),
        SLICE("\0al ice\0pencil"),
        SLICE("\0\u265a\0pencil"),
        SLICE("\0alice/x\0pencil"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(failure_of(&sc, SLICE("PLAIN"), bad[i]), SASL_NOT_AUTHORIZED);
}

/* V39 and A05: other identities are refused, whatever the password. */
static void V39_authzid_is_ones_own_bare_address_or_refused(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    static const char *others[] = {
        "bob@example.com",
        "alice@example.net",
        "alice@example.com/phone",
        "example.com",
        "alice",
        "bob",
        "@example.com",
        "alice@",
        "alice@example.com/",
        "a b@example.com",
        "alice@example.com.evil",
        "\u265a@x",
        "alice@sub.example.com",
        "alice@@example.com",
        "alic\u0435@example.com",
    };
    size_t n;
    const struct slice *names = sasl_server_mechanisms(true, true, &n);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        for (size_t k = 0; k < n; k++) {
            struct sasl_client_config cc = client_config();
            enum sasl_failure failure;
            if (k >= 3)
                cc.binding = (struct sasl_binding){0};
            cc.authzid = slice_z(others[i]);
            assert_int_equal(exchange(&sc, &cc, names[k], &stored, false, &failure), SASL_FAILURE);
            assert_int_equal(failure, SASL_INVALID_AUTHZID);
            cc.password = SLICE("wrong");
            assert_int_equal(exchange(&sc, &cc, names[k], NULL, false, &failure), SASL_FAILURE);
            assert_int_equal(failure, SASL_INVALID_AUTHZID);
        }
    }
    const struct slice raw[] = {SLICE("\xff@example.com\0alice\0pencil"),
                                SLICE("bob\0alice\0pencil")};
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), raw[0]), SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), raw[1]), SASL_INVALID_AUTHZID);
}

static void V26_user_names_of_all_lengths(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    const size_t lengths[] = {0, 1, 1023, 1024, 3072, 65536};
    char *text = malloc(70000);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        size_t len = lengths[i];
        memset(text, 'b', 70000);
        text[0] = text[len + 1] = '\0';
        memcpy(text + len + 2, "wrong", 5);
        enum sasl_failure got = failure_of(&sc, SLICE("PLAIN"), slice_of(text, len + 7));
        assert_int_equal(got, len == 0 || len > JID_BYTES ? SASL_MALFORMED_REQUEST
                                                          : SASL_NOT_AUTHORIZED);
        memset(text, 'b', 70000);
        memcpy(text, "n,,n=", 5);
        memcpy(text + 5 + len, ",r=abc", 6);
        enum sasl_step step;
        struct sasl_server *s =
            server_new(&sc, SLICE("SCRAM-SHA-256"), slice_of(text, len + 11), &step);
        if (len == 1 || len == 1023) {
            assert_int_equal(step, SASL_WANT_CREDENTIALS);
            assert_int_equal(sasl_server_user(s).len, len);
        } else {
            assert_int_equal(step, SASL_FAILURE);
        }
        assert_int_equal(serve(s, step, NULL, false),
                         step == SASL_FAILURE ? SASL_FAILURE : SASL_CHALLENGE);
        sasl_server_free(&s);
    }
    free(text);
}

static void A21_passwords_that_cannot_be_prepared(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), SLICE("\0alice\0\u0378")),
                     SASL_NOT_AUTHORIZED);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), SLICE("\0alice\0pen\tcil")),
                     SASL_NOT_AUTHORIZED);
    /* The wrong order of directions is allowed in passwords; this one is just wrong. */
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), SLICE("\0alice\0\u05d0a")),
                     SASL_NOT_AUTHORIZED);
    static char big[4096 + 7];
    memset(big, 'p', sizeof(big));
    memcpy(big, "\0alice\0", 7);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), slice_of(big, sizeof(big))),
                     SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), slice_of(big, 7 + 1024)),
                     SASL_MALFORMED_REQUEST);
    assert_int_equal(failure_of(&sc, SLICE("PLAIN"), slice_of(big, 7 + 1023)), SASL_NOT_AUTHORIZED);
}

static void passwords_are_opaque_strings(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    struct sasl_credentials c;
    struct buf prepared = {0};
    uint8_t salts[SASL_HASHES][SASL_SALT_BYTES] = {{1}};
    assert_int_equal(jid_prepare_password(SLICE("K\u00f6nig\u00a0 "), &prepared), 0);
    assert_true(slice_eq(buf_slice(&prepared), SLICE("K\u00f6nig  ")));
    assert_int_equal(sasl_credentials_derive(buf_slice(&prepared), ITERATIONS,
                                             (const uint8_t(*)[SASL_SALT_BYTES])salts, &c),
                     0);
    struct sasl_client_config cc = client_config();
    enum sasl_failure failure;
    cc.password = SLICE("Ko\u0308nig \u3000");
    assert_int_equal(exchange(&sc, &cc, SLICE("SCRAM-SHA-256-PLUS"), &c, false, &failure),
                     SASL_SUCCESS);
    assert_int_equal(exchange(&sc, &cc, SLICE("PLAIN"), &c, false, &failure), SASL_SUCCESS);
    buf_free(&prepared);
}

static void A22_damaged_credentials(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    struct sasl_client_config cc = client_config();
    enum sasl_failure failure;
    for (int kind = 0; kind < 5; kind++) {
        struct sasl_credentials c = stored;
        for (int h = 0; h < SASL_HASHES; h++) {
            struct sasl_keys *k = &c.keys[h];
            if (kind == 0)
                k->iterations = 0;
            if (kind == 1)
                k->iterations = UINT32_MAX;
            if (kind == 2)
                k->iterations = 1;
            if (kind == 3)
                k->salt_len = 7;
            if (kind == 4)
                k->salt_len = 65;
        }
        assert_int_equal(exchange(&sc, &cc, SLICE("SCRAM-SHA-1-PLUS"), &c, false, &failure),
                         SASL_FAILURE);
        assert_int_equal(failure, SASL_TEMPORARY_AUTH_FAILURE);
        assert_int_equal(exchange(&sc, &cc, SLICE("PLAIN"), &c, false, &failure), SASL_FAILURE);
        assert_int_equal(failure, SASL_TEMPORARY_AUTH_FAILURE);
    }
}

static void plain_takes_whichever_hash_is_stored(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    struct sasl_client_config cc = client_config();
    enum sasl_failure failure;
    for (int only = 0; only < SASL_HASHES; only++) {
        struct sasl_credentials c = {0};
        c.keys[only] = stored.keys[only];
        assert_int_equal(exchange(&sc, &cc, SLICE("PLAIN"), &c, false, &failure), SASL_SUCCESS);
    }
}

static void A22_credentials_as_text(void **state)
{
    (void)state;
    struct buf text = {0};
    struct sasl_credentials back;
    assert_int_equal(sasl_credentials_encode(&stored, &text), 0);
    assert_int_equal(sasl_credentials_decode(buf_slice(&text), &back), 0);
    assert_memory_equal(&back, &stored, sizeof(back));
    /* Every cut and every changed byte: refused, or at least not the same keys. */
    struct slice whole = buf_slice(&text);
    for (size_t cut = 0; cut < whole.len; cut++) {
        int err = sasl_credentials_decode(slice_of(whole.ptr, cut), &back);
        if (err == 0) /* a hash less */
            assert_int_equal(back.keys[SASL_SHA512].iterations, 0);
        else
            assert_int_equal(err, ERR_CORRUPT);
    }
    for (size_t i = 0; i < whole.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
            if (sasl_credentials_decode(whole, &back) == 0)
                assert_memory_not_equal(&back, &stored, sizeof(back));
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
        }
    }
    buf_free(&text);
    static const char *wrong[] = {
        "",
        "scram1",
        "scram1 ",
        "scram2 sha1:4096:",
        "scram1 sha1",
        "scram1 sha1:4096",
        "scram1 md5:4096:AAAAAAAAAAA=:AAAA:AAAA",
        "scram1 sha1:0:AAAAAAAAAAA=:AAAA:AAAA",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(sasl_credentials_decode(slice_z(wrong[i]), &back), ERR_CORRUPT);
    /* Salts of other programs have other lengths. */
    struct sasl_credentials imported = {0};
    imported.keys[SASL_SHA1] = stored.keys[SASL_SHA1];
    imported.keys[SASL_SHA1].salt_len = 36;
    assert_int_equal(sasl_credentials_encode(&imported, &text), 0);
    assert_int_equal(sasl_credentials_decode(buf_slice(&text), &back), 0);
    assert_memory_equal(&back, &imported, sizeof(back));
    /* Short salt, no iterations, hashes out of order or twice. */
    buf_clear(&text);
    imported.keys[SASL_SHA1].salt_len = 7;
    assert_int_equal(sasl_credentials_encode(&imported, &text), 0);
    assert_int_equal(sasl_credentials_decode(buf_slice(&text), &back), ERR_CORRUPT);
    buf_clear(&text);
    imported.keys[SASL_SHA1].salt_len = 16;
    imported.keys[SASL_SHA1].iterations = 4095;
    assert_int_equal(sasl_credentials_encode(&imported, &text), 0);
    assert_int_equal(sasl_credentials_decode(buf_slice(&text), &back), ERR_CORRUPT);
    buf_free(&text);
}

/* The steps that a user's exchange takes, as text; the salt and the count of derivations with it.
 */
static int steps_of(struct slice mechanism, struct slice host, struct slice first,
                    struct slice final, const struct sasl_credentials *c, char *text,
                    struct buf *salt)
{
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    size_t n = 0;
    sc.host = host;
    derivations = 0;
    struct sasl_server *s = server_new(&sc, mechanism, first, &step);
    for (;;) {
        text[n++] = (char)('0' + step);
        if (step == SASL_WANT_CREDENTIALS) {
            step = sasl_server_credentials(s, c, false);
        } else if (step == SASL_WANT_DERIVE) {
            step = serve(s, step, c, false);
        } else if (step == SASL_CHALLENGE) {
            struct slice out = sasl_server_output(s);
            const char *at = memmem(out.ptr, out.len, ",s=", 3);
            buf_clear(salt);
            buf_append(salt, at, out.len - (size_t)(at - out.ptr));
            struct slice mine = replaced(final, "NONCE", "");
            struct buf whole = {0};
            buf_add(&whole, SLICE("c=biws,"));
            buf_append(&whole, out.ptr, (size_t)(at - out.ptr));
            buf_add(&whole, mine);
            step = sasl_server_respond(s, buf_slice(&whole));
            buf_free(&whole);
            free((void *)mine.ptr);
        } else {
            break;
        }
    }
    text[n++] = (char)('a' + sasl_server_failure(s));
    text[n] = '\0';
    sasl_server_free(&s);
    return derivations;
}

static void V43_unknown_users_take_the_same_steps(void **state)
{
    (void)state;
    static const struct slice final = {"NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                       sizeof("NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=") - 1};
    char known[16], unknown[16];
    struct buf salts[6] = {{0}};
    struct slice scram = SLICE("SCRAM-SHA-1"), host = SLICE("example.com");
    struct slice alice = SLICE("n,,n=alice,r=abc");
    steps_of(scram, host, alice, final, &stored, known, &salts[0]);
    steps_of(scram, host, alice, final, NULL, unknown, &salts[1]);
    assert_string_equal(known, unknown);
    assert_int_equal(buf_len(&salts[0]), buf_len(&salts[1]));
    /* Stable, whatever the nonce and the spelling; other for others. */
    steps_of(scram, host, SLICE("n,,n=ALICE,r=another"), final, NULL, unknown, &salts[2]);
    assert_true(slice_eq(buf_slice(&salts[1]), buf_slice(&salts[2])));
    steps_of(scram, host, SLICE("n,,n=bob,r=abc"), final, NULL, unknown, &salts[3]);
    assert_false(slice_eq(buf_slice(&salts[1]), buf_slice(&salts[3])));
    steps_of(scram, SLICE("example.net"), alice, final, NULL, unknown, &salts[4]);
    assert_false(slice_eq(buf_slice(&salts[1]), buf_slice(&salts[4])));
    int a = steps_of(SLICE("PLAIN"), host, SLICE("\0alice\0x"), final, &stored, known, &salts[5]);
    int b = steps_of(SLICE("PLAIN"), host, SLICE("\0alice\0x"), final, NULL, unknown, &salts[5]);
    assert_string_equal(known, unknown);
    assert_int_equal(a, 1);
    assert_int_equal(b, 1);
    for (size_t i = 0; i < 6; i++)
        buf_free(&salts[i]);
}

/* The made-up keys must not be a way in: the client that computes with the made-up salt. */
static void V43_no_password_opens_a_made_up_account(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_server *s = server_new(&sc, SLICE("PLAIN"), SLICE("\0nobody\0x"), &step);
    assert_int_equal(sasl_server_credentials(s, NULL, false), SASL_WANT_DERIVE);
    struct sasl_derivation job;
    sasl_server_derivation(s, &job);
    assert_int_equal(job.iterations, ITERATIONS);
    assert_int_equal(job.salt_len, SASL_SALT_BYTES);
    sasl_derivation_run(&job);
    assert_int_equal(job.password_len, 0);
    assert_int_equal(job.password[0], 0);
    assert_int_equal(sasl_server_derived(s, &job), SASL_FAILURE);
    sasl_server_free(&s);
}

static void a_failed_derivation_is_temporary(void **state)
{
    (void)state;
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_derivation job;
    struct sasl_server *s = server_new(&sc, SLICE("PLAIN"), SLICE("\0alice\0pencil"), &step);
    assert_int_equal(sasl_server_credentials(s, &stored, false), SASL_WANT_DERIVE);
    sasl_server_derivation(s, &job); /* never run */
    assert_int_equal(sasl_server_derived(s, &job), SASL_FAILURE);
    assert_int_equal(sasl_server_failure(s), SASL_TEMPORARY_AUTH_FAILURE);
    sasl_server_free(&s);
}

/* Drops an exchange after the given number of steps. */
static void abort_after(struct slice mechanism, struct slice first, int steps)
{
    struct sasl_server_config sc = server_config();
    enum sasl_step step;
    struct sasl_server *s = server_new(&sc, mechanism, first, &step);
    for (int i = 0; i < steps; i++) {
        if (step == SASL_WANT_CREDENTIALS)
            step = sasl_server_credentials(s, &stored, false);
        else if (step == SASL_CHALLENGE)
            step = sasl_server_respond(s, SLICE("c=biws,r=x,p=x"));
    }
    sasl_server_free(&s);
}

static void V44_aborting_at_each_step_leaks_nothing(void **state)
{
    (void)state;
    size_t before = 0;
    for (int round = 0; round < 500; round++) {
        if (round == 100)
            before = mallinfo2().uordblks;
        for (int steps = 0; steps < 4; steps++) {
            abort_after(SLICE("PLAIN"), SLICE("\0alice\0pencil"), steps);
            abort_after(SLICE("PLAIN"), SLICE("\0\u00e4lice\0\u00fc"), steps);
            abort_after(SLICE("PLAIN"), SLICE("x\0alice\0pencil"), steps);
            abort_after(SLICE("SCRAM-SHA-256"), SLICE("n,,n=alice,r=abc"), steps);
            abort_after(SLICE("SCRAM-SHA-256-PLUS"), SLICE("p=tls-exporter,,n=alice,r=abc"), steps);
            abort_after(SLICE("SCRAM-SHA-256"), SLICE_NONE, steps);
            abort_after(SLICE("NONE"), SLICE("x"), steps);
        }
    }
    /* The allocator's own caches move by less; one byte lost per exchange would be 179,200. */
    assert_in_range(mallinfo2().uordblks, 0, before + 8192);
}

static void V42_secrets_are_compared_by_one_function(void **state)
{
    (void)state;
    assert_true(secret_equal(SLICE("abc"), SLICE("abc")));
    assert_true(secret_equal(SLICE_NONE, SLICE("")));
    assert_false(secret_equal(SLICE("abc"), SLICE("abd")));
    assert_false(secret_equal(SLICE("abc"), SLICE("bbc")));
    assert_false(secret_equal(SLICE("abc"), SLICE("ab")));
    assert_false(secret_equal(SLICE("abc"), SLICE_NONE));
}

static void failures_have_the_names_of_rfc_6120(void **state)
{
    (void)state;
    assert_true(slice_is(sasl_failure_name(SASL_ABORTED), "aborted"));
    assert_true(slice_is(sasl_failure_name(SASL_NOT_AUTHORIZED), "not-authorized"));
    assert_true(slice_is(sasl_failure_name(SASL_TEMPORARY_AUTH_FAILURE), "temporary-auth-failure"));
    for (int f = SASL_ABORTED; f <= SASL_TEMPORARY_AUTH_FAILURE; f++)
        assert_true(sasl_failure_name((enum sasl_failure)f).len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sasl_every_mechanism_works_with_every_binding),
        cmocka_unit_test(sasl_empty_challenge_stands_for_a_missing_initial_response),
        cmocka_unit_test(scram_gives_the_published_examples),
        cmocka_unit_test(scram_sha512_agrees_with_another_implementation),
        cmocka_unit_test(scram_extensions_and_escapes_are_understood),
        cmocka_unit_test(names_are_prepared_and_may_carry_the_host),
        cmocka_unit_test(passwords_are_opaque_strings),
        cmocka_unit_test(plain_takes_whichever_hash_is_stored),
        cmocka_unit_test(a_failed_derivation_is_temporary),
        cmocka_unit_test(failures_have_the_names_of_rfc_6120),
        cmocka_unit_test(A01_unknown_and_not_offered_mechanisms),
        cmocka_unit_test(A04_malformed_plain),
        cmocka_unit_test(A06_wrong_password_unknown_user_disabled_user),
        cmocka_unit_test(A08_speaking_out_of_turn),
        cmocka_unit_test(A10_malformed_client_first),
        cmocka_unit_test(A21_passwords_that_cannot_be_prepared),
        cmocka_unit_test(A22_damaged_credentials),
        cmocka_unit_test(A22_credentials_as_text),
        cmocka_unit_test(V26_user_names_of_all_lengths),
        cmocka_unit_test(V39_authzid_is_ones_own_bare_address_or_refused),
        cmocka_unit_test(V42_secrets_are_compared_by_one_function),
        cmocka_unit_test(V43_unknown_users_take_the_same_steps),
        cmocka_unit_test(V43_no_password_opens_a_made_up_account),
        cmocka_unit_test(V44_aborting_at_each_step_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, derive_stored, NULL);
}

/* The steps of a client: the published examples, work in slices, keys of an earlier login, and
 * servers that mean no good. */
#include "xmpp/sasl_test.h"

#include <stdio.h>

#include "base/base64.h"
#include "xmpp/sasl_client_inside.h"

static struct sasl_client *unbound(const char *mechanism, const struct sasl_salted *cache)
{
    struct sasl_client_config cc = client_config();
    cc.binding = (struct sasl_binding){0};
    cc.cache = cache;
    return client_new(&cc, slice_z(mechanism));
}

/* A client that has sent its first message, and a server's first message that fits: the last
 * parts of it may be given by hand. */
static struct sasl_client *started(const char *mechanism, const struct sasl_salted *cache,
                                   const char *more, struct buf *first)
{
    struct sasl_client *c = unbound(mechanism, cache);
    assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
    assert_int_equal(buf_printf(first, "r=%.*sxyz,%s", (int)sizeof(c->nonce), c->nonce, more), 0);
    return c;
}

static void refused(const char *more, enum sasl_client_problem problem, const char *detail)
{
    struct buf first = {0};
    struct sasl_client *c = started("SCRAM-SHA-256", NULL, more, &first);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_REFUSED);
    if (sasl_client_problem(c) != problem)
        fail_msg("%s: %s", more, sasl_client_problem_text(sasl_client_problem(c)));
    assert_int_equal(sasl_client_output(c).len, 0);
    assert_true(strstr(sasl_client_detail(c), detail) != NULL);
    /* It stays so. */
    assert_int_equal(sasl_client_work(c, 1), SASL_CLIENT_REFUSED);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_REFUSED);
    assert_int_equal(sasl_client_success(c, SLICE("v=")), SASL_CLIENT_REFUSED);
    assert_int_equal(sasl_client_problem(c), problem);
    sasl_client_free(&c);
    buf_free(&first);
}

static void V46_iteration_counts_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *count;
        enum sasl_client_problem problem;
    } cases[] = {
        {"0", SASL_PROBLEM_ITERATIONS_LOW},
        {"1", SASL_PROBLEM_ITERATIONS_LOW},
        {"-1", SASL_PROBLEM_ITERATIONS_LOW},
        {"-4096", SASL_PROBLEM_ITERATIONS_LOW},
        {"4095", SASL_PROBLEM_ITERATIONS_LOW},
        {"1000001", SASL_PROBLEM_ITERATIONS_HIGH},
        {"4294967295", SASL_PROBLEM_ITERATIONS_HIGH},
        {"4294971392", SASL_PROBLEM_ITERATIONS_HIGH}, /* 4096 in 32 bits */
        {"18446744073709555712", SASL_PROBLEM_ITERATIONS_HIGH},
        {"99999999999999999999", SASL_PROBLEM_ITERATIONS_HIGH},
        {"999999999999999999999999999999", SASL_PROBLEM_ITERATIONS_HIGH},
        {"4096x", SASL_PROBLEM_MALFORMED},
        {"+4096", SASL_PROBLEM_MALFORMED},
        {" 4096", SASL_PROBLEM_MALFORMED},
        {"-", SASL_PROBLEM_MALFORMED},
        {"0x1000", SASL_PROBLEM_MALFORMED},
    };
    char more[128];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(more, sizeof(more), "s=AAAAAAAAAAA=,i=%s", cases[i].count);
        refused(more, cases[i].problem,
                cases[i].problem == SASL_PROBLEM_MALFORMED ? "iteration count is no number" : "");
    }
}

static void A10_malformed_first_messages_of_the_server(void **state)
{
    (void)state;
    refused("i=4096", SASL_PROBLEM_MALFORMED, "salt");
    refused("s=,i=4096", SASL_PROBLEM_MALFORMED, "salt");
    refused("s=AAA,i=4096", SASL_PROBLEM_MALFORMED, "base64");
    refused("s=AAAA", SASL_PROBLEM_MALFORMED, "iteration count");
    refused("s=AAAA,i=", SASL_PROBLEM_MALFORMED, "iteration count");
    refused("i=4096,s=AAAA", SASL_PROBLEM_MALFORMED, "salt");
    refused("s=AAAA,i=4096,m=x", SASL_PROBLEM_MALFORMED, "behind");
    refused("s=AAAA,i=4096,", SASL_PROBLEM_MALFORMED, "behind");
    refused("s=AAAA,i=4096,h", SASL_PROBLEM_MALFORMED, "behind");
    static const struct slice wholly[] = {SLICE_NONE,   SLICE(""),  SLICE("\0"),
                                          SLICE("m=x"), SLICE("r"), SLICE("\xff")};
    for (size_t i = 0; i < sizeof(wholly) / sizeof(*wholly); i++) {
        struct sasl_client *c = unbound("SCRAM-SHA-1", NULL);
        assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
        assert_int_equal(sasl_client_challenge(c, wholly[i]), SASL_CLIENT_REFUSED);
        assert_int_equal(sasl_client_problem(c), SASL_PROBLEM_MALFORMED);
        sasl_client_free(&c);
    }
}

static void A10_a_nonce_that_is_not_ours(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct sasl_client *c = unbound("SCRAM-SHA-1", NULL);
        struct buf first = {0};
        assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
        assert_int_equal(buf_printf(&first, "r=%.*s%s,s=AAAA,i=4096", (int)sizeof(c->nonce),
                                    c->nonce, way == 0 ? "" : "xyz"),
                         0);
        if (way == 1)
            first.ptr[2 + 25] ^= 1;
        if (way == 2)
            first.ptr[2] ^= 1;
        assert_int_equal(sasl_client_challenge(c, buf_slice(&first)),
                         way == 3 ? SASL_CLIENT_WORK : SASL_CLIENT_REFUSED);
        assert_int_equal(sasl_client_problem(c), way == 3 ? 0 : SASL_PROBLEM_NONCE);
        sasl_client_free(&c);
        buf_free(&first);
    }
}

static void V46_work_comes_in_slices(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    static const uint32_t slices[] = {1000, 4094, 4095, 4096, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < sizeof(slices) / sizeof(*slices); k++) {
            struct buf first = {0};
            unsigned calls = 0;
            struct sasl_client *c =
                started(mechanisms[i], NULL, "s=BwcHBwcHBwcHBwcHBwcHBw==,i=4096", &first);
            enum sasl_client_step step = sasl_client_challenge(c, buf_slice(&first));
            assert_int_equal(c->kdf.left, 4095);
            while (step == SASL_CLIENT_WORK) {
                uint32_t before = c->kdf.left;
                assert_int_equal(sasl_client_output(c).len, 0);
                step = sasl_client_work(c, slices[k]);
                assert_true(before - c->kdf.left <= slices[k]);
                calls++;
            }
            assert_int_equal(step, SASL_CLIENT_SEND);
            assert_int_equal(calls, (4095 - 1) / slices[k] + 1);
            assert_true(slice_starts(sasl_client_output(c), SLICE("c=biws,r=")));
            assert_int_equal(buf_len(&c->password), 0);
            assert_null(c->kdf.inner);
            sasl_client_free(&c);
            buf_free(&first);
        }
    }
    /* The largest count is taken, and given up halfway without a trace. */
    struct buf first = {0};
    struct sasl_client *c = started("SCRAM-SHA-1", NULL, "s=AAAA,i=1000000", &first);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_WORK);
    assert_int_equal(sasl_client_work(c, 10), SASL_CLIENT_WORK);
    assert_int_equal(c->kdf.left, 999989);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_REFUSED);
    assert_int_equal(sasl_client_work(c, 10), SASL_CLIENT_REFUSED);
    assert_int_equal(sasl_client_problem(c), SASL_PROBLEM_MALFORMED);
    sasl_client_free(&c);
    buf_free(&first);
}

/* The examples of RFC 5802 section 5 and RFC 7677 section 3: the client's nonce is put in by hand,
 * as far as ours is long. */
static void the_published_examples(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *nonce, *first, *answer, *last;
    } cases[] = {
        {"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL",
         "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
         "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
         "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
        {"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO",
         "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
         "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
         "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    };
    for (size_t i = 0; i < 2; i++) {
        struct sasl_client *c = unbound(cases[i].mechanism, NULL);
        struct buf out = {0};
        assert_int_equal(test_sasl_start(c, &out), 0);
        memcpy(c->nonce, cases[i].first + 2, sizeof(c->nonce));
        buf_clear(&c->auth);
        assert_int_equal(buf_printf(&c->auth, "n=user,r=%s,", cases[i].nonce), 0);
        assert_int_equal(test_sasl_challenge(c, slice_z(cases[i].first), &out), 0);
        assert_true(slice_eq(buf_slice(&out), slice_z(cases[i].answer)));
        assert_int_equal(sasl_client_success(c, slice_z(cases[i].last)), SASL_CLIENT_DONE);
        sasl_client_free(&c);
        buf_free(&out);
    }
}

/* One login against our server; calls of sasl_client_work. The salted password is left in *keep. */
static unsigned log_in(struct slice mechanism, const struct sasl_salted *cache,
                       struct sasl_salted *keep, bool *good)
{
    struct sasl_server_config sc = server_config();
    struct sasl_client_config cc = client_config();
    unsigned calls = 0;
    enum sasl_step server_step;
    cc.cache = cache;
    cc.plain_allowed = true;
    if (mechanism.ptr[mechanism.len - 1] != 'S')
        cc.binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(&cc, mechanism);
    assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
    struct sasl_server *s = server_new(&sc, mechanism, sasl_client_output(c), &server_step);
    server_step = serve(s, server_step, &stored, false);
    while (server_step == SASL_CHALLENGE) {
        enum sasl_client_step step = sasl_client_challenge(c, sasl_server_output(s));
        for (; step == SASL_CLIENT_WORK; calls++)
            step = sasl_client_work(c, UINT32_MAX);
        assert_int_equal(step, SASL_CLIENT_SEND);
        assert_false(sasl_client_salted(c, keep)); /* nothing is proven yet */
        server_step = serve(s, sasl_server_respond(s, sasl_client_output(c)), &stored, false);
    }
    *good = server_step == SASL_SUCCESS &&
            sasl_client_success(c, sasl_server_output(s)) == SASL_CLIENT_DONE;
    assert_int_equal(sasl_client_sent_password(c), slice_is(mechanism, "PLAIN"));
    if (*good)
        assert_int_equal(sasl_client_salted(c, keep), !slice_is(mechanism, "PLAIN"));
    sasl_client_free(&c);
    sasl_server_free(&s);
    return calls;
}

static void the_salted_password_spares_the_work(void **state)
{
    (void)state;
    size_t n;
    const struct slice *names = sasl_server_mechanisms(true, true, &n);
    for (size_t i = 0; i < n; i++) {
        struct sasl_salted keep, again;
        bool good, plain = slice_is(names[i], "PLAIN");
        assert_int_equal(log_in(names[i], NULL, &keep, &good), plain ? 0 : 1);
        assert_true(good);
        if (plain)
            continue;
        assert_int_equal(keep.iterations, ITERATIONS);
        assert_int_equal(log_in(names[i], &keep, &again, &good), 0);
        assert_true(good);
        assert_memory_equal(&keep, &again, sizeof(keep));
        /* Of another salt, count or hash: not used. */
        for (int way = 0; way < 4; way++) {
            struct sasl_salted other = keep;
            if (way == 0)
                other.salt[SASL_SALT_BYTES - 1] ^= 1;
            if (way == 1)
                other.salt_len--;
            if (way == 2)
                other.iterations++;
            if (way == 3)
                other.hash = other.hash == SASL_SHA1 ? SASL_SHA256 : SASL_SHA1;
            assert_int_equal(log_in(names[i], &other, &again, &good), 1);
            assert_true(good);
            assert_memory_equal(&keep, &again, sizeof(keep));
        }
        /* Of another password: the server says no. */
        keep.salted[0] ^= 1;
        log_in(names[i], &keep, &again, &good);
        assert_false(good);
    }
}

static void salts_too_long_to_keep_are_used_all_the_same(void **state)
{
    (void)state;
    struct buf more = {0}, first = {0};
    struct sasl_salted keep;
    char salt[200];
    memset(salt, 'x', sizeof(salt));
    assert_int_equal(buf_lit(&more, "s="), 0);
    assert_int_equal(base64_append(&more, slice_of(salt, sizeof(salt))), 0);
    assert_int_equal(buf_append(&more, ",i=4096", 8), 0);
    struct sasl_client *c = started("SCRAM-SHA-1", NULL, more.ptr, &first);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_WORK);
    assert_int_equal(sasl_client_work(c, UINT32_MAX), SASL_CLIENT_SEND);
    uint8_t want[SASL_KEY_BYTES];
    assert_int_equal(sasl_salted_password(SASL_SHA1, SLICE("pencil"), (const uint8_t *)salt,
                                          sizeof(salt), 4096, want),
                     0);
    assert_memory_equal(c->salted.salted, want, 20);
    c->state = SASL_CLIENT_OVER;
    assert_false(sasl_client_salted(c, &keep));
    sasl_client_free(&c);
    buf_free(&first);
    buf_free(&more);
}

static struct sasl_client *at_the_end(void)
{
    struct buf first = {0};
    struct sasl_client *c =
        started("SCRAM-SHA-1", NULL, "s=BwcHBwcHBwcHBwcHBwcHBw==,i=4096", &first);
    assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_WORK);
    assert_int_equal(sasl_client_work(c, UINT32_MAX), SASL_CLIENT_SEND);
    buf_free(&first);
    return c;
}

static void A12_a_success_is_believed_only_with_the_signature(void **state)
{
    (void)state;
    static const struct {
        struct slice data;
        enum sasl_client_problem problem;
        const char *detail;
    } cases[] = {
        {SLICE_NONE, SASL_PROBLEM_UNPROVEN, ""},
        {SLICE(""), SASL_PROBLEM_UNPROVEN, ""},
        {SLICE("x=y"), SASL_PROBLEM_UNPROVEN, ""},
        {SLICE("v="), SASL_PROBLEM_SIGNATURE, ""},
        {SLICE("v=AAAA"), SASL_PROBLEM_SIGNATURE, ""},
        {SLICE("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), SASL_PROBLEM_SIGNATURE, ""},
        {SLICE("e=invalid-proof"), SASL_PROBLEM_SERVER_ERROR, "invalid-proof"},
        {SLICE("e=other-error,x=y"), SASL_PROBLEM_SERVER_ERROR, "other-error"},
        {SLICE("e=\x1b[2J"), SASL_PROBLEM_SERVER_ERROR, ""},
        {SLICE("e="), SASL_PROBLEM_SERVER_ERROR, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (int way = 0; way < 2; way++) {
            struct sasl_client *c = at_the_end();
            enum sasl_client_step step = way == 0 ? sasl_client_success(c, cases[i].data)
                                                  : sasl_client_challenge(c, cases[i].data);
            assert_int_equal(step, SASL_CLIENT_REFUSED);
            assert_int_equal(sasl_client_problem(c), cases[i].problem);
            assert_string_equal(sasl_client_detail(c), cases[i].detail);
            sasl_client_free(&c);
        }
    }
    /* Before the exchange is there at all. */
    for (int way = 0; way < 3; way++) {
        struct buf first = {0};
        struct sasl_client *c = started("SCRAM-SHA-1", NULL, "s=AAAA,i=4096", &first);
        if (way > 0)
            assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_WORK);
        if (way > 1)
            assert_int_equal(sasl_client_work(c, 1), SASL_CLIENT_WORK);
        assert_int_equal(sasl_client_success(c, SLICE_NONE), SASL_CLIENT_REFUSED);
        assert_int_equal(sasl_client_problem(c), SASL_PROBLEM_UNPROVEN);
        sasl_client_free(&c);
        buf_free(&first);
    }
}

static void external_shows_whom_it_wants_to_be(void **state)
{
    (void)state;
    struct sasl_client_config cc = client_config();
    cc.external = true;
    for (int way = 0; way < 4; way++) {
        cc.authzid = way == 0 ? SLICE_NONE : SLICE("alice@example.com");
        struct sasl_client *c = client_new(&cc, SLICE("EXTERNAL"));
        assert_int_equal(sasl_client_start(c), SASL_CLIENT_SEND);
        assert_true(slice_eq(sasl_client_output(c), cc.authzid));
        if (way < 2) {
            assert_int_equal(sasl_client_success(c, SLICE_NONE), SASL_CLIENT_DONE);
            assert_int_equal(sasl_client_success(c, SLICE_NONE), SASL_CLIENT_REFUSED);
        } else {
            assert_int_equal(way == 2 ? sasl_client_challenge(c, SLICE(""))
                                      : sasl_client_success(c, SLICE("x")),
                             SASL_CLIENT_REFUSED);
            assert_int_equal(sasl_client_problem(c), SASL_PROBLEM_MALFORMED);
        }
        assert_false(sasl_client_sent_password(c));
        sasl_client_free(&c);
    }
}

/* V44 on our side: given up at each step. */
static void a_client_that_is_given_up_leaks_nothing(void **state)
{
    (void)state;
    struct sasl_client *c = NULL;
    sasl_client_free(&c);
    for (int way = 0; way < 4; way++) {
        struct buf first = {0};
        if (way == 0)
            c = unbound("SCRAM-SHA-256", NULL);
        else
            c = started("SCRAM-SHA-256", NULL, "s=AAAA,i=4096", &first);
        if (way > 1)
            assert_int_equal(sasl_client_challenge(c, buf_slice(&first)), SASL_CLIENT_WORK);
        if (way > 2)
            assert_int_equal(sasl_client_work(c, 5), SASL_CLIENT_WORK);
        sasl_client_free(&c);
        assert_null(c);
        buf_free(&first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples),
        cmocka_unit_test(the_salted_password_spares_the_work),
        cmocka_unit_test(salts_too_long_to_keep_are_used_all_the_same),
        cmocka_unit_test(external_shows_whom_it_wants_to_be),
        cmocka_unit_test(a_client_that_is_given_up_leaks_nothing),
        cmocka_unit_test(A10_malformed_first_messages_of_the_server),
        cmocka_unit_test(A10_a_nonce_that_is_not_ours),
        cmocka_unit_test(A12_a_success_is_believed_only_with_the_signature),
        cmocka_unit_test(V46_iteration_counts_are_judged),
        cmocka_unit_test(V46_work_comes_in_slices),
    };
    return cmocka_run_group_tests(tests, derive_stored, NULL);
}

/* A client without memory: every allocation of a login fails once, ours (the linker puts the
 * functions below before malloc) and OpenSSL's. The client says so; it neither crashes nor leaks,
 * nor does it end the process, nor is it convinced of anything. */
#include "xmpp/sasl_test.h"

#include <openssl/crypto.h>

#include "xmpp/sasl_client.h"
#include "xmpp/sasl_digest_md5.h"

static size_t calls, fail_at; /* the fail_at-th call fails; 0: none */
static bool ours, theirs;     /* who is counted */

static bool fails(bool counted)
{
    return counted && ++calls == fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails(ours) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(ours) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails(ours) ? NULL : __real_realloc(ptr, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size == 0 || fails(theirs) ? NULL : __real_malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fails(theirs) ? NULL : __real_realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

static const char *const mechanisms[] = {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "DIGEST-MD5", "PLAIN",
                                         "EXTERNAL"};

/* What the server says; written beforehand, so that all that fails is the client's. */
struct script {
    struct slice mechanism;
    struct buf challenge;
    struct buf answer; /* of the client, when nothing fails */
};

/* The same nonces each time: the answers of a server, recorded from a login that works. */
static void record(struct script *sp, const char *mechanism, struct sasl_client_config *cc)
{
    struct buf out = {0};
    *sp = (struct script){.mechanism = slice_z(mechanism)};
    *cc = client_config();
    cc->host = SLICE("example.com");
    cc->user = SLICE("Al\u00efce");
    cc->authzid = SLICE("a,b");
    cc->digest_md5_allowed = cc->external = true;
    cc->offer = SLICE("x");
    if (strstr(mechanism, "-PLUS") == NULL)
        cc->binding = (struct sasl_binding){0};
    struct sasl_client *c = client_new(cc, sp->mechanism);
    assert_int_equal(test_sasl_start(c, &out), 0);
    if (strstr(mechanism, "SCRAM") != NULL) {
        /* Our server refuses the authzid, so its part is played by hand. */
        const char *nonce = memmem(out.ptr, buf_len(&out), ",r=", 3);
        assert_non_null(nonce);
        assert_int_equal(
            buf_printf(&sp->challenge, "r=%.26sxyz,s=BwcHBwcHBwcHBwcHBwcHBw==,i=4096", nonce + 3),
            0);
    } else if (strstr(mechanism, "MD5") != NULL) {
        assert_int_equal(buf_lit(&sp->challenge, "nonce=abc,charset=utf-8,algorithm=md5-sess"), 0);
    }
    sasl_client_free(&c);
    buf_free(&out);
}

/* What the client says last is always the same: OpenSSL gets over some failures, and then the
 * numbers must be right. */
static void compare(struct script *sp, struct slice answer)
{
    bool counted_ours = ours, counted_theirs = theirs;
    ours = theirs = false;
    if (sp->answer.ptr == NULL)
        assert_int_equal(buf_add(&sp->answer, answer), 0);
    assert_true(slice_eq(buf_slice(&sp->answer), answer));
    ours = counted_ours, theirs = counted_theirs;
}

/* Runs until something is refused; the problem, with NONE for nothing. */
static enum sasl_client_problem attempt(struct script *sp, const struct sasl_client_config *cc)
{
    uint64_t seed = 4711;
    struct rng rng = seeded(&seed);
    enum sasl_client_problem problem;
    struct sasl_client *c = sasl_client_new(cc, &sp->mechanism, 1, NULL, 0, false, &rng, &problem);
    if (c == NULL)
        return problem;
    enum sasl_client_step step = sasl_client_start(c);
    if (step == SASL_CLIENT_SEND && buf_len(&sp->challenge) > 0) {
        step = sasl_client_challenge(c, buf_slice(&sp->challenge));
        while (step == SASL_CLIENT_WORK)
            step = sasl_client_work(c, 1000);
        if (step == SASL_CLIENT_SEND) { /* a wrong proof, for the memory that judging takes */
            compare(sp, sasl_client_output(c));
            step = sasl_client_success(c, SLICE("rspauth=x"));
        }
        assert_int_equal(step, SASL_CLIENT_REFUSED);
    }
    problem = sasl_client_problem(c);
    assert_int_equal(step == SASL_CLIENT_REFUSED, problem != SASL_PROBLEM_NONE);
    if (step == SASL_CLIENT_REFUSED)
        assert_int_equal(sasl_client_output(c).len, 0);
    sasl_client_free(&c);
    return problem;
}

/* Every allocation up to the first few hundred, then some of the thousands. */
static void fail_each(bool *who, size_t least)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++) {
        struct script sp;
        struct sasl_client_config cc;
        record(&sp, mechanisms[i], &cc);
        enum sasl_client_problem usual = attempt(&sp, &cc), problem;
        assert_true(usual == SASL_PROBLEM_NONE || usual == SASL_PROBLEM_UNPROVEN ||
                    usual == SASL_PROBLEM_SIGNATURE);
        *who = true, calls = fail_at = 0;
        assert_int_equal(attempt(&sp, &cc), usual);
        size_t all = calls;
        for (size_t at = 1; at <= all; at += at < 300 ? 1 : 977) {
            calls = 0, fail_at = at;
            problem = attempt(&sp, &cc);
            assert_true(calls >= at);
            bool survived = who == &theirs && problem == usual;
            if (problem != SASL_PROBLEM_MEMORY && problem != SASL_PROBLEM_CRYPTO && !survived)
                fail_msg("%s, allocation %zu: %s", mechanisms[i], at,
                         sasl_client_problem_text(problem));
        }
        *who = false, fail_at = 0;
        if (i < 3)
            assert_true(all >= least);
        assert_int_equal(attempt(&sp, &cc), usual);
        buf_free(&sp.challenge);
        buf_free(&sp.answer);
    }
}

static void our_allocations_fail_one_by_one(void **state)
{
    (void)state;
    fail_each(&ours, 6);
}

static void those_of_openssl_fail_one_by_one(void **state)
{
    (void)state;
    fail_each(&theirs, 3);
}

static void texts_fail_too(void **state)
{
    (void)state;
    const struct slice names[] = {SLICE("PLAIN"), SLICE("X")};
    for (fail_at = 1;; fail_at++) {
        struct buf out = {0};
        calls = 0, ours = true;
        int err = sasl_offer_text(names, 2, names, 1, &out);
        if (err == 0)
            err = sasl_client_offered_text(names, 2, &out);
        ours = false;
        buf_free(&out);
        assert_int_equal(err, calls >= fail_at ? ERR_MEMORY : 0);
        if (err == 0)
            break;
    }
    assert_int_equal(fail_at, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_allocations_fail_one_by_one),
        cmocka_unit_test(those_of_openssl_fail_one_by_one),
        cmocka_unit_test(texts_fail_too),
    };
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

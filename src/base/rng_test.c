/* Tests of rng.c: tokens (row V48), the pool, and processes that fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/test_support.h"

static void from_kernel(void *ctx, void *out, size_t n)
{
    (void)ctx;
    assert_int_equal(getrandom(out, n, 0), (ssize_t)n);
}

struct counter {
    unsigned char next;
    size_t drawn;
};

static void from_counter(void *ctx, void *out, size_t n)
{
    struct counter *c = ctx;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = c->next++;
    c->drawn += n;
}

static void V48_a_hundred_thousand_tokens_are_in_the_alphabet_unbiased_and_unique(void **state)
{
    (void)state;
    enum { TOKENS = 100000, LEN = 26 };
    static struct {
        struct hnode node;
        char text[LEN];
    } tokens[TOKENS];
    struct rng r = {.fill = from_kernel};
    struct hmap seen = {0};
    const struct hash_key key = {1, 2};
    size_t counts[256] = {0};
    for (size_t i = 0; i < TOKENS; i++) {
        rng_token(&r, tokens[i].text, LEN);
        struct slice token = slice_of(tokens[i].text, LEN);
        for (size_t k = 0; k < LEN; k++)
            counts[(unsigned char)token.ptr[k]]++;
        uint64_t hash = hash_bytes(&key, token);
        assert_null(hmap_first(&seen, hash));
        hmap_insert(&seen, &tokens[i].node, hash);
    }
    hmap_free(&seen);
    /* 31 degrees of freedom: a fair source passes 100 all but once in 10^9 runs. */
    double expected = (double)TOKENS * LEN / 32, chi = 0;
    size_t total = 0;
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (size_t i = 0; i < 32; i++) {
        double off = (double)counts[(unsigned char)alphabet[i]] - expected;
        chi += off * off / expected;
        total += counts[(unsigned char)alphabet[i]];
    }
    assert_int_equal(total, (size_t)TOKENS * LEN); /* and no other character */
    assert_true(chi < 100);
}

static void V48_a_forked_child_draws_another_stream(void **state)
{
    (void)state;
    static struct rng r = {.fill = from_kernel};
    char before[26], here[26], there[26] = {0};
    rng_token(&r, before, sizeof(before)); /* so that there is a pool to inherit */
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        rng_forget(&r);
        rng_token(&r, there, sizeof(there));
        _exit(write(fds[1], there, sizeof(there)) != (ssize_t)sizeof(there));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(fds[0], there, sizeof(there)), sizeof(there));
    close(fds[0]);
    close(fds[1]);
    rng_token(&r, here, sizeof(here));
    assert_memory_not_equal(here, there, sizeof(here));
}

static void forgetting_leaves_nothing_in_the_pool(void **state)
{
    (void)state;
    struct rng r = {.fill = from_kernel};
    rng_u64(&r);
    assert_int_not_equal(r.left, 0);
    rng_forget(&r);
    assert_int_equal(r.left, 0);
    for (size_t i = 0; i < sizeof(r.pool); i++)
        assert_int_equal(r.pool[i], 0);
}

static void no_byte_of_the_source_is_handed_out_twice(void **state)
{
    (void)state;
    struct counter c = {0};
    struct rng r = {.fill = from_counter, .ctx = &c};
    unsigned char out[600];
    rng_bytes(&r, out, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(out[i], i);
    rng_bytes(&r, out, 412);
    for (unsigned i = 0; i < 412; i++)
        assert_int_equal(out[i], (100 + i) & 0xff);
    assert_int_equal(c.drawn, 512);
    rng_bytes(&r, out, 600); /* more than the pool: straight from the source */
    assert_int_equal(c.drawn, 512 + 600);
    rng_bytes(&r, out, 0);
    assert_int_equal(c.drawn, 512 + 600);
}

static void used_bytes_are_wiped_from_the_pool(void **state)
{
    (void)state;
    struct counter c = {.next = 1};
    struct rng r = {.fill = from_counter, .ctx = &c};
    unsigned char out[200];
    rng_bytes(&r, out, sizeof(out));
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(r.pool[i], 0);
    assert_int_not_equal(r.pool[sizeof(out)], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(V48_a_hundred_thousand_tokens_are_in_the_alphabet_unbiased_and_unique),
        cmocka_unit_test(V48_a_forked_child_draws_another_stream),
        cmocka_unit_test(forgetting_leaves_nothing_in_the_pool),
        cmocka_unit_test(no_byte_of_the_source_is_handed_out_twice),
        cmocka_unit_test(used_bytes_are_wiped_from_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

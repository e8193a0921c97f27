/* SRV records in one order, and places as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/find.h"

static struct find f, g;

static void fill_random(void *ctx, void *out, size_t n)
{
    uint64_t *seed = ctx;
    unsigned char *bytes = out;
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(*seed >> 56);
    }
}

static enum find_answer add(struct find *to, bool direct, size_t n, const struct burble_srv *srv)
{
    return find_add(to, &(struct burble_input){.kind = BURBLE_IN_SRV, .srv = srv, .count = n},
                    direct);
}

static const char *host(const struct find *of, size_t i)
{
    return of->records[i].target.host;
}

static void both_services_are_one_list(void **state)
{
    uint64_t seed = 1;
    struct rng rng = {.fill = fill_random, .ctx = &seed};
    (void)state;
    f.count = 0;
    assert_int_equal(
        add(&f, false, 2, (struct burble_srv[]){{20, 0, 5222, "c"}, {5, 1, 5222, "a"}}),
        FIND_RECORDS);
    assert_int_equal(add(&f, true, 2, (struct burble_srv[]){{10, 9, 443, "b"}, {30, 0, 5223, "d"}}),
                     FIND_RECORDS);
    find_order(&f, &rng);
    assert_int_equal(f.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(host(&f, i), ((const char *[]){"a", "b", "c", "d"})[i]);
        assert_int_equal(f.records[i].target.direct_tls, i % 2 == 1);
    }
    assert_int_equal(f.records[1].target.port, 443);
}

/* RFC 2782: inside of a priority the first one is drawn in proportion to the weights. */
static void the_chance_is_the_weight(void **state)
{
    enum { ROUNDS = 20000 };
    uint64_t seed = 7;
    struct rng rng = {.fill = fill_random, .ctx = &seed};
    unsigned first[3] = {0}, last[3] = {0};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        f.count = 0;
        add(&f, false, 3, (struct burble_srv[]){{1, 60, 1, "a"}, {1, 30, 2, "b"}, {1, 10, 3, "c"}});
        find_order(&f, &rng);
        assert_int_equal(f.count, 3);
        first[host(&f, 0)[0] - 'a']++;
        last[host(&f, 2)[0] - 'a']++;
    }
    /* 60 %, 30 %, 10 % within one in a hundred. */
    assert_in_range(first[0], ROUNDS * 59 / 100, ROUNDS * 61 / 100);
    assert_in_range(first[1], ROUNDS * 29 / 100, ROUNDS * 31 / 100);
    assert_in_range(first[2], ROUNDS * 9 / 100, ROUNDS * 11 / 100);
    /* c is last unless it was drawn before: 0.6*(30/40) + 0.3*(60/70) = 0.707. */
    assert_in_range(last[2], ROUNDS * 69 / 100, ROUNDS * 72 / 100);
}

static void without_weight_there_is_a_small_chance_or_the_same_for_all(void **state)
{
    enum { ROUNDS = 10000 };
    uint64_t seed = 3;
    struct rng rng = {.fill = fill_random, .ctx = &seed};
    unsigned zero = 0, equal[2] = {0};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        f.count = g.count = 0;
        add(&f, false, 2, (struct burble_srv[]){{1, 99, 1, "a"}, {1, 0, 2, "z"}});
        find_order(&f, &rng);
        zero += host(&f, 0)[0] == 'z';
        add(&g, false, 2, (struct burble_srv[]){{1, 0, 1, "a"}, {1, 0, 2, "b"}});
        find_order(&g, &rng);
        equal[host(&g, 0)[0] - 'a']++;
    }
    assert_in_range(zero, 1, ROUNDS * 2 / 100);
    assert_in_range(equal[0], ROUNDS * 48 / 100, ROUNDS * 52 / 100);
}

static void an_answer_says_yes_no_never_or_nothing(void **state)
{
    (void)state;
    f.count = 0;
    assert_int_equal(find_add(&f, &(struct burble_input){.failure = "x", .no_name = true}, false),
                     FIND_ABSENT);
    assert_int_equal(find_add(&f, &(struct burble_input){.failure = "x"}, false), FIND_FAILED);
    assert_int_equal(find_add(&f, &(struct burble_input){.no_name = true}, false), FIND_ABSENT);
    assert_int_equal(add(&f, false, 1, (struct burble_srv[]){{0, 0, 0, ""}}), FIND_DENIED);
    assert_int_equal(add(&f, false, 1, (struct burble_srv[]){{0, 0, 1, "."}}), FIND_DENIED);
    assert_int_equal(f.count, 0);
    /* "." beside others means nothing. */
    assert_int_equal(add(&f, false, 2, (struct burble_srv[]){{0, 0, 0, ""}, {0, 0, 1, "a"}}),
                     FIND_RECORDS);
    assert_int_equal(f.count, 1);
}

static void V85_what_is_no_target_is_left_out(void **state)
{
    char label[80], name[400];
    memset(label, 'a', 64);
    label[64] = '\0';
    memset(name, 'a', 300);
    name[300] = '\0';
    for (size_t i = 50; i < 300; i += 50)
        name[i] = '.';
    const struct burble_srv bad[] = {
        {1, 1, 0, "a"},   {1, 1, 1, "a b"},   {1, 1, 1, "a..b"},    {1, 1, 1, ".a"},
        {1, 1, 1, label}, {1, 1, 1, name},    {1, 1, 1, "a\nb"},    {1, 1, 1, "a/b"},
        {1, 1, 1, "[a"},  {1, 1, 1, "a:b"},   {1, 1, 1, "\xff"},    {1, 1, 1, "a@b"},
        {1, 1, 1, "[]"},  {1, 1, 1, "[::g]"}, {1, 1, 1, "\x1b[2J"},
    };
    (void)state;
    f.count = 0;
    assert_int_equal(add(&f, false, sizeof(bad) / sizeof(bad[0]), bad), FIND_FAILED);
    assert_int_equal(f.count, 0);
}

static void V85_of_many_records_the_first_priorities_stay(void **state)
{
    static struct burble_srv many[1000];
    static char names[1000][8];
    (void)state;
    f.count = 0;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "h%u", i);
        many[i] = (struct burble_srv){(uint16_t)(1000 - i), 1, 5222, names[i]};
    }
    assert_int_equal(add(&f, false, 1000, many), FIND_RECORDS);
    assert_int_equal(f.count, FIND_TARGETS);
    for (size_t i = 0; i < FIND_TARGETS; i++)
        assert_int_equal(f.records[i].priority, i + 1);
    /* The same again is no more. */
    assert_int_equal(add(&f, false, 1000, many), FIND_RECORDS);
    assert_int_equal(f.count, FIND_TARGETS);
    assert_int_equal(f.records[1].priority, 2);
}

static void places_are_read(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } GOOD[] = {
        {"example.org", "example.org", 7},
        {"Example.ORG.", "example.org", 7},
        {" example.org:5269\n", "example.org", 5269},
        {"192.0.2.1", "192.0.2.1", 7},
        {"192.0.2.1:1", "192.0.2.1", 1},
        {"[2001:41D0:1:A49b::1]:9222", "2001:41d0:1:a49b::1", 9222},
        {"[::1]", "::1", 7},
        {"2001:db8::1", "2001:db8::1", 7},
        {"b\xc3\xbc"
         "cher.example:65535",
         "xn--bcher-kva.example", 65535},
    };
    static const char *const BAD[] = {
        "",
        ":5222",
        "a:",
        "a:0",
        "a:65536",
        "a:99999999999999999999",
        "a:1:2",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[]:1",
        "a b",
        "a:-1",
        "a:5222x",
        "[a]:1",
        "user@a",
        "http://a/",
        "a%b",
        "-\xff-",
        "[1.2.3.4]:1",
        "\xe2\x80\xae"
        "a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        struct find_target t = {.port = 7};
        assert_true(find_place(slice_z(GOOD[i].text), &t));
        assert_string_equal(t.host, GOOD[i].host);
        assert_int_equal(t.port, GOOD[i].port);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct find_target t = {.port = 7};
        if (find_place(slice_z(BAD[i]), &t))
            fail_msg("taken: \"%s\" as %s:%u", BAD[i], t.host, t.port);
    }
}

static void addresses_are_told_from_names(void **state)
{
    (void)state;
    assert_true(find_is_address("192.0.2.1"));
    assert_true(find_is_address("::1"));
    assert_false(find_is_address("1.2.3"));
    assert_false(find_is_address("a.b.c.d"));
    assert_false(find_is_address("localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_services_are_one_list),
        cmocka_unit_test(the_chance_is_the_weight),
        cmocka_unit_test(without_weight_there_is_a_small_chance_or_the_same_for_all),
        cmocka_unit_test(an_answer_says_yes_no_never_or_nothing),
        cmocka_unit_test(V85_what_is_no_target_is_left_out),
        cmocka_unit_test(V85_of_many_records_the_first_priorities_stay),
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(addresses_are_told_from_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

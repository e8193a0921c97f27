/* The gate with a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "io/gate.h"

static void fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 7, n);
}

static struct gate *make(const struct gate_limits *limits, uint32_t idle_max)
{
    struct rng rng = {.fill = fill};
    return gate_new(limits, idle_max, &rng);
}

static struct addr host(const char *text)
{
    struct addr a;
    assert_true(addr_parse(slice_z(text), 1, &a));
    return a;
}

static struct addr numbered(uint32_t n)
{
    struct addr a = {.family = 4};
    memcpy(a.ip, &n, 4);
    return a;
}

static struct now at_ms(uint64_t ms)
{
    return (struct now){.mono_ms = 1000000 + ms};
}

static struct gate_limits standard(void)
{
    struct gate_limits l;
    gate_defaults(65536, &l);
    return l;
}

static enum gate_verdict enter(struct gate *g, struct gate_ticket *t, struct addr from, uint64_t ms)
{
    bool evict;
    struct gate_owner victim;
    return gate_enter(g, t, &from, (struct gate_owner){0, ms}, at_ms(ms), &evict, &victim);
}

static void L8_opens_100_connections_per_address(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    limits.new_burst = 1000;
    struct gate *g = make(&limits, 100);
    static struct gate_ticket t[102];
    for (int i = 0; i < 100; i++)
        assert_int_equal(enter(g, &t[i], host("192.0.2.1"), 0), GATE_IN);
    assert_int_equal(enter(g, &t[100], host("192.0.2.1"), 0), GATE_MANY);
    assert_int_equal(enter(g, &t[101], host("192.0.2.2"), 0), GATE_IN);
    gate_leave(g, &t[7], at_ms(0));
    assert_int_equal(enter(g, &t[7], host("192.0.2.1"), 0), GATE_IN);
    for (int i = 0; i < 102; i++)
        gate_leave(g, &t[i], at_ms(0));
    struct gate_counts c;
    gate_counts(g, &c);
    assert_int_equal(c.open, 0);
    assert_int_equal(c.unauthenticated, 0);
    assert_int_equal(c.refused_many, 1);
    gate_free(&g);
}

static void L8_A19_lets_20_new_ones_in_per_second_after_a_burst_of_100(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    struct gate *g = make(&limits, 100);
    struct gate_ticket t;
    int in[3] = {0};
    for (int second = 0; second < 3; second++) {
        for (int i = 0; i < 1000; i++) { /* one per ms */
            if (enter(g, &t, host("192.0.2.1"), (uint64_t)(second * 1000 + i)) == GATE_IN) {
                in[second]++;
                gate_leave(g, &t, at_ms((uint64_t)(second * 1000 + i)));
            }
        }
    }
    assert_in_range(in[0], 119, 120);
    assert_in_range(in[1], 20, 20);
    assert_in_range(in[2], 20, 20);
    assert_int_equal(enter(g, &t, host("192.0.2.2"), 2999), GATE_IN);
    gate_leave(g, &t, at_ms(2999));
    gate_free(&g);
}

static void an_ipv6_network_of_64_bits_counts_as_one_address(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    limits.open_max = 1;
    struct gate *g = make(&limits, 100);
    struct gate_ticket a, b, c;
    assert_int_equal(enter(g, &a, host("2001:db8:0:1::1"), 0), GATE_IN);
    assert_int_equal(enter(g, &b, host("2001:db8:0:1:ffff::2"), 0), GATE_MANY);
    assert_int_equal(enter(g, &c, host("2001:db8:0:2::1"), 0), GATE_IN);
    gate_leave(g, &a, at_ms(0));
    gate_leave(g, &b, at_ms(0));
    gate_leave(g, &c, at_ms(0));
    gate_free(&g);
}

static void L9_R01_names_the_oldest_that_has_not_logged_in(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    limits.unauthenticated_max = 3;
    struct gate *g = make(&limits, 100);
    struct gate_ticket t[5];
    bool evict;
    struct gate_owner victim;
    for (uint32_t i = 0; i < 5; i++) {
        struct addr from = numbered(i);
        assert_int_equal(
            gate_enter(g, &t[i], &from, (struct gate_owner){i % 2, i}, at_ms(i), &evict, &victim),
            GATE_IN);
        if (i == 0)
            gate_authenticated(g, &t[0]);
        assert_int_equal(evict, i == 4);
    }
    assert_int_equal(victim.conn, 1); /* 0 has logged in */
    assert_int_equal(victim.shard, 1);
    gate_leave(g, &t[1], at_ms(9)); /* the victim goes: counted once */
    struct gate_counts c;
    gate_counts(g, &c);
    assert_int_equal(c.unauthenticated, 3);
    assert_int_equal(c.open, 4);
    assert_true(gate_evict(g, &victim));
    assert_int_equal(victim.conn, 2);
    assert_true(gate_evict(g, &victim) && gate_evict(g, &victim));
    assert_false(gate_evict(g, &victim));
    for (int i = 0; i < 5; i++)
        gate_leave(g, &t[i], at_ms(9));
    gate_free(&g);
}

static void L10_delays_logins_after_ten_failures(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    struct gate *g = make(&limits, 100);
    struct addr bad = host("192.0.2.1"), good = host("192.0.2.2");
    for (int i = 0; i < 10; i++)
        assert_int_equal(gate_login_failed(g, &bad, at_ms(0)), 0);
    uint64_t ms = 0;
    static const uint32_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(gate_login_failed(g, &bad, at_ms(ms)), delays[i]);
        assert_int_equal(gate_login_delay(g, &bad, at_ms(ms)), delays[i]);
        ms += delays[i]; /* the next guess as early as possible */
        assert_int_equal(gate_login_delay(g, &bad, at_ms(ms)), 0);
    }
    assert_int_equal(gate_login_delay(g, &good, at_ms(ms)), 0);
    assert_int_equal(gate_login_failed(g, &good, at_ms(ms)), 0);
    /* A minute of peace after the last delay: forgiven. */
    assert_int_equal(gate_login_failed(g, &bad, at_ms(ms + 60001)), 0);
    gate_free(&g);
}

static void A28_one_registration_per_address_in_ten_minutes(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    struct gate *g = make(&limits, 100);
    struct addr a = host("192.0.2.1"), b = host("192.0.2.2");
    assert_true(gate_register(g, &a, at_ms(0)));
    assert_false(gate_register(g, &a, at_ms(599999)));
    assert_true(gate_register(g, &b, at_ms(599999)));
    assert_true(gate_register(g, &a, at_ms(600000)));
    gate_free(&g);
}

static void without_rate_everything_is_let_in(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    limits.rate = false;
    limits.open_max = limits.new_burst = limits.unauthenticated_max = 1;
    struct gate *g = make(&limits, 100);
    struct addr a = host("192.0.2.1");
    struct gate_ticket t[50];
    bool evict;
    struct gate_owner victim;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(
            gate_enter(g, &t[i], &a, (struct gate_owner){0, i}, at_ms(0), &evict, &victim),
            GATE_IN);
        assert_false(evict);
        assert_int_equal(gate_login_failed(g, &a, at_ms(0)), 0);
        assert_true(gate_register(g, &a, at_ms(0)));
    }
    limits.rate = true; /* a reload */
    gate_configure(g, &limits);
    struct gate_ticket late;
    assert_int_equal(enter(g, &late, a, 0), GATE_MANY);
    for (int i = 0; i < 50; i++)
        gate_leave(g, &t[i], at_ms(0));
    gate_free(&g);
}

static void the_memory_for_addresses_is_bounded(void **state)
{
    (void)state;
    struct gate_limits limits = standard();
    struct gate *g = make(&limits, 64);
    struct gate_ticket kept;
    struct addr first = numbered(1);
    assert_int_equal(enter(g, &kept, first, 0), GATE_IN);
    for (uint32_t i = 2; i < 5000; i++) {
        struct addr a = numbered(i);
        gate_login_failed(g, &a, at_ms(0));
        /* One that is used again and again stays. */
        struct addr busy = numbered(9999);
        gate_login_failed(g, &busy, at_ms(0));
    }
    struct gate_counts c;
    gate_counts(g, &c);
    assert_in_range(c.addresses, 60, 66);
    struct addr busy = numbered(9999);
    assert_true(gate_login_failed(g, &busy, at_ms(0)) > 0);
    gate_leave(g, &kept, at_ms(0));
    /* Long after, what has expired goes as others come. */
    for (uint32_t i = 0; i < 100; i++) {
        struct gate_ticket t;
        assert_int_equal(enter(g, &t, numbered(20000 + i), 10000000 + i * 10000), GATE_IN);
        gate_leave(g, &t, at_ms(10000000 + i * 10000));
    }
    gate_counts(g, &c);
    assert_in_range(c.addresses, 0, 3);
    gate_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(L8_opens_100_connections_per_address),
        cmocka_unit_test(L8_A19_lets_20_new_ones_in_per_second_after_a_burst_of_100),
        cmocka_unit_test(an_ipv6_network_of_64_bits_counts_as_one_address),
        cmocka_unit_test(L9_R01_names_the_oldest_that_has_not_logged_in),
        cmocka_unit_test(L10_delays_logins_after_ten_failures),
        cmocka_unit_test(A28_one_registration_per_address_in_ten_minutes),
        cmocka_unit_test(without_rate_everything_is_let_in),
        cmocka_unit_test(the_memory_for_addresses_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

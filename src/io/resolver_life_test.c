/* Queries that are cancelled, closed, too many, or without memory. */
#include "io/test_resolver.h"

#include <stdlib.h>
#include <string.h>

static void cancelled_queries_are_silent(void **state)
{
    (void)state;
    struct outcome o[3] = {0};
    bench_begin(say_nothing);
    uint64_t first = resolver_srv(resolver, "_x._tcp.example", on_srv, &o[0]);
    uint64_t second = resolver_addresses(resolver, "y.example", on_addr, &o[1]);
    uint64_t third = resolver_srv(resolver, "bad name", on_srv, &o[2]);
    settle();
    assert_int_equal(o[2].calls, 1);
    resolver_cancel(resolver, third); /* has ended */
    resolver_cancel(resolver, first);
    resolver_cancel(resolver, first);
    resolver_cancel(resolver, 12345);
    assert_int_equal(resolver->count, 2); /* c-ares still has the first */
    resolver_cancel(resolver, second);
    assert_idle();
    settle();
    assert_int_equal(o[0].calls + o[1].calls, 0);
    /* The answer to a cancelled one disturbs nobody. */
    struct outcome late[2] = {0};
    server.answer = say_records;
    uint64_t gone = resolver_srv(resolver, "_x._tcp.example", on_srv, &late[0]);
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &late[1]), 0);
    resolver_cancel(resolver, gone);
    until(&late[1]);
    assert_int_equal(late[1].result, RESOLVER_OK);
    settle();
    assert_int_equal(late[0].calls, 0);
    assert_idle();
    bench_end();
}

static void a_callback_may_cancel_itself_and_others(void **state)
{
    (void)state;
    struct outcome o[4] = {0};
    bench_begin(say_four_at_first);
    uint64_t handle = resolver_addresses(resolver, "one.example", on_addr, &o[0]);
    o[0].cancels_at = resolver;
    o[0].cancels = handle;
    for (int turns = 0; o[0].calls == 0 && turns < TURNS_MAX; turns++)
        turn();
    assert_true(o[0].more);
    assert_idle();
    resolver_run(resolver, (struct now){.mono_ms = UINT64_MAX - 1});
    assert_int_equal(o[0].calls, 1);
    /* Of two that are ready, the first cancels the second, which is told of in the same run. */
    o[1].cancels_at = resolver;
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o[1]), 0);
    o[1].cancels = resolver_srv(resolver, "bad name", on_srv, &o[2]);
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o[3]), 0);
    resolver_run(resolver, loop.now);
    assert_int_equal(o[1].calls, 1);
    assert_int_equal(o[2].calls, 0);
    assert_int_equal(o[3].calls, 1);
    assert_idle();
    bench_end();
}

static void a_callback_may_ask(void **state)
{
    (void)state;
    struct outcome second = {0}, first = {.asks = &second};
    bench_begin(say_records);
    first.asks_at = resolver;
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &first), 0);
    resolver_run(resolver, loop.now);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0); /* so that a chain of them does not hold the loop */
    assert_true(resolver_deadline(resolver) == 0);
    resolver_run(resolver, loop.now);
    assert_int_equal(second.calls, 1);
    bench_end();
}

static void a_callback_may_close(void **state)
{
    (void)state;
    struct outcome o[4] = {0};
    bench_begin(say_four_at_first);
    o[0].closes = &resolver;
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o[0]), 0);
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o[1]), 0);
    for (int turns = 0; o[0].calls == 0 && turns < TURNS_MAX; turns++)
        turn();
    assert_null(resolver);
    assert_int_equal(o[0].calls, 1);
    assert_int_equal(o[1].calls, 0);
    bench_end();
    bench_begin(say_nothing);
    o[2].closes = &resolver;
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o[2]), 0);
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o[3]), 0);
    resolver_run(resolver, loop.now);
    assert_null(resolver);
    assert_int_equal(o[2].calls, 1);
    assert_int_equal(o[3].calls, 0);
    bench_end();
}

static void closing_drops_what_is_asked(void **state)
{
    (void)state;
    struct outcome o[3] = {0};
    bench_begin(say_half_by_tcp);
    assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o[0]), 0);
    assert_int_not_equal(resolver_addresses(resolver, "one.example", on_addr, &o[1]), 0);
    settle();
    assert_int_not_equal(resolver_srv(resolver, "bad name", on_srv, &o[2]), 0);
    bench_end();
    assert_int_equal(o[0].calls + o[1].calls + o[2].calls, 0);
}

static void queries_have_a_limit(void **state)
{
    (void)state;
    static struct outcome o[RESOLVER_QUERIES_MAX];
    bench_begin(say_nothing);
    memset(o, 0, sizeof(o));
    uint64_t began_ms = clock_now().mono_ms;
    for (unsigned i = 0; i < RESOLVER_QUERIES_MAX; i++)
        assert_int_not_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o[i]), 0);
    uint64_t asked_ms = clock_now().mono_ms;
    assert_int_equal(resolver_srv(resolver, "_x._tcp.example", on_srv, &o[0]), 0);
    assert_int_equal(resolver_addresses(resolver, "127.0.0.1", on_addr, &o[0]), 0);
    assert_int_equal(resolver_tlsa(resolver, "_x._tcp.example", on_tlsa, &o[0]), 0);
    until_deadline(o, RESOLVER_QUERIES_MAX, began_ms, asked_ms);
    bench_end();
}

static int calls_until_failure = -1; /* of calloc and malloc by the resolver and this test */

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);

static bool fails(void)
{
    if (calls_until_failure < 0)
        return false;
    return calls_until_failure-- == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

static void G5_each_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0;; i++) {
        struct outcome o = {0}, a = {0};
        bench_begin(say_records);
        calls_until_failure = i;
        uint64_t srv = resolver_srv(resolver, "_x._tcp.example", on_srv, &o);
        uint64_t addresses = resolver_addresses(resolver, "one.example", on_addr, &a);
        settle();
        bool failed = calls_until_failure < 0;
        calls_until_failure = -1;
        resolver_run(resolver, (struct now){.mono_ms = UINT64_MAX - 1});
        assert_int_equal(o.calls, srv != 0);
        assert_int_equal(a.calls > 0 && !a.more, addresses != 0);
        assert_int_equal(failed, srv == 0 || addresses == 0 || o.result != RESOLVER_OK ||
                                     a.result != RESOLVER_OK || a.addr_count != 2);
        assert_idle();
        bench_end();
        if (!failed) {
            assert_true(i > 5);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_queries_are_silent),
        cmocka_unit_test(a_callback_may_cancel_itself_and_others),
        cmocka_unit_test(a_callback_may_ask),
        cmocka_unit_test(a_callback_may_close),
        cmocka_unit_test(closing_drops_what_is_asked),
        cmocka_unit_test(queries_have_a_limit),
        cmocka_unit_test(G5_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

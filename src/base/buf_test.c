/* Tests of buf.c: growth, consumption against a naive model, sizes at the limits of their types
 * (row V15), and the sticky failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/test_support.h"

static void random_appends_and_consumes_agree_with_a_plain_string(void **state)
{
    (void)state;
    static char model[1 << 20];
    size_t from = 0, to = 0;
    uint64_t seed = 7;
    struct buf b = {0};
    while (to + 3000 < sizeof(model)) {
        char piece[3000];
        size_t n = test_below(&seed, test_below(&seed, 8) == 0 ? sizeof(piece) : 40);
        for (size_t i = 0; i < n; i++)
            piece[i] = model[to + i] = (char)test_random(&seed);
        assert_int_equal(buf_append(&b, piece, n), 0);
        to += n;
        size_t drop = test_below(&seed, buf_len(&b) + 1);
        buf_consume(&b, drop);
        from += drop;
        if (test_below(&seed, 16) == 0) {
            size_t keep = test_below(&seed, buf_len(&b) + 1);
            buf_truncate(&b, keep);
            to = from + keep;
        }
        assert_true(slice_eq(buf_slice(&b), slice_of(model + from, to - from)));
    }
    /* At most a few thousand bytes were ever in it, so the consumed front was used again. */
    assert_true(b.cap <= 1u << 16);
    buf_free(&b);
}

static void growth_doubles_so_that_appending_bytes_is_linear(void **state)
{
    (void)state;
    struct buf b = {0};
    unsigned moves = 0;
    uint32_t cap = 0;
    for (int i = 0; i < 1 << 20; i++) {
        assert_int_equal(buf_byte(&b, (char)i), 0);
        moves += b.cap != cap;
        cap = b.cap;
    }
    assert_int_equal(buf_len(&b), 1 << 20);
    assert_true(moves <= 13); /* 256 bytes to 1 MiB */
    assert_true(b.cap <= 2 << 20);
    buf_free(&b);
}

static void V15_sizes_at_the_limits_are_refused_and_the_failure_stays(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX,     SIZE_MAX - 1,         SIZE_MAX / 2,
                                   UINT_MAX,     (size_t)UINT_MAX + 1, (size_t)INT_MAX + 1,
                                   BUF_BYTES_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf b = {0};
        assert_int_equal(buf_lit(&b, "kept"), 0);
        assert_int_equal(buf_reserve(&b, sizes[i]), ERR_MEMORY);
        assert_true(slice_is(buf_slice(&b), "kept"));
        assert_int_equal(buf_byte(&b, 'x'), ERR_MEMORY);
        assert_int_equal(buf_append(&b, "", 0), ERR_MEMORY);
        assert_int_equal(buf_printf(&b, "%d", 1), ERR_MEMORY);
        assert_true(slice_is(buf_slice(&b), "kept"));
        buf_clear(&b);
        assert_int_equal(buf_lit(&b, "again"), 0);
        assert_true(slice_is(buf_slice(&b), "again"));
        buf_free(&b);
    }
}

static void an_empty_buffer_holds_no_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_int_equal(buf_add(&b, SLICE_NONE), 0);
    assert_int_equal(buf_reserve(&b, 0), 0);
    assert_null(b.ptr);
    assert_int_equal(buf_len(&b), 0);
    buf_consume(&b, 0);
    buf_truncate(&b, 0);
    buf_clear(&b);
    buf_free(&b);
}

static void printf_appends_without_a_terminator_in_the_content(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_printf(&b, "%s='%d'", "id", 42), 0);
    assert_int_equal(buf_printf(&b, "%s", ""), 0);
    assert_int_equal(buf_printf(&b, " %0300d", 7), 0);
    assert_int_equal(buf_len(&b), 7 + 301);
    assert_true(slice_starts(buf_slice(&b), SLICE("id='42' 000")));
    buf_free(&b);
}

static void everything_consumed_moves_back_to_the_front(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf_lit(&b, "0123456789"), 0);
        buf_consume(&b, 10);
    }
    assert_int_equal(b.cap, 256);
    buf_free(&b);
}

static void a_consumed_front_is_used_again_before_the_buffer_grows(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_lit(&b, "x"), 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf_lit(&b, "0123456789"), 0);
        buf_consume(&b, 10);
        assert_int_equal(buf_len(&b), 1);
    }
    assert_int_equal(b.cap, 256);
    buf_free(&b);
}

static void consume_too_much(void)
{
    struct buf b = {0};
    buf_lit(&b, "four");
    buf_consume(&b, 5);
}

static void truncate_to_more(void)
{
    struct buf b = {0};
    buf_truncate(&b, 1);
}

static void taking_more_than_there_is_stops_the_process(void **state)
{
    (void)state;
    assert_true(test_check_fires(consume_too_much, "buf.c:"));
    assert_true(test_check_fires(truncate_to_more, "buf.c:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_appends_and_consumes_agree_with_a_plain_string),
        cmocka_unit_test(growth_doubles_so_that_appending_bytes_is_linear),
        cmocka_unit_test(V15_sizes_at_the_limits_are_refused_and_the_failure_stays),
        cmocka_unit_test(an_empty_buffer_holds_no_memory),
        cmocka_unit_test(printf_appends_without_a_terminator_in_the_content),
        cmocka_unit_test(everything_consumed_moves_back_to_the_front),
        cmocka_unit_test(a_consumed_front_is_used_again_before_the_buffer_grows),
        cmocka_unit_test(taking_more_than_there_is_stops_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of slice.c: order, search, and numbers at the limits of their types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "base/slice.h"

static void unsigned_numbers_are_read_up_to_their_maximum(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        unsigned long long value;
    } good[] = {
        {SLICE("0"), 0},
        {SLICE("7"), 7},
        {SLICE("00000000000000000001"), 1},
        {SLICE("4294967296"), 4294967296ULL},
        {SLICE("9223372036854775808"), 9223372036854775808ULL},
        {SLICE("18446744073709551615"), ULLONG_MAX},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        unsigned long long n = 99;
        assert_true(slice_to_u64(good[i].text, &n));
        assert_true(n == good[i].value);
    }
}

static void what_is_no_unsigned_number_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("18446744073709551616"),
        SLICE("18446744073709551620"),
        SLICE("99999999999999999999"),
        SLICE("100000000000000000000"),
        SLICE("000000000000000000001"),
        SLICE("-1"),
        SLICE("+1"),
        SLICE(" 1"),
        SLICE("1 "),
        SLICE("1\0"),
        SLICE("0x10"),
        SLICE("1e3"),
        SLICE("1,000"),
        SLICE("\xd9\xa1"),
        SLICE("/"),
        SLICE(":"),
        {NULL, 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unsigned long long n = 99;
        assert_false(slice_to_u64(bad[i], &n));
        assert_true(n == 99);
    }
}

static void ints_are_read_between_their_limits_inclusive(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        int value;
    } good[] = {
        {SLICE("-128"), -128},
        {SLICE("+127"), 127},
        {SLICE("-0"), 0},
        {SLICE("2147483647"), INT_MAX},
        {SLICE("-2147483647"), -INT_MAX},
        {SLICE("-2147483648"), INT_MIN},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int n = 99;
        assert_true(slice_to_int(good[i].text, &n));
        assert_int_equal(n, good[i].value);
    }
    static const struct slice bad[] = {
        SLICE("2147483648"),
        SLICE("-2147483649"),
        SLICE("18446744073709551615"),
        SLICE("-18446744073709551615"),
        SLICE("-"),
        SLICE("+"),
        SLICE(""),
        SLICE("--1"),
        SLICE("+-1"),
        SLICE("1-"),
        SLICE("- 1"),
        {NULL, 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int n = 99;
        assert_false(slice_to_int(bad[i], &n));
        assert_int_equal(n, 99);
    }
}

static void order_is_by_bytes_then_by_length_and_total(void **state)
{
    (void)state;
    static const struct slice sorted[] = {
        {NULL, 0},   SLICE("\0"), SLICE("\0\0"), SLICE("A"),    SLICE("a"),    SLICE("a\0"),
        SLICE("aa"), SLICE("ab"), SLICE("b"),    SLICE("\x7f"), SLICE("\x80"), SLICE("\xff"),
    };
    int n = (int)(sizeof(sorted) / sizeof(sorted[0]));
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            int expected = i < k ? -1 : i > k;
            assert_int_equal(slice_compare(sorted[i], sorted[k]), expected);
            assert_int_equal(slice_eq(sorted[i], sorted[k]), i == k);
        }
    }
}

static void search_stops_at_the_first_hit_or_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("alice@localhost/x@y"), '@'), 5);
    assert_int_equal(slice_find(SLICE("alice"), '@'), 5);
    assert_int_equal(slice_find(SLICE("a\0@"), '@'), 2);
    assert_int_equal(slice_find(slice_of("alice@", 5), '@'), 5);
    assert_int_equal(slice_find(SLICE_NONE, '@'), 0);
}

static void beginnings_and_literals_are_compared_whole(void **state)
{
    (void)state;
    assert_true(slice_starts(SLICE("urn:xmpp:ping"), SLICE("urn:xmpp:")));
    assert_true(slice_starts(SLICE_NONE, SLICE_NONE));
    assert_false(slice_starts(SLICE("urn"), SLICE("urn:")));
    assert_true(slice_is(SLICE("chat"), "chat"));
    assert_false(slice_is(SLICE("chat\0"), "chat"));
    assert_false(slice_is(SLICE("cha"), "chat"));
    assert_true(slice_is(slice_from(SLICE("type=chat"), 5), "chat"));
    assert_int_equal(slice_z(NULL).len, 0);
}

static struct slice word_at(const void *table, size_t i)
{
    return ((const struct slice *)table)[i];
}

static void places_are_found_in_sorted_tables(void **state)
{
    const struct slice words[] = {SLICE("b"), SLICE("bb"), SLICE("d"), SLICE("f"), SLICE("h")};
    size_t n = sizeof(words) / sizeof(words[0]);
    bool found;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(slice_place(words[i], words, n, word_at, &found), i);
        assert_true(found);
    }
    assert_int_equal(slice_place(SLICE("a"), words, n, word_at, &found), 0);
    assert_int_equal(slice_place(SLICE("c"), words, n, word_at, &found), 2);
    assert_int_equal(slice_place(SLICE("z"), words, n, word_at, &found), 5);
    assert_false(found);
    assert_int_equal(slice_place(SLICE("a"), words, 0, word_at, &found), 0);
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_are_read_up_to_their_maximum),
        cmocka_unit_test(what_is_no_unsigned_number_is_refused_and_changes_nothing),
        cmocka_unit_test(ints_are_read_between_their_limits_inclusive),
        cmocka_unit_test(order_is_by_bytes_then_by_length_and_total),
        cmocka_unit_test(search_stops_at_the_first_hit_or_at_the_end),
        cmocka_unit_test(beginnings_and_literals_are_compared_whole),
        cmocka_unit_test(places_are_found_in_sorted_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

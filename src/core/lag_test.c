/* Presence kept for who does not read, against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/test_support.h"
#include "core/lag.h"

enum { CAP = 4000, SENDERS = 40 };

static const struct hash_key KEY = {1, 2};

static void keep(struct buf *kept, unsigned sender, unsigned number, size_t padding)
{
    char from[32], payload[600];
    struct stanza s = {.kind = STANZA_PRESENCE, .type = TYPE_AVAILABLE, .packed = true};
    int n = snprintf(from, sizeof(from), "u%u@example.org/r", sender);
    assert_true(jid_from_prepared(slice_of(from, (size_t)n), &s.from));
    assert_true(jid_from_prepared(SLICE("me@example.org"), &s.to));
    n = snprintf(payload, sizeof(payload), "<status>%u</status>%*s", number, (int)padding, "");
    s.payload = slice_of(payload, (size_t)n);
    lag_keep(kept, CAP, &KEY, &s);
}

static unsigned number_of(const struct stanza *s)
{
    unsigned long long n;
    struct slice text = slice_from(s->payload, strlen("<status>"));
    assert_true(slice_to_u64(slice_of(text.ptr, slice_find(text, '<')), &n));
    return (unsigned)n;
}

static void the_newest_of_each_sender_stays_in_order(void **state)
{
    (void)state;
    struct buf kept = {0};
    struct stanza s;
    size_t at = 0;
    assert_false(lag_next(&kept, &at, &s));
    for (unsigned i = 0; i < 9; i++)
        keep(&kept, i % 3 == 2 ? 7 : i % 3, i, 0);
    keep(&kept, 1, 9, 0);
    static const unsigned WANT[] = {6, 8, 9};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(lag_next(&kept, &at, &s));
        assert_int_equal(number_of(&s), WANT[i]);
    }
    assert_false(lag_next(&kept, &at, &s));
    buf_free(&kept);
}

/* What is there are the newest of their senders, in order, none of them older than one that is
 * missing; and never more than the cap. */
static void it_is_bounded_and_keeps_the_newest(void **state)
{
    (void)state;
    struct buf kept = {0};
    unsigned newest[SENDERS] = {0};
    uint64_t seed = 7;
    for (unsigned n = 1; n < 5000; n++) {
        unsigned sender = (unsigned)test_below(&seed, SENDERS);
        newest[sender] = n;
        keep(&kept, sender, n, test_below(&seed, 500));
        assert_true(buf_len(&kept) <= CAP);
        struct stanza s;
        size_t at = 0;
        unsigned count = 0, last = 0, oldest = 0;
        while (lag_next(&kept, &at, &s)) {
            unsigned long long who;
            struct slice local = jid_local(&s.from);
            assert_true(slice_to_u64(slice_from(local, 1), &who));
            assert_int_equal(number_of(&s), newest[who]);
            assert_true(number_of(&s) > last);
            last = number_of(&s);
            oldest = count++ == 0 ? last : oldest;
        }
        assert_int_equal(last, n);
        unsigned younger = 0;
        for (unsigned i = 0; i < SENDERS; i++)
            younger += newest[i] >= oldest;
        assert_int_equal(younger, count);
    }
    buf_free(&kept);
}

/* One sender's flood moves no bytes of the others' but now and then. */
static void a_flood_of_one_sender_is_marked_not_moved(void **state)
{
    (void)state;
    struct buf kept = {0};
    for (unsigned i = 0; i < 20; i++)
        keep(&kept, i, i, 0);
    unsigned moves = 0;
    size_t before = buf_len(&kept);
    for (unsigned n = 0; n < 1000; n++) {
        keep(&kept, 3, 100 + n, 0);
        moves += buf_len(&kept) < before;
        before = buf_len(&kept);
    }
    assert_in_range(moves, 1, 1000 / 10);
    buf_free(&kept);
}

static void what_is_larger_than_all_is_not_kept(void **state)
{
    (void)state;
    struct buf kept = {0};
    struct stanza s = {.kind = STANZA_PRESENCE, .type = TYPE_AVAILABLE, .packed = true}, out;
    static char payload[CAP];
    size_t at = 0;
    memset(payload, 'x', sizeof(payload));
    keep(&kept, 1, 1, 0);
    assert_true(jid_from_prepared(SLICE("u2@example.org/r"), &s.from));
    s.payload = slice_of(payload, sizeof(payload));
    lag_keep(&kept, CAP, &KEY, &s);
    assert_false(lag_next(&kept, &at, &out));
    assert_int_equal(buf_len(&kept), 0);
    buf_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_sender_stays_in_order),
        cmocka_unit_test(it_is_bounded_and_keeps_the_newest),
        cmocka_unit_test(a_flood_of_one_sender_is_marked_not_moved),
        cmocka_unit_test(what_is_larger_than_all_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of the checker's book: a checker that cannot find anything wrong is worth nothing, and one
 * that finds what is right is worth less. */
#include "book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WRITER, OTHER_WRITER, READER, OTHER_READER, ACCOUNTS };

struct scene {
    struct book book;
    struct book_device *one;
    struct book_device *two; /* of the same reader */
};

static int begin(void **state)
{
    static struct scene s;
    book_init(&s.book, 2, ACCOUNTS, 2);
    s.book.quiet = true;
    s.one = book_device(&s.book, READER, 0);
    s.two = book_device(&s.book, READER, 1);
    *state = &s;
    return 0;
}

static int end(void **state)
{
    book_free(&((struct scene *)*state)->book);
    return 0;
}

static uint32_t acked(struct scene *s)
{
    uint32_t m = book_sent(&s->book, WRITER, READER);
    book_acked(&s->book, m);
    return m;
}

static void confirm(struct scene *s, struct book_device *d)
{
    book_told(&s->book, d);
    book_fence(d);
    book_confirmed(&s->book, d);
}

/* The judgement finds this one violation so many times, and no other. */
static void judged(struct scene *s, enum book_violation v, uint64_t times)
{
    assert_int_equal(book_judge(&s->book), times);
    assert_int_equal(s->book.violations[v], times);
}

static void G1_what_is_delivered_and_confirmed_is_good(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < 5000; i++) {
        book_arrived(&s->book, s->one, acked(s));
        if (i % 7 == 0)
            book_told(&s->book, s->one);
    }
    confirm(s, s->one);
    assert_int_equal(book_missing(&s->book), 0);
    judged(s, BOOK_LOST, 0);
}

static void G1_what_is_acknowledged_and_came_to_nobody_is_lost(void **state)
{
    struct scene *s = *state;
    acked(s);
    book_bounced(&s->book, acked(s), WRITER); /* this one is not */
    assert_int_equal(book_missing(&s->book), 1);
    judged(s, BOOK_LOST, 1);
}

static void G1_one_device_of_a_reader_is_enough(void **state)
{
    struct scene *s = *state;
    book_arrived(&s->book, s->two, acked(s));
    judged(s, BOOK_LOST, 0);
}

static void G1_the_archive_is_enough_where_it_is_said_so(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    s->book.archive_is_enough = true;
    book_in_archive(&s->book, WRITER, m);
    assert_int_equal(book_judge(&s->book), 1);
    s->book.violations[BOOK_LOST] = 0;
    book_in_archive(&s->book, READER, m);
    judged(s, BOOK_LOST, 0);
}

static void G1_what_is_never_acknowledged_is_found(void **state)
{
    struct scene *s = *state;
    book_arrived(&s->book, s->one, book_sent(&s->book, WRITER, READER));
    judged(s, BOOK_UNSETTLED, 1);
}

static void G1_nothing_acknowledged_comes_again(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    book_told(&s->book, s->one);
    book_arrived(&s->book, s->one, m); /* in the session in which it was told */
    book_fence(s->one);
    book_confirmed(&s->book, s->one);
    book_new_life(&s->book, s->one);
    book_arrived(&s->book, s->one, m); /* after it was confirmed */
    judged(s, BOOK_AGAIN, 2);
}

static void G1_an_acknowledgement_that_may_be_lost_excuses_the_server(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    book_told(&s->book, s->one);
    book_fence(s->one);
    book_unfenced(s->one); /* the connection broke */
    book_new_life(&s->book, s->one);
    book_arrived(&s->book, s->one, m);
    assert_int_equal(s->book.open_repeats, 1);
    judged(s, BOOK_AGAIN, 0);
}

static void G1_an_orderly_end_confirms(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    book_told(&s->book, s->one);
    book_closed(&s->book, s->one);
    book_new_life(&s->book, s->one);
    book_arrived(&s->book, s->one, m);
    judged(s, BOOK_AGAIN, 1);
}

static void G1_twice_in_a_session_is_doubled(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    book_arrived(&s->book, s->one, m);
    book_arrived(&s->book, s->two, m); /* another device: no */
    judged(s, BOOK_DOUBLED, 1);
}

static void G1_a_repetition_in_another_session_is_the_writers(void **state)
{
    struct scene *s = *state;
    uint32_t m = book_sent(&s->book, WRITER, READER);
    book_arrived(&s->book, s->one, m);
    confirm(s, s->one);
    book_repeated(&s->book, m);
    book_acked(&s->book, m);
    book_arrived(&s->book, s->one, m);
    judged(s, BOOK_AGAIN, 0);
}

static void G1_what_was_forgotten_comes_again_in_order(void **state)
{
    struct scene *s = *state;
    uint32_t m[4] = {acked(s), acked(s), acked(s), acked(s)};
    book_arrived(&s->book, s->one, m[0]);
    book_told(&s->book, s->one);
    book_arrived(&s->book, s->one, m[1]);
    book_arrived(&s->book, s->one, m[2]);
    book_forget(&s->book, s->one);
    assert_int_equal(book_missing(&s->book), 3);
    book_arrived(&s->book, s->one, m[1]);
    book_forget(&s->book, s->one); /* and once more, in the middle */
    book_arrived(&s->book, s->one, m[1]);
    book_arrived(&s->book, s->one, m[2]);
    book_arrived(&s->book, s->one, m[3]);
    judged(s, BOOK_MISPLACED, 0);
}

static void G1_what_was_forgotten_and_comes_late_is_misplaced(void **state)
{
    struct scene *s = *state;
    uint32_t m[2] = {acked(s), acked(s)};
    book_arrived(&s->book, s->one, m[0]);
    book_forget(&s->book, s->one);
    book_arrived(&s->book, s->one, m[1]);
    book_arrived(&s->book, s->one, m[0]);
    judged(s, BOOK_MISPLACED, 1);
}

static void G1_what_was_forgotten_and_never_comes_is_lost(void **state)
{
    struct scene *s = *state;
    book_arrived(&s->book, s->one, acked(s));
    book_new_life(&s->book, s->one);
    judged(s, BOOK_LOST, 1);
}

static void G1_the_order_of_each_writer_is_kept(void **state)
{
    struct scene *s = *state;
    uint32_t first = acked(s);
    uint32_t second = acked(s);
    uint32_t other = book_sent(&s->book, OTHER_WRITER, READER);
    book_acked(&s->book, other);
    book_arrived(&s->book, s->one, other);
    book_arrived(&s->book, s->one, second);
    book_arrived(&s->book, s->one, first);
    judged(s, BOOK_DISORDER, 1);
}

static void G1_nobody_gets_what_is_not_his(void **state)
{
    struct scene *s = *state;
    uint32_t m = book_sent(&s->book, WRITER, OTHER_READER);
    book_acked(&s->book, m);
    book_arrived(&s->book, s->one, m);
    book_arrived(&s->book, s->one, 77);
    book_bounced(&s->book, m, OTHER_WRITER);
    book_in_archive(&s->book, READER, m);
    book_bounced(&s->book, m, WRITER);
    judged(s, BOOK_FOREIGN, 4);
}

static void G1_delivered_and_bounced_contradict_each_other(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    book_bounced(&s->book, m, WRITER);
    judged(s, BOOK_BOTH, 1);
}

static void G1_both_archives_hold_it_once(void **state)
{
    struct scene *s = *state;
    uint32_t m = acked(s);
    book_arrived(&s->book, s->one, m);
    s->book.archive = true;
    assert_int_equal(book_judge(&s->book), 1);
    assert_int_equal(s->book.violations[BOOK_UNARCHIVED], 1);
    s->book.violations[BOOK_UNARCHIVED] = 0;
    book_in_archive(&s->book, WRITER, m);
    book_in_archive(&s->book, READER, m);
    assert_int_equal(book_judge(&s->book), 0);
    book_in_archive(&s->book, READER, m);
    judged(s, BOOK_ARCHIVED_TWICE, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(G1_what_is_delivered_and_confirmed_is_good),
        CASE(G1_what_is_acknowledged_and_came_to_nobody_is_lost),
        CASE(G1_one_device_of_a_reader_is_enough),
        CASE(G1_the_archive_is_enough_where_it_is_said_so),
        CASE(G1_what_is_never_acknowledged_is_found),
        CASE(G1_nothing_acknowledged_comes_again),
        CASE(G1_an_acknowledgement_that_may_be_lost_excuses_the_server),
        CASE(G1_an_orderly_end_confirms),
        CASE(G1_twice_in_a_session_is_doubled),
        CASE(G1_a_repetition_in_another_session_is_the_writers),
        CASE(G1_what_was_forgotten_comes_again_in_order),
        CASE(G1_what_was_forgotten_and_comes_late_is_misplaced),
        CASE(G1_what_was_forgotten_and_never_comes_is_lost),
        CASE(G1_the_order_of_each_writer_is_kept),
        CASE(G1_nobody_gets_what_is_not_his),
        CASE(G1_delivered_and_bounced_contradict_each_other),
        CASE(G1_both_archives_hold_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The newest end of the logs in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "db/sqlite_tail.h"

enum { OWNER = 7, NAME = 2 };

/* "1 2 3" and the first one. */
static void expect_positions(struct sqlite_tail *t, const struct sqlite_tail_hold *hold,
                             int64_t from, int64_t to, const char *wanted, int64_t wanted_first)
{
    struct buf positions = {0}, text = {0};
    int64_t first;
    assert_int_equal(sqlite_tail_positions(t, hold, OWNER, NAME, from, to, &positions, &first), 0);
    assert_int_equal(first, wanted_first);
    for (size_t at = 0; at < buf_len(&positions); at += sizeof(int64_t)) {
        int64_t position;
        memcpy(&position, positions.ptr + at, sizeof(position));
        buf_printf(&text, "%s%d", at > 0 ? " " : "", (int)position);
    }
    buf_byte(&text, '\0');
    assert_string_equal(text.ptr, wanted);
    buf_free(&positions);
    buf_free(&text);
}

static void expect_now(struct sqlite_tail *t, int64_t from, int64_t to, const char *wanted,
                       int64_t wanted_first)
{
    struct sqlite_tail_hold hold;
    sqlite_tail_hold(t, &hold);
    expect_positions(t, &hold, from, to, wanted, wanted_first);
    sqlite_tail_let_go(t, &hold);
}

static void add_and_commit(struct sqlite_tail *t, int64_t from, int64_t to)
{
    sqlite_tail_begin(t);
    for (int64_t i = from; i <= to; i++)
        sqlite_tail_add(t, OWNER, NAME, i);
    sqlite_tail_commit(t);
}

static void write_all(struct sqlite_tail *t)
{
    size_t rows = SIZE_MAX;
    sqlite_tail_begin(t);
    while (sqlite_tail_next(t, &rows) != NULL)
        continue;
}

static void positions_are_found_by_span(void **state)
{
    (void)state;
    struct sqlite_tail t;
    sqlite_tail_init(&t, 100);
    expect_now(&t, 0, INT64_MAX, "", INT64_MAX);
    add_and_commit(&t, 3, 8);
    sqlite_tail_begin(&t);
    sqlite_tail_add(&t, OWNER, NAME + 1, 9);
    sqlite_tail_add(&t, OWNER + 1, NAME, 10);
    sqlite_tail_commit(&t);
    expect_now(&t, 0, INT64_MAX, "3 4 5 6 7 8", 3);
    expect_now(&t, 5, 6, "5 6", 3);
    expect_now(&t, 9, INT64_MAX, "", 3);
    expect_now(&t, 6, 5, "", 3);
    sqlite_tail_free(&t);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    (void)state;
    struct sqlite_tail t;
    sqlite_tail_init(&t, 4);
    add_and_commit(&t, 1, 2);
    sqlite_tail_begin(&t);
    sqlite_tail_add(&t, OWNER, NAME, 3);
    sqlite_tail_drop(&t, OWNER, NAME, 0, 2);
    sqlite_tail_add(&t, OWNER + 1, NAME, 4);
    sqlite_tail_add(&t, OWNER, NAME, 5);
    sqlite_tail_rollback(&t);
    expect_now(&t, 0, INT64_MAX, "1 2", 1);
    assert_true(sqlite_tail_freeze(&t));
    write_all(&t);
    /* The index is complete up to what was committed, not up to what was tried. */
    assert_int_equal(sqlite_tail_indexed(&t), 2);
    sqlite_tail_rollback(&t);
    assert_int_equal(sqlite_tail_indexed(&t), 0);
    write_all(&t);
    sqlite_tail_commit(&t);
    assert_false(sqlite_tail_freeze(&t));
    sqlite_tail_free(&t);
}

static void a_drop_takes_what_was_there_before_it(void **state)
{
    (void)state;
    struct sqlite_tail t;
    sqlite_tail_init(&t, 3);
    add_and_commit(&t, 1, 3);
    add_and_commit(&t, 4, 5);
    sqlite_tail_begin(&t);
    sqlite_tail_drop(&t, OWNER, NAME, 2, 4);
    sqlite_tail_add(&t, OWNER, NAME, 6);
    /* Readers see it in the entries until then. */
    expect_now(&t, 0, INT64_MAX, "1 2 3 4 5 6", 1);
    sqlite_tail_commit(&t);
    expect_now(&t, 0, INT64_MAX, "1 5 6", 1);
    sqlite_tail_free(&t);
}

static void a_hold_keeps_its_lots(void **state)
{
    (void)state;
    struct sqlite_tail t;
    struct sqlite_tail_hold hold;
    sqlite_tail_init(&t, 3);
    add_and_commit(&t, 1, 2);
    sqlite_tail_hold(&t, &hold);
    assert_true(sqlite_tail_valid(&t, &hold));
    add_and_commit(&t, 3, 3);
    /* Full, so it was frozen: a snapshot that begins now needs another hold. */
    assert_false(sqlite_tail_valid(&t, &hold));
    add_and_commit(&t, 4, 4);
    write_all(&t);
    assert_int_equal(sqlite_tail_indexed(&t), 3);
    sqlite_tail_commit(&t);
    expect_positions(&t, &hold, 0, INT64_MAX, "1 2 3", 1);
    expect_now(&t, 0, INT64_MAX, "4", 4);
    sqlite_tail_let_go(&t, &hold);
    sqlite_tail_hold(&t, &hold);
    assert_true(sqlite_tail_valid(&t, &hold));
    sqlite_tail_let_go(&t, &hold);
    sqlite_tail_free(&t);
}

static void a_lot_is_done_before_the_next_is_full(void **state)
{
    (void)state;
    enum { ROWS = 1000 };
    struct sqlite_tail t;
    sqlite_tail_init(&t, ROWS);
    int64_t position = 0;
    size_t most = 0;
    for (int i = 0; i < 20 * ROWS; i++) {
        sqlite_tail_begin(&t);
        for (int k = 0; k < 5; k++) {
            position++;
            sqlite_tail_add(&t, position % 300, NAME, position);
        }
        size_t rows = sqlite_tail_share(&t);
        while (sqlite_tail_next(&t, &rows) != NULL)
            continue;
        sqlite_tail_commit(&t);
        most = t.fresh->rows > most ? t.fresh->rows : most;
    }
    assert_true(most < ROWS + 5);
    sqlite_tail_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_found_by_span),
        cmocka_unit_test(what_is_rolled_back_was_never_there),
        cmocka_unit_test(a_drop_takes_what_was_there_before_it),
        cmocka_unit_test(a_hold_keeps_its_lots),
        cmocka_unit_test(a_lot_is_done_before_the_next_is_full),
    };
    return cmocka_run_group_tests_name("sqlite tail", tests, NULL, NULL);
}

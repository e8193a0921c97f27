/* However large a database is, no request looks at more than its own part of it (catalogue row
 * D15): every statement that the threads have prepared finds its rows by a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"
#include "db/test_support.h"

static struct test_place place;

static int set_up(void **state)
{
    (void)state;
    test_place_make(&place);
    place.config.text = conformance_text;
    place.config.derived_ms = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_place_remove(&place);
    return 0;
}

/* Tables of one row, or of as many rows as the source has names of logs and items. */
static bool may_be_scanned(const char *step)
{
    static const char *const small[] = {"SCAN state", "SCAN name", "SCAN mark"};
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
        if (strcmp(step, small[i]) == 0)
            return true;
    /* FTS5 says M where it goes by its index of words, = where by the number of a row. */
    return strstr(step, "VIRTUAL TABLE INDEX") != NULL &&
           (strstr(step, ":M") != NULL || strstr(step, ":=") != NULL);
}

static void expect_keys(sqlite3 *db, unsigned *count)
{
    for (sqlite3_stmt *s = sqlite3_next_stmt(db, NULL); s != NULL; s = sqlite3_next_stmt(db, s)) {
        static char text[4096];
        sqlite3_stmt *explain = NULL;
        /* Statements of FTS5's own are its business. */
        if (strstr(sqlite3_sql(s), "_data") != NULL || strstr(sqlite3_sql(s), "_content") != NULL ||
            strstr(sqlite3_sql(s), "_idx") != NULL || strstr(sqlite3_sql(s), "_config") != NULL)
            continue;
        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sqlite3_sql(s));
        assert_int_equal(sqlite3_prepare_v2(db, text, -1, &explain, NULL), SQLITE_OK);
        while (sqlite3_step(explain) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(explain, 3);
            if (strncmp(step, "SCAN", 4) == 0 && !may_be_scanned(step))
                fail_msg("%s: %s", step, sqlite3_sql(s));
            if (strstr(step, "TEMP B-TREE") != NULL || strstr(step, "AUTOMATIC") != NULL)
                fail_msg("%s: %s", step, sqlite3_sql(s));
        }
        sqlite3_finalize(explain);
        (*count)++;
    }
}

/* Lets every connection prepare what it has. */
static void use_all(struct desk *d, struct sqlite_driver *driver)
{
    assert_int_equal(test_append(d, "a@x", "some words", NULL), 0);
    for (int i = 0; i < 200; i++) {
        bool open = true;
        struct store_filter f = STORE_FILTER_NONE;
        f.peer = SLICE("b@x");
        struct store_request *r = store_query_new(0, 0);
        store_range_where(r, SLICE("a@x"), SLICE("archive"), 0, UINT64_MAX, 0, false, &f);
        desk_submit(d, r);
        r = store_query_new(0, 0);
        store_search(r, SLICE("a@x"), SLICE("archive"), SLICE("words"), 0, UINT64_MAX, 0, false,
                     &STORE_FILTER_NONE);
        desk_submit(d, r);
        for (int k = 0; k < 2; k++) {
            r = desk_next(d);
            assert_int_equal(r->err, 0);
            store_request_free(&r);
        }
        for (size_t k = 0; k < SQLITE_READERS; k++) {
            pthread_mutex_lock(&driver->readers[k].lock);
            open = open && driver->readers[k].read.derived.db != NULL;
            pthread_mutex_unlock(&driver->readers[k].lock);
        }
        if (open)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    fail_msg("a reader has never read");
}

static void D15_no_statement_grows_with_the_database(void **state)
{
    (void)state;
    struct store *s = test_open_store(&place);
    assert_non_null(s);
    struct desk *d = desk_new(s);
    struct sqlite_driver *driver = CONTAINER_OF(s, struct sqlite_driver, store);
    unsigned writer = 0, reader = 0, derived = 0, deriver = 0;
    use_all(d, driver);
    expect_keys(driver->writer.db, &writer); /* its thread sleeps: nothing is under way */
    pthread_mutex_lock(&driver->readers[0].lock);
    expect_keys(driver->readers[0].db, &reader);
    expect_keys(driver->readers[0].read.derived.db, &derived);
    pthread_mutex_unlock(&driver->readers[0].lock);
    pthread_mutex_lock(&driver->derived.connections);
    expect_keys(driver->derived.log, &deriver);
    expect_keys(driver->derived.db, &deriver);
    pthread_mutex_unlock(&driver->derived.connections);
    assert_true(writer >= SQLITE_WRITE_STATEMENTS && reader >= SQLITE_READ_STATEMENTS);
    assert_true(derived >= 7 && deriver >= 12);
    desk_free(&d);
}

/* An owner with many entries; the others' requests cost what they cost before. */
static void D15_a_large_log_costs_its_owner_alone(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    const struct slice large = SLICE("large@x");
    struct desk *d = test_open(&place);
    struct store_request *r = store_batch_new(0, 0);
    for (int i = 0; i < MANY; i++)
        store_append(r, SLICE("archive"), &large, 1, &(struct store_labels){0}, SLICE("x"));
    desk_do(d, r);
    assert_int_equal(r->err, 0);
    store_request_free(&r);
    /* It leaves in slices: a page tells where the next one begins, and each drop is a batch. */
    uint64_t from = 0;
    int slices = 0;
    for (bool more = true; more; slices++) {
        r = store_query_new(0, 0);
        store_range(r, SLICE("large@x"), SLICE("archive"), from, UINT64_MAX, 5000, false);
        desk_do(d, r);
        uint64_t to = r->position;
        more = r->more;
        store_request_free(&r);
        r = store_batch_new(0, 0);
        store_drop(r, SLICE("large@x"), SLICE("archive"), from, to);
        desk_do(d, r);
        assert_int_equal(r->err, 0);
        store_request_free(&r);
        from = to + 1;
        assert_int_equal(test_count(d, "large@x"), MANY - (slices + 1) * 5000);
    }
    assert_int_equal(slices, MANY / 5000);
    desk_free(&d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(D15_no_statement_grows_with_the_database),
        TEST(D15_a_large_log_costs_its_owner_alone),
    };
    return cmocka_run_group_tests_name("sqlite plans", tests, NULL, NULL);
}

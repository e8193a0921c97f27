/* What is derived from the logs: it is found without walking the log, it is made anew when it does
 * not fit, and whatever becomes of it, answers are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "db/sql.h"
#include "db/sqlite_driver.h"
#include "db/test_support.h"

enum { MANY = 2 * STORE_RANGE_LOOKS + 1000 };

static const struct slice ONE = {"one@x", 5}, LOG = {"archive", 7};

struct derived_test {
    struct test_place place;
    struct store *store;
    struct desk *desk;
};

static int set_up(void **state)
{
    static struct derived_test t;
    test_place_make(&t.place);
    t.place.config.text = conformance_text;
    t.place.config.derived_ms = 1;
    t.desk = NULL;
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    struct derived_test *t = *state;
    desk_free(&t->desk);
    test_place_remove(&t->place);
    return 0;
}

static void open_again(struct derived_test *t)
{
    desk_free(&t->desk);
    t->store = test_open_store(&t->place);
    assert_non_null(t->store);
    t->desk = desk_new(t->store);
}

static struct sqlite_derived *derived_of(struct derived_test *t)
{
    return &CONTAINER_OF(t->store, struct sqlite_driver, store)->derived;
}

/* Waits for what the thread does anyway; fails after 20 s. */
static void wait_until(struct derived_test *t, bool (*condition)(struct sqlite_derived *v))
{
    struct sqlite_derived *v = derived_of(t);
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&v->lock);
        bool met = atomic_load(&v->usable) && condition(v);
        pthread_mutex_unlock(&v->lock);
        if (met)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail_msg("what is derived did not follow");
}

static bool has_all(struct sqlite_derived *v)
{
    return v->done == v->position && v->revised_done == v->revised;
}

static bool is_open(struct sqlite_derived *v)
{
    (void)v;
    return true;
}

static bool has_swept(struct sqlite_derived *v)
{
    return v->dropped == 0;
}

static void append(struct derived_test *t, int from, int to)
{
    struct store_request *r = store_batch_new(0, 0);
    for (int i = from; i < to; i++) {
        bool rare = i % 5000 == 4999;
        char text[40];
        snprintf(text, sizeof(text), "word%d %s", i, rare ? "rarely" : "often");
        struct store_labels labels = {.peer = rare ? SLICE("rare@y") : SLICE("often@y")};
        store_append(r, LOG, &ONE, 1, &labels, slice_z(text));
    }
    desk_do(t->desk, r);
    assert_int_equal(r->err, 0);
    store_request_free(&r);
}

static void expect_found(struct derived_test *t, const char *words, uint32_t rows, bool more)
{
    struct store_request *r = store_query_new(0, 0);
    store_search(r, ONE, LOG, slice_z(words), 0, UINT64_MAX, 0, false, &STORE_FILTER_NONE);
    desk_do(t->desk, r);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->row_count, rows);
    assert_int_equal(r->more, more);
    store_request_free(&r);
}

static void expect_of_peer(struct derived_test *t, const char *peer, uint32_t rows, bool more)
{
    struct store_filter f = STORE_FILTER_NONE;
    f.peer = slice_z(peer);
    struct store_request *r = store_query_new(0, 0);
    store_range_where(r, ONE, LOG, 0, UINT64_MAX, 0, true, &f);
    desk_do(t->desk, r);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->row_count, rows);
    assert_int_equal(r->more, more);
    store_request_free(&r);
}

/* One number from the file; nothing has it open for writing meanwhile that minds. */
static int64_t number_in_file(struct derived_test *t, const char *query)
{
    char path[TEST_PATH_BYTES];
    struct sql_settings settings = {.path = test_beside(&t->place, SQLITE_DERIVED_SUFFIX, path),
                                    .read_only = true};
    sqlite3 *db;
    int code;
    int64_t number = -1;
    assert_int_equal(sql_open(&settings, &db, &code), 0);
    assert_int_equal(sql_number(db, query, &number), 0);
    sql_close(&db);
    return number;
}

static void a_rare_peer_and_word_need_no_walk_over_the_log(void **state)
{
    struct derived_test *t = *state;
    t->place.config.derived_rows = t->place.config.derived_ms = UINT32_MAX;
    open_again(t);
    append(t, 0, MANY);
    /* As many looks as a query has do not suffice. */
    expect_found(t, "rarely", 2, true);
    expect_of_peer(t, "rare@y", 2, true);
    t->place.config.derived_rows = t->place.config.derived_ms = 1;
    open_again(t);
    wait_until(t, has_all);
    expect_found(t, "rarely", 4, false);
    expect_found(t, "RARELY, word9999", 1, false);
    expect_found(t, "never", 0, false);
    expect_of_peer(t, "rare@y", 4, false);
    expect_of_peer(t, "nobody@y", 0, false);
    /* What comes behind it is found too, before it is derived. */
    t->place.config.derived_rows = t->place.config.derived_ms = UINT32_MAX;
    open_again(t);
    append(t, 4990, 5000);
    wait_until(t, is_open);
    expect_found(t, "rarely", 5, false);
    expect_of_peer(t, "rare@y", 5, false);
}

static void lots_are_of_any_size(void **state)
{
    struct derived_test *t = *state;
    t->place.config.derived_rows = 7;
    open_again(t);
    for (int i = 0; i < 5000; i += 500)
        append(t, i, i + 500);
    wait_until(t, has_all);
    expect_found(t, "rarely", 1, false);
    expect_of_peer(t, "often@y", 4999, false);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_peer"), 5000);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_text"), 5000);
}

static void rows_of_dropped_entries_are_swept(void **state)
{
    struct derived_test *t = *state;
    t->place.config.sweep_ms = 1;
    open_again(t);
    append(t, 0, 100);
    wait_until(t, has_all);
    struct store_request *r = store_batch_new(0, 0);
    store_drop(r, ONE, LOG, 1, 90);
    desk_do(t->desk, r);
    assert_int_equal(r->err, 0);
    store_request_free(&r);
    expect_found(t, "often", 10, false);
    wait_until(t, has_swept);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_peer"), 10);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_text"), 10);
    assert_int_equal(
        number_in_file(t, "SELECT count(*) FROM entry_text WHERE entry_text MATCH 'word5'"), 0);
    expect_found(t, "often", 10, false);
}

static void it_is_made_again(struct derived_test *t)
{
    open_again(t);
    wait_until(t, has_all);
    expect_found(t, "often", 10, false);
    expect_of_peer(t, "often@y", 10, false);
}

static void write_file(struct derived_test *t, const char *suffix, const char *bytes, size_t at)
{
    char path[TEST_PATH_BYTES];
    int fd = open(test_beside(&t->place, suffix, path), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), (off_t)at), strlen(bytes));
    close(fd);
}

static void a_file_that_is_missing_or_damaged_is_made_anew(void **state)
{
    struct derived_test *t = *state;
    char path[TEST_PATH_BYTES];
    open_again(t);
    append(t, 0, 10);
    wait_until(t, has_all);
    desk_free(&t->desk);
    assert_int_equal(unlink(test_beside(&t->place, SQLITE_DERIVED_SUFFIX, path)), 0);
    it_is_made_again(t);
    desk_free(&t->desk);
    write_file(t, SQLITE_DERIVED_SUFFIX, "this is no database, whatever it was", 0);
    it_is_made_again(t);
    desk_free(&t->desk);
    assert_int_equal(truncate(path, 5000), 0);
    it_is_made_again(t);
    desk_free(&t->desk);
    assert_int_equal(truncate(path, 0), 0);
    it_is_made_again(t);
    /* Nobody was told of critical things: nothing is lost. */
    assert_int_equal(test_log_count(&t->place, "critical"), 0);
}

static void it_is_not_taken_from_another_database(void **state)
{
    struct derived_test *t = *state;
    char path[TEST_PATH_BYTES], kept[TEST_PATH_BYTES];
    open_again(t);
    append(t, 0, 50);
    wait_until(t, has_all);
    desk_free(&t->desk);
    test_beside(&t->place, SQLITE_DERIVED_SUFFIX, path);
    test_beside(&t->place, "-kept", kept);
    /* Its rows without its log would do no harm here; the log has them. */
    struct sql_settings settings = {.path = path, .relaxed = true};
    sqlite3 *db;
    int code;
    assert_int_equal(sql_open(&settings, &db, &code), 0);
    assert_int_equal(sql_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    sql_close(&db);
    assert_int_equal(rename(path, kept), 0);
    static const char *const gone[] = {"", "-derived-wal", "-derived-shm"};
    for (size_t i = 0; i < 3; i++)
        (void)unlink(test_beside(&t->place, gone[i], path));
    open_again(t);
    append(t, 0, 10);
    desk_free(&t->desk);
    assert_int_equal(rename(kept, test_beside(&t->place, SQLITE_DERIVED_SUFFIX, path)), 0);
    it_is_made_again(t);
}

/* An older database under a newer file, as after a restore: positions are given a second time. */
static void D18_positions_that_come_twice_are_derived_twice(void **state)
{
    struct derived_test *t = *state;
    open_again(t);
    append(t, 0, 10);
    wait_until(t, has_all);
    desk_free(&t->desk);
    char path[TEST_PATH_BYTES], kept[TEST_PATH_BYTES], copy[TEST_PATH_BYTES * 3];
    test_beside(&t->place, "-kept", kept);
    FILE *in = fopen(t->place.path, "rb"), *out = fopen(kept, "wb");
    assert_true(in != NULL && out != NULL);
    for (size_t n; (n = fread(copy, 1, sizeof(copy), in)) > 0;)
        assert_int_equal(fwrite(copy, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    open_again(t);
    append(t, 100, 120);
    wait_until(t, has_all);
    expect_found(t, "word105", 1, false);
    desk_free(&t->desk);
    assert_int_equal(rename(kept, t->place.path), 0);
    (void)unlink(test_beside(&t->place, "-wal", path));
    open_again(t);
    append(t, 200, 215);
    wait_until(t, has_all);
    expect_found(t, "word105", 0, false);
    expect_found(t, "word205", 1, false);
    expect_found(t, "often", 25, false);
    expect_of_peer(t, "often@y", 25, false);
}

static void searches_are_refused_where_nothing_says_what_entries_say(void **state)
{
    struct derived_test *t = *state;
    open_again(t);
    append(t, 0, 10);
    wait_until(t, has_all);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_text"), 10);
    t->place.config.text.of = NULL;
    open_again(t);
    struct store_request *r = store_query_new(0, 0);
    store_search(r, ONE, LOG, SLICE("often"), 0, UINT64_MAX, 0, false, &STORE_FILTER_NONE);
    desk_do(t->desk, r);
    assert_int_equal(r->err, ERR_REFUSED);
    store_request_free(&r);
    wait_until(t, has_all);
    assert_int_equal(number_in_file(t, "SELECT count(*) FROM entry_text"), 0);
    expect_of_peer(t, "often@y", 10, false);
    t->place.config.text = conformance_text;
    open_again(t);
    wait_until(t, has_all);
    expect_found(t, "often", 10, false);
}

static void damage_while_it_is_used_costs_time_and_no_answer(void **state)
{
    struct derived_test *t = *state;
    open_again(t);
    for (int i = 0; i < 20; i++)
        append(t, i * 500, i * 500 + 500);
    wait_until(t, has_all);
    struct sqlite_derived *v = derived_of(t);
    unsigned before = atomic_load(&v->generation);
    /* Every page but the first: the log is moved there, so that readers meet it. */
    pthread_mutex_lock(&v->connections);
    assert_int_equal(sql_exec(v->db, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    static char junk[4096];
    char path[TEST_PATH_BYTES];
    memset(junk, 'j', sizeof(junk));
    int fd = open(test_beside(&t->place, SQLITE_DERIVED_SUFFIX, path), O_WRONLY);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = 4096; at < size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
    close(fd);
    pthread_mutex_unlock(&v->connections);
    expect_found(t, "word4999 rarely", 1, false);
    expect_of_peer(t, "rare@y", 2, false);
    /* It says so, and starts again in its own time. */
    for (int i = 0; i < 20000 && atomic_load(&v->generation) == before; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(atomic_load(&v->generation) > before);
    expect_found(t, "rarely", 2, false);
    assert_true(test_log_count(&t->place, "event=store.derived") >= 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_rare_peer_and_word_need_no_walk_over_the_log),
        TEST(lots_are_of_any_size),
        TEST(rows_of_dropped_entries_are_swept),
        TEST(a_file_that_is_missing_or_damaged_is_made_anew),
        TEST(it_is_not_taken_from_another_database),
        TEST(D18_positions_that_come_twice_are_derived_twice),
        TEST(searches_are_refused_where_nothing_says_what_entries_say),
        TEST(damage_while_it_is_used_costs_time_and_no_answer),
    };
    return cmocka_run_group_tests_name("sqlite derived", tests, NULL, NULL);
}
